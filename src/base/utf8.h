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
DecodedCodePoint decode_utf8(std::string_view text);

// Appends the UTF-8 form of a Unicode scalar value.
void append_utf8(char32_t code_point, std::string& out);

// True for well-formed UTF-8 (no surrogates, no overlong forms, nothing over U+10FFFF).
bool is_valid_utf8(std::string_view text);

// `text` itself where it is valid; otherwise `storage`, filled with the repaired text.
std::string_view repair_utf8(std::string_view text, std::string& storage);

}  // namespace nestvec
