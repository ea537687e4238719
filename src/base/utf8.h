// SPDX-License-Identifier: Apache-2.0
// UTF-8 as the whole project reads it: ill-formed input becomes U+FFFD, one for each maximal
// subpart (Unicode 15, section 3.9, "U+FFFD Substitution of Maximal Subparts"; what Python's
// errors="replace" and the WHATWG decoder do).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace nestvec {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;

// A code point and the bytes it took.
struct DecodedCodePoint {
  char32_t code_point;
  std::uint32_t length;
};

// The code point at the start of `text`. Precondition: !text.empty() and text is valid UTF-8.
// Inline: it is the innermost loop of the tokenizer.
inline DecodedCodePoint decode_utf8(std::string_view text) {
  const auto byte = [text](std::size_t i) -> char32_t {
    return static_cast<unsigned char>(text[i]);
  };
  const auto low_bits = [byte](std::size_t i) { return byte(i) & 0x3FU; };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xE0) return {((lead & 0x1FU) << 6) | low_bits(1), 2};
  if (lead < 0xF0) return {((lead & 0x0FU) << 12) | (low_bits(1) << 6) | low_bits(2), 3};
  return {((lead & 0x07U) << 18) | (low_bits(1) << 12) | (low_bits(2) << 6) | low_bits(3), 4};
}

// Appends the UTF-8 form of a Unicode scalar value.
void append_utf8(char32_t code_point, std::string& out);

// True for well-formed UTF-8 (no surrogates, no overlong forms, nothing over U+10FFFF).
bool is_valid_utf8(std::string_view text);

// `text` itself where it is valid; otherwise `storage`, filled with the repaired text.
std::string_view repair_utf8(std::string_view text, std::string& storage);

}  // namespace nestvec
