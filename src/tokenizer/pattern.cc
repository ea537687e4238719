// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pattern.h"

#include <algorithm>

#include "nestvec/error.h"

namespace nestvec {

Pattern Pattern::literal(std::string_view text) {
  if (text.empty()) throw Error(ErrorCode::kInvalidArgument, "the pattern is empty");
  Pattern pattern;
  pattern.literal_ = text;
  return pattern;
}

Pattern Pattern::regex(std::string_view expression) {
  Pattern pattern;
  pattern.regex_.emplace(expression);
  return pattern;
}

Pattern::Finder::Finder(const Pattern& pattern, std::string_view text, std::size_t end, Pace& pace)
    : literal_(pattern.literal_), text_(text.substr(0, end)), pace_(pace) {
  if (pattern.regex_) regex_.emplace(*pattern.regex_, text, end, pace);
}

std::optional<PatternMatch> Pattern::Finder::find(std::size_t from) {
  if (regex_) return regex_->find(from);
  const std::size_t begin = text_.find(literal_, from);
  pace_.spend(std::min(begin, text_.size()) - from);
  if (begin == std::string_view::npos) return std::nullopt;
  return PatternMatch{begin, begin + literal_.size()};
}

}  // namespace nestvec
