// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/regex.h"

#include "tokenizer/regex_builder.h"

namespace nestvec {

Regex::Regex(std::string_view expression) { RegexBuilder(expression).build(*this); }

// Whether it is known that no match ends behind `position`, where `state` was reached.
bool Regex::Finder::is_hopeless(std::size_t position, std::uint32_t state) {
  const std::uint64_t key = static_cast<std::uint64_t>(state) << 32 | position;
  if (hopeless_.contains(key)) return true;
  trail_.push_back(key);
  return false;
}

void Regex::Finder::give_up() {
  hopeless_.insert(trail_.begin(), trail_.end());
  trail_.clear();
}

// The end of the match that begins at `begin`; `begin` where there is none.
std::size_t Regex::Finder::match_at(std::size_t begin) {
  const Entry* const table = regex_.table_.data();
  const std::size_t classes = regex_.class_count_;
  std::size_t matched = begin;
  std::size_t position = begin;
  std::uint32_t state = kStart;
  while (position < end_ && state != kDead) {
    const std::size_t here = position;
    const Entry entry = table[state * classes + regex_.next_class(text_, position)];
    state = entry >> 1;
    if ((entry & 1) != 0) {
      matched = here;
      trail_.clear();
    } else if (here - matched > (std::size_t{1} << kBlockBits) &&
               ((here ^ position) >> kBlockBits) != 0 && is_hopeless(position, state)) {
      state = kDead;
    }
  }
  pace_.spend(position - begin);
  if ((table[state * classes + classes - 1] & 1) != 0) {
    trail_.clear();
    return end_;
  }
  if (!trail_.empty()) give_up();
  return matched;
}

std::optional<PatternMatch> Regex::Finder::find(std::size_t from) {
  for (std::size_t begin = from; begin < end_; begin += utf8_length(text_[begin])) {
    const std::size_t matched = match_at(begin);
    if (matched > begin) return PatternMatch{begin, matched};
  }
  return std::nullopt;
}

}  // namespace nestvec
