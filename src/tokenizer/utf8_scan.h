// SPDX-License-Identifier: Apache-2.0
// Walking over text that is known to be valid UTF-8, inline for the tokenizer's inner loops.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace nestvec {

// Bytes in the UTF-8 form of the code point that starts with `lead`.
inline std::uint32_t utf8_length(char lead) noexcept {
  const auto byte = static_cast<std::uint8_t>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

inline bool is_utf8_continuation(char byte) noexcept {
  return (static_cast<std::uint8_t>(byte) & 0xC0) == 0x80;
}

// The code point that starts at `position`, which moves on to the next one.
// Precondition: `text` is valid UTF-8 and `position` < text.size() is a code point's start.
inline char32_t next_code_point(std::string_view text, std::size_t& position) noexcept {
  const auto byte = [&](std::size_t i) -> char32_t {
    return static_cast<std::uint8_t>(text[position + i]);
  };
  const char32_t lead = byte(0);
  char32_t value = lead;
  if (lead < 0x80) {
    position += 1;
  } else if (lead < 0xE0) {
    value = ((lead & 0x1F) << 6) | (byte(1) & 0x3F);
    position += 2;
  } else if (lead < 0xF0) {
    value = ((lead & 0x0F) << 12) | ((byte(1) & 0x3F) << 6) | (byte(2) & 0x3F);
    position += 3;
  } else {
    value = ((lead & 0x07) << 18) | ((byte(1) & 0x3F) << 12) | ((byte(2) & 0x3F) << 6) |
            (byte(3) & 0x3F);
    position += 4;
  }
  return value;
}

// The start of the code point that ends before `position` > 0.
inline std::size_t previous_code_point(std::string_view text, std::size_t position) noexcept {
  do {
    --position;
  } while (position > 0 && is_utf8_continuation(text[position]));
  return position;
}

// Code points in valid UTF-8.
inline std::size_t count_code_points(std::string_view text) noexcept {
  std::size_t count = 0;
  for (const char byte : text) count += is_utf8_continuation(byte) ? 0U : 1U;
  return count;
}

}  // namespace nestvec
