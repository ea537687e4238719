// SPDX-License-Identifier: Apache-2.0
// The regular expressions that tokenizers cut a text with, each compiled to a table that reads
// a character in a few nanoseconds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/pace.h"
#include "tokenizer/pattern_match.h"
#include "tokenizer/unicode_tables.h"
#include "tokenizer/utf8_scan.h"

namespace nestvec {

// Finds what Oniguruma finds, which runs such expressions in Hugging Face tokenizers: the first
// alternative that matches, greedy. The language: characters, escapes (\s \S \p{L} \P{L} \p{^L},
// N in place of L, \t \n \r \f \v and escaped punctuation), '.', classes, groups (capturing or
// not), alternatives, ? * + {n} {n,} {n,m}, (?i:...) over ASCII, and looking ahead at one
// character: (?!x) (?=x). Immutable, safe for concurrent use.
class Regex {
 public:
  // Throws Error kInvalidArgument, quoting the expression and the place, for any other construct,
  // for one that matches the empty string, and for one that would be too large.
  explicit Regex(std::string_view expression);

  class Finder;

 private:
  friend class RegexBuilder;
  // How a state goes on: the next state times two, and a bit for "a match ends here".
  using Entry = std::uint32_t;
  static constexpr std::uint32_t kDead = 0;
  static constexpr std::uint32_t kStart = 1;
  // White space, letter, number: the properties that tell characters apart, but for intervals.
  static constexpr std::size_t kProperties = 8;
  static std::size_t properties(char32_t c) noexcept {
    const std::uint8_t flags = unicode_flags(c);
    return (flags & kUnicodeWhitespace) | ((flags & (kUnicodeLetter | kUnicodeNumber)) >> 5);
  }

  // The class of the character at `position`, which moves on.
  std::uint32_t next_class(std::string_view text, std::size_t& position) const noexcept {
    const auto byte = static_cast<std::uint8_t>(text[position]);
    if (byte < ascii_.size()) {
      ++position;
      return ascii_[byte];
    }
    const char32_t c = next_code_point(text, position);
    std::size_t interval = 0;
    while (interval < boundaries_.size() && boundaries_[interval] <= c) ++interval;
    return classes_[interval * kProperties + properties(c)];
  }
  std::array<std::uint8_t, 128> ascii_{};  // -> class
  // Where intervals of the expression begin and end beyond ASCII; classes by interval, properties.
  std::vector<char32_t> boundaries_;
  std::vector<std::uint8_t> classes_;
  std::uint32_t class_count_ = 0;  // with the last one: the end of the text
  std::vector<Entry> table_;       // by state and class
};

// Finds the matches in one text, in order. What it has read in vain behind a match it remembers, so
// that the time is linear for every text and expression (Reps, "Maximal-munch tokenization in
// linear time", 1998). Not thread-safe.
class Regex::Finder {
 public:
  // `text` is valid UTF-8, of which the expression sees nothing behind `end`. All must outlive it.
  Finder(const Regex& regex, std::string_view text, std::size_t end, Pace& pace)
      : regex_(regex), text_(text), end_(end), pace_(pace) {}

  // The first match at or after `from`, which is not before the last match's end.
  std::optional<PatternMatch> find(std::size_t from);

 private:
  // Every so many bytes it is remembered that no match lies behind a state.
  static constexpr unsigned kBlockBits = 6;

  std::size_t match_at(std::size_t begin);
  bool is_hopeless(std::size_t position, std::uint32_t state);
  void give_up();

  const Regex& regex_;
  std::string_view text_;
  std::size_t end_;
  Pace& pace_;
  std::vector<std::uint64_t> trail_;  // states that were passed since the last match, and where
  std::unordered_set<std::uint64_t> hopeless_;
};

}  // namespace nestvec
