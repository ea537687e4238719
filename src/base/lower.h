// SPDX-License-Identifier: Apache-2.0
// Text in lower case, of ASCII alone.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace nestvec {

// The text with A to Z as a to z, whatever the locale; all other bytes stay.
inline std::string ascii_lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

}  // namespace nestvec
