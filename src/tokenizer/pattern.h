// SPDX-License-Identifier: Apache-2.0
// What Replace and Split look for: a string, or a regular expression.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/pace.h"
#include "tokenizer/pattern_match.h"
#include "tokenizer/regex.h"

namespace nestvec {

// Immutable, safe for concurrent use.
class Pattern {
 public:
  // Throws Error kInvalidArgument for the empty string.
  static Pattern literal(std::string_view text);
  static Pattern regex(std::string_view expression);  // throws as Regex does

  class Finder;

 private:
  Pattern() = default;

  std::string literal_;  // where there is no regex_
  std::optional<Regex> regex_;
};

// Finds the matches in one text, in order: leftmost, those of expressions greedy. Not thread-safe.
class Pattern::Finder {
 public:
  // `text` is valid UTF-8, of which the pattern sees nothing behind `end`. All must outlive it.
  Finder(const Pattern& pattern, std::string_view text, std::size_t end, Pace& pace);

  // The first match at or after `from`, which is not before the last match's end.
  std::optional<PatternMatch> find(std::size_t from);

 private:
  const std::string& literal_;
  std::string_view text_;
  Pace& pace_;
  std::optional<Regex::Finder> regex_;
};

}  // namespace nestvec
