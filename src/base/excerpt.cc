// SPDX-License-Identifier: Apache-2.0
#include "base/excerpt.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/utf8.h"

namespace nestvec {

std::string excerpt(std::string_view text) {
  constexpr std::size_t kShown = 60;
  std::string shown(text.substr(0, kShown));
  if (text.size() > kShown) {
    // Not half a character.
    while (!shown.empty() && (static_cast<unsigned char>(text[shown.size()]) & 0xC0) == 0x80) {
      shown.pop_back();
    }
    shown += "...";
  }
  return one_line(std::move(shown));
}

std::string one_line(std::string message) {
  constexpr std::size_t kLimit = 1000;
  constexpr std::size_t kKept = 490;  // at either end
  if (message.size() > kLimit) message.replace(kKept, message.size() - 2 * kKept, " [...] ");
  std::replace_if(
      message.begin(), message.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  std::string storage;
  return std::string(repair_utf8(message, storage));
}

}  // namespace nestvec
