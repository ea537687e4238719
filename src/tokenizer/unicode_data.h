// SPDX-License-Identifier: Apache-2.0
// Properties and mappings of single code points, each in the Unicode version that the matching part
// of Hugging Face tokenizers 0.23.3 carries (they differ; checked for every code point).
// All functions are pure table look-ups: constant time, thread-safe, no errors. Any 32-bit value
// may be passed; surrogates and values over U+10FFFF have no property and map to themselves.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "tokenizer/unicode_tables.h"

namespace nestvec {

// White_Space: Rust's char::is_whitespace, and `\s` of the regex crate and of Oniguruma.
inline bool is_whitespace(char32_t c) noexcept {
  return (unicode_flags(c) & kUnicodeWhitespace) != 0;
}

// `\w` of the regex crate: Alphabetic, M, Nd, Pc, Join_Control.
inline bool is_word(char32_t c) noexcept { return (unicode_flags(c) & kUnicodeWord) != 0; }

// What the pre-tokenizers Punctuation and BertPreTokenizer split at: ASCII punctuation (symbols
// such as '$' and '+' included) or general category P.
inline bool is_punctuation(char32_t c) noexcept {
  return (unicode_flags(c) & kUnicodePunctuation) != 0;
}

// Everything that BertNormalizer's clean_text drops: control, format and private use (not
// unassigned) code points and U+FFFD, but not tab, line feed and carriage return.
inline bool is_bert_control(char32_t c) noexcept {
  return (unicode_flags(c) & kUnicodeControl) != 0;
}

// General category Mn as BertNormalizer's strip_accents sees it.
inline bool is_nonspacing_mark(char32_t c) noexcept {
  return (unicode_flags(c) & kUnicodeNonspacingMark) != 0;
}

// General category M as the normalizer StripAccents sees it (it removes combining marks).
inline bool is_combining_mark(char32_t c) noexcept {
  return (unicode_flags(c) & kUnicodeCombiningMark) != 0;
}

// `\p{L}` and `\p{N}` of Oniguruma, which runs the regular expressions of Split and ByteLevel.
inline bool is_letter(char32_t c) noexcept { return (unicode_flags(c) & kUnicodeLetter) != 0; }
inline bool is_number(char32_t c) noexcept { return (unicode_flags(c) & kUnicodeNumber) != 0; }

// What the pre-tokenizer Digits splits at: general category N of a later Unicode version.
inline bool is_numeric(char32_t c) noexcept {
  return (unicode_record(c).normalization & kNumeric) != 0;
}

// Lowercase of one code point without context (Rust's char::to_lowercase): 1 to 3 code points.
struct CaseMapping {
  std::array<char32_t, 3> code_points;
  std::uint32_t length;
};
CaseMapping lookup_lowercase(char32_t c) noexcept;  // what to_lowercase does off its fast path
inline CaseMapping to_lowercase(char32_t c) noexcept {
  if (c < 0x80) return {{c >= U'A' && c <= U'Z' ? c + 32 : c, 0, 0}, 1};
  if ((unicode_record(c).normalization & kLowercaseMapping) == 0) return {{c, 0, 0}, 1};
  return lookup_lowercase(c);
}

// Canonical_Combining_Class.
inline std::uint8_t combining_class(char32_t c) noexcept {
  return unicode_record(c).combining_class;
}

// Full decomposition (recursive, Hangul syllables included), not reordered; empty where `c` maps to
// itself. The span is valid until the next call with the same `buffer`.
using DecompositionBuffer = std::array<char32_t, 3>;
std::span<const char32_t> canonical_decomposition(char32_t c, DecompositionBuffer& buffer) noexcept;
std::span<const char32_t> compatibility_decomposition(char32_t c,
                                                      DecompositionBuffer& buffer) noexcept;

// The primary composite of two code points (Hangul included), 0 where there is none.
char32_t compose_pair(char32_t first, char32_t second) noexcept;

}  // namespace nestvec
