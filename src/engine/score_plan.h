// SPDX-License-Identifier: Apache-2.0
// Pairs of texts to sequences: each side tokenised alone, cut, joined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "batch/packed_batch.h"
#include "engine/pair_plan.h"
#include "engine/plan.h"
#include "nestvec/options.h"
#include "text/chat_template.h"
#include "tokenizer/tokenizer.h"

namespace nestvec {

// What a model prescribes and a caller chose, for all pairs of a call.
struct PairRules {
  PlanRules text;
  PairTruncation cut = PairTruncation::kLongestFirst;
  std::size_t max_document_tokens = 0;   // as ScoreOptions
  bool best_window = false;              // the same
  bool token_types = false;              // the graph is told which text a token is of
  const PairTemplate* layout = nullptr;  // null: the tokenizer joins the texts
  std::string instruction = {};          // of a layout; empty: its own
  // Told the bytes of each sequence before it is made: a document may have many windows.
  std::function<void(std::size_t)> charge = {};
};

// What a sequence of so many tokens and token types holds until it has run.
std::size_t sequence_bytes(std::size_t tokens, std::size_t types) noexcept;

// One pair: a sequence, or one for each window of its document. Each has the span that
// PairRules::text pools.
struct PairSequences {
  std::vector<Sequence> windows;
  bool truncated = false;

  std::size_t tokens() const noexcept;
};

// Whether the tokens of a text that is laid out are those of its head, its document and its tail,
// one behind the other: the tokenizer puts a space before what follows it. Tried with documents of
// every kind.
bool splits_at_document(const Tokenizer& tokenizer, const PairTemplate& layout);

// For the pairs of one call, one after another. Keeps the tokens of the first text, which many
// pairs may share. With a layout these are those of all that stands before the document, and only
// what is before its tail is cut, at its end: the document and then the first text.
class PairPlanner {
 public:
  // Throws Error kInvalidArgument for a tokenizer that does not say how two texts are joined,
  // unless there is a layout.
  PairPlanner(const Tokenizer& tokenizer, const PairRules& rules);

  void set_first(std::string_view text);
  // `index` stands in errors. Throws Error: kOutOfRange (over-long under Truncation::kError),
  // kInvalidArgument (the first text leaves no room for the second, or a token that the model does
  // not have).
  PairSequences plan(std::string_view second, std::size_t index);

 private:
  void prepare_layout();
  void encode(std::string_view text, std::size_t max_tokens, std::vector<std::uint32_t>& ids);
  PairTokens cut(const PairTokens& counts, std::size_t index) const;
  std::size_t most_needed() const;
  Sequence join(std::span<const std::uint32_t> first, std::span<const std::uint32_t> second,
                std::size_t index);
  void add_windows(std::size_t index, PairSequences& pair);

  const Tokenizer& tokenizer_;
  PairRules rules_;
  std::vector<std::uint32_t> tail_;  // of the layout
  // Of its head, with all of its special tokens, where those of the texts are read as text.
  std::size_t special_bytes_ = 0;
  std::size_t added_;
  std::vector<std::uint32_t> first_;
  std::vector<std::uint32_t> second_;
  Tokens tokens_;  // reused
};

}  // namespace nestvec
