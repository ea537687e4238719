// SPDX-License-Identifier: Apache-2.0
// What Replace looks for: a string, or one of the plain regular expressions that tokenizers use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/pace.h"

namespace nestvec {

// A half-open range of bytes that matched.
struct PatternMatch {
  std::size_t begin;
  std::size_t end;
};

// Immutable, safe for concurrent use.
class Pattern {
 public:
  // Throws Error kInvalidArgument for the empty string.
  static Pattern literal(std::string_view text);
  // A sequence of characters, escapes (\s \S \t \n \r \f \v and escaped punctuation), '.' and
  // classes ([a-c0-9], [^...], escapes inside), each with {n} or nothing behind it; the last one
  // may have +, {n,} or {n,m} as well. Such an expression never goes back, so that a search is
  // linear in the text. Throws Error kInvalidArgument naming the expression for any other one and
  // for one that matches the empty string.
  static Pattern regex(std::string_view expression);

  // The first match at or after `from`, leftmost and greedy. `text` is valid UTF-8.
  std::optional<PatternMatch> find(std::string_view text, std::size_t from, Pace& pace) const;

 private:
  friend class PatternParser;
  struct Interval {
    char32_t first;
    char32_t last;
  };
  // A set of code points with the number of times that it is to occur.
  struct Atom {
    std::vector<Interval> intervals;
    bool whitespace = false;      // \s belongs to it
    bool not_whitespace = false;  // \S belongs to it
    bool negated = false;
    std::uint32_t least = 1;
    std::uint32_t most = 1;

    bool contains(char32_t c) const;
  };

  std::optional<std::size_t> match_at(std::string_view text, std::size_t begin, Pace& pace) const;

  std::string literal_;  // where there are no atoms
  std::vector<Atom> atoms_;
};

}  // namespace nestvec
