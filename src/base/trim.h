// SPDX-License-Identifier: Apache-2.0
// Text without the blanks around it.
#pragma once

#include <cstddef>
#include <string_view>

namespace nestvec {

// The text without spaces, tabs and line ends around it.
inline std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

}  // namespace nestvec
