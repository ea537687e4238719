// SPDX-License-Identifier: Apache-2.0
// From the text of a regular expression to its parts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace nestvec {

// Code points: those of intervals and escapes, or all but these.
struct RegexSet {
  struct Interval {
    char32_t first;
    char32_t last;
  };
  // What an escape adds: the code points that have a property (\s), or lack it (\S).
  struct Property {
    std::size_t bit;  // of Regex::properties
    bool present;
  };
  std::vector<Interval> intervals;
  std::vector<Property> properties;
  bool negated = false;

  // Of a code point with these properties.
  bool contains(char32_t c, std::size_t properties_of_c) const;
};

// A part of an expression. Leaves refer to a set by its number.
struct RegexNode {
  enum class Kind : std::uint8_t { kSet, kSequence, kAlternatives, kRepeat, kLookAhead };
  static constexpr std::uint32_t kUnbounded = std::numeric_limits<std::uint32_t>::max();

  Kind kind = Kind::kSequence;
  std::size_t set = 0;      // kSet, kLookAhead
  bool negative = false;    // kLookAhead: (?!x), which holds at the end of the text too
  std::uint32_t least = 1;  // kRepeat: how often its only child occurs
  std::uint32_t most = 1;
  std::vector<RegexNode> children = {};  // kSequence, kAlternatives, kRepeat
};

struct RegexSyntax {
  RegexNode root;
  std::vector<RegexSet> sets;
};

// Throws Error kInvalidArgument naming expression and place.
RegexSyntax parse_regex(std::string_view expression);

}  // namespace nestvec
