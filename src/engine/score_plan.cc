// SPDX-License-Identifier: Apache-2.0
#include "engine/score_plan.h"

#include <algorithm>
#include <string>

#include "engine/pair_plan.h"

namespace nestvec {
namespace {

ErrorDetail of_pair(std::size_t index) {
  ErrorDetail detail;
  detail.text = index;
  return detail;
}

}  // namespace

std::size_t PairSequences::tokens() const noexcept {
  std::size_t count = 0;
  for (const Sequence& window : windows) count += window.ids.size();
  return count;
}

PairPlanner::PairPlanner(const Tokenizer& tokenizer, const PairRules& rules)
    : tokenizer_(tokenizer), rules_(rules), added_(tokenizer.pair_special_count()) {}

void PairPlanner::encode(std::string_view text, std::size_t max_tokens,
                         std::vector<std::uint32_t>& ids) {
  EncodeOptions options;
  options.add_special = false;
  options.parse_special = rules_.text.parse_special;
  options.offsets = false;
  options.max_tokens = max_tokens;
  options.pace = rules_.text.pace;
  tokenizer_.encode(text, options, tokens_);
  ids = tokens_.ids;
}

void PairPlanner::set_first(std::string_view text) { encode(text, 0, first_); }

// Tokens of the second text that can matter; 0: all. Which text is longer decides what is cut, so
// that more are read than fit.
std::size_t PairPlanner::most_needed() const {
  if (rules_.text.truncation != Truncation::kRight) return 0;
  const std::size_t document = rules_.max_document_tokens;
  if (rules_.best_window) return document == 0 ? 0 : document + 1;
  const std::size_t most = std::max(rules_.text.max_tokens, first_.size()) + 1;
  return document == 0 ? most : std::min(most, document + 1);
}

Sequence PairPlanner::join(std::span<const std::uint32_t> first,
                           std::span<const std::uint32_t> second, std::size_t index) {
  tokenizer_.join_pair(first, second, tokens_);
  const std::string name = "pair " + std::to_string(index);
  check_vocabulary(tokenizer_, rules_.text, tokens_.ids, name, of_pair(index));
  if (rules_.text.pace != nullptr) rules_.text.pace->spend(tokens_.ids.size());
  Sequence sequence{tokens_.ids, kNoTask, {{0, 1}}};
  const std::vector<std::uint8_t>& types = tokens_.type_ids;
  const bool any = std::any_of(types.begin(), types.end(), [](auto type) { return type > 0; });
  if (rules_.token_types && any) sequence.types = types;
  return sequence;
}

PairSequences PairPlanner::plan(std::string_view second, std::size_t index) {
  encode(second, most_needed(), second_);
  PairSequences pair;
  const std::size_t document = rules_.max_document_tokens;
  if (document > 0 && second_.size() > document) {
    pair.truncated = true;
    const auto kept = kept_tokens(second_, document, rules_.text.truncation);
    second_ = std::vector<std::uint32_t>(kept.begin(), kept.end());
  }
  if (rules_.best_window) {
    add_windows(index, pair);
    return pair;
  }
  const PairTokens counts{first_.size(), second_.size()};
  const Truncation side = rules_.text.truncation;
  const PairTokens plan = plan_pair(
      counts, {rules_.text.max_tokens, added_, rules_.cut, side == Truncation::kError}, index);
  pair.truncated = pair.truncated || plan != counts;
  pair.windows.push_back(
      join(kept_tokens(first_, plan.first, side), kept_tokens(second_, plan.second, side), index));
  return pair;
}

void PairPlanner::add_windows(std::size_t index, PairSequences& pair) {
  const std::size_t limit = rules_.text.max_tokens;
  const WindowPlan plan = plan_windows({first_.size(), second_.size()}, {limit, added_});
  const Truncation side = rules_.text.truncation;
  if (plan.query < first_.size()) {
    if (side == Truncation::kError) {
      throw Error(ErrorCode::kOutOfRange,
                  "pair " + std::to_string(index) + ": its first text has " +
                      std::to_string(first_.size()) +
                      " tokens and leaves too little of the model's " + std::to_string(limit) +
                      " to windows of the second; shorten it, or allow truncation",
                  of_pair(index));
    }
    pair.truncated = true;
  }
  const std::span<const std::uint32_t> document = second_;
  for (const DocumentWindow& window : plan.windows) {
    pair.windows.push_back(join(kept_tokens(first_, plan.query, side),
                                document.subspan(window.begin, window.end - window.begin), index));
  }
}

}  // namespace nestvec
