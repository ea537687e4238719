// SPDX-License-Identifier: Apache-2.0
#include "engine/score_plan.h"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/pair_plan.h"

namespace nestvec {
namespace {

ErrorDetail of_pair(std::size_t index) {
  ErrorDetail detail;
  detail.text = index;
  return detail;
}

// Of a sequence of `count` tokens, what the head reads.
Span span_of(Pooling pooling, std::size_t count) {
  const auto end = static_cast<std::uint32_t>(count);
  if (pooling == Pooling::kCls) return {0, 1};
  if (pooling == Pooling::kLast) return {end - 1, end};
  return {0, end};
}

// Bytes of a text up to the end of its last special token: what follows has the same tokens whether
// special tokens are read as such or not. 0: there is none.
std::size_t end_of_special(const Tokenizer& tokenizer, const std::string& text) {
  EncodeOptions options;
  options.add_special = false;
  const Tokens read = tokenizer.encode(text, options);
  options.parse_special = false;
  const Tokens plain = tokenizer.encode(text, options);
  if (read.ids == plain.ids) return 0;
  std::size_t end = text.size();
  for (std::size_t k = 1; k <= std::min(read.ids.size(), plain.ids.size()); ++k) {
    const std::size_t i = read.ids.size() - k;
    const std::size_t j = plain.ids.size() - k;
    if (read.ids[i] != plain.ids[j] || read.offsets[i] != plain.offsets[j]) break;
    end = read.offsets[i].begin;
  }
  return end;
}

}  // namespace

bool splits_at_document(const Tokenizer& tokenizer, const PairTemplate& layout) {
  const auto ids_of = [&](const std::string& text) {
    EncodeOptions options;
    options.add_special = false;
    options.offsets = false;
    return tokenizer.encode(text, options).ids;
  };
  const std::string head = layout.head_of("query", "");
  for (const char* document :
       {"", "word", "42", "(a)", " two", "\n", "\tx ", "\u0301e", "'s", "\u00a0", "_", "word \n"}) {
    const std::string spaced = std::string(" ") + document;
    std::vector<std::uint32_t> parts = ids_of(head);
    for (const std::string& part : {spaced, layout.tail}) {
      const std::vector<std::uint32_t> ids = ids_of(part);
      parts.insert(parts.end(), ids.begin(), ids.end());
    }
    if (parts != ids_of(head + spaced + layout.tail)) return false;
  }
  return true;
}

std::size_t sequence_bytes(std::size_t tokens, std::size_t types) noexcept {
  return sizeof(Sequence) + sizeof(Span) + tokens * sizeof(std::uint32_t) + types;
}

std::size_t PairSequences::tokens() const noexcept {
  std::size_t count = 0;
  for (const Sequence& window : windows) count += window.ids.size();
  return count;
}

PairPlanner::PairPlanner(const Tokenizer& tokenizer, const PairRules& rules)
    : tokenizer_(tokenizer), rules_(rules) {
  if (rules_.layout != nullptr) prepare_layout();
  added_ = rules_.layout != nullptr ? tail_.size() : tokenizer.pair_special_count();
}

// Special tokens of a template are read as such, also where those of the texts are not.
void PairPlanner::prepare_layout() {
  const PairTemplate& layout = *rules_.layout;
  EncodeOptions options;
  options.add_special = false;
  options.offsets = false;
  tail_ = tokenizer_.encode(layout.tail, options).ids;
  if (rules_.text.parse_special) return;
  for (const TemplatePart& part : layout.head) {
    const std::size_t end = part.role.empty() ? end_of_special(tokenizer_, part.text) : 0;
    if (end == 0) continue;
    if (&part != &layout.head.front()) {
      throw Error(ErrorCode::kUnimplemented,
                  "special tokens in the texts cannot be read as text: the chat template has some "
                  "behind the instruction or the query");
    }
    special_bytes_ = end;
  }
}

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

void PairPlanner::set_first(std::string_view text) {
  if (rules_.layout == nullptr) return encode(text, 0, first_);
  const std::string head = rules_.layout->head_of(text, rules_.instruction);
  encode(std::string_view(head).substr(special_bytes_), 0, first_);
  if (special_bytes_ == 0) return;
  EncodeOptions options;
  options.add_special = false;
  options.offsets = false;
  const std::vector<std::uint32_t> ids =
      tokenizer_.encode(std::string_view(head).substr(0, special_bytes_), options).ids;
  first_.insert(first_.begin(), ids.begin(), ids.end());
}

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
  if (rules_.layout == nullptr) {
    tokenizer_.join_pair(first, second, tokens_);
  } else {
    tokens_.clear();
    for (const std::span<const std::uint32_t> part :
         {first, second, std::span(std::as_const(tail_))}) {
      tokens_.ids.insert(tokens_.ids.end(), part.begin(), part.end());
    }
  }
  const std::string name = "pair " + std::to_string(index);
  if (tokens_.ids.empty()) {
    throw Error(ErrorCode::kInvalidArgument, name + " has no tokens, so it has no score",
                of_pair(index));
  }
  check_vocabulary(tokenizer_, rules_.text, tokens_.ids, name, of_pair(index));
  if (rules_.text.pace != nullptr) rules_.text.pace->spend(tokens_.ids.size());
  const std::vector<std::uint8_t>& types = tokens_.type_ids;
  const bool typed = rules_.token_types &&
                     std::any_of(types.begin(), types.end(), [](auto type) { return type > 0; });
  if (rules_.charge) rules_.charge(sequence_bytes(tokens_.ids.size(), typed ? types.size() : 0));
  Sequence sequence{tokens_.ids, kNoTask, {span_of(rules_.text.pooling, tokens_.ids.size())}};
  if (typed) sequence.types = types;
  return sequence;
}

PairSequences PairPlanner::plan(std::string_view second, std::size_t index) {
  if (rules_.layout == nullptr) {
    encode(second, most_needed(), second_);
  } else {
    encode(" " + std::string(second), most_needed(), second_);
  }
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
  const PairTokens plan = cut(counts, index);
  pair.truncated = pair.truncated || plan != counts;
  pair.windows.push_back(
      join(kept_tokens(first_, plan.first, side), kept_tokens(second_, plan.second, side), index));
  return pair;
}

// A layout is one text to its model's own code, which cuts it before the tail.
PairTokens PairPlanner::cut(const PairTokens& counts, std::size_t index) const {
  const PairLimits limits{rules_.text.max_tokens, added_, rules_.cut,
                          rules_.text.truncation == Truncation::kError};
  const bool whole =
      rules_.layout != nullptr && !limits.refuse && limits.rule != PairTruncation::kOnlySecond;
  if (!whole || limits.max_tokens < added_) return plan_pair(counts, limits, index);
  const std::size_t room = limits.max_tokens - added_;
  const std::size_t first = std::min(counts.first, room);
  return {first, std::min(counts.second, room - first)};
}

void PairPlanner::add_windows(std::size_t index, PairSequences& pair) {
  const std::size_t limit = rules_.text.max_tokens;
  const WindowPlan plan = plan_windows({first_.size(), second_.size()}, {limit, added_});
  const Truncation side = rules_.text.truncation;
  if (plan.query < first_.size()) {
    // What is cut off of a layout's head is what tells the model where the document begins.
    if (side == Truncation::kError || rules_.layout != nullptr) {
      throw Error(ErrorCode::kOutOfRange,
                  "pair " + std::to_string(index) + ": its first text has " +
                      std::to_string(first_.size()) +
                      " tokens and leaves too little of the model's " + std::to_string(limit) +
                      " to windows of the second; shorten it, or " +
                      (rules_.layout != nullptr ? "score without best_window" : "allow truncation"),
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
