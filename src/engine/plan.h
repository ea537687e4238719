// SPDX-License-Identifier: Apache-2.0
// Texts to sequences: prompt, tokens, truncation, and the spans to pool. Late chunking lives here
// and nowhere else: to the rest of the line it is a sequence with several spans.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/pace.h"
#include "batch/packed_batch.h"
#include "engine/pooling.h"
#include "engine/tasks.h"
#include "nestvec/model.h"
#include "tokenizer/tokenizer.h"

namespace nestvec {

// What a model prescribes and a caller chose, for all texts of a call.
struct PlanRules {
  std::size_t max_tokens = 0;
  Pooling pooling = Pooling::kMean;
  Truncation truncation = Truncation::kRight;
  bool add_prompt = true;
  bool include_prompt = true;  // among the tokens that are pooled
  // Ids from here on are tokens that the model does not have; 0 = the tokenizer has no such.
  std::size_t vocabulary = 0;
  bool parse_special = true;
  Pace* pace = nullptr;  // spends the steps of tokenising and planning; null = nobody's
};

// One text as a sequence.
struct TextPlan {
  Sequence sequence;
  std::vector<ByteRange> offsets;  // filled by plan_tokens only: in `text`, {0,0} for added tokens
  bool truncated = false;
};

// Prompt and text, tokenised together and cut to max_tokens, with one span. `index` stands in
// errors. Throws Error kInvalidArgument: over-long under Truncation::kError, no tokens to pool, or
// a token that the model does not have.
TextPlan plan_text(const Tokenizer& tokenizer, const PlanRules& rules, const TaskChoice& task,
                   std::string_view text, std::size_t index);

// The same without a span but with offsets into the text as given.
TextPlan plan_tokens(const Tokenizer& tokenizer, const PlanRules& rules, const TaskChoice& task,
                     std::string_view text);

// Refuses a token that the model does not have; `what` has it. Throws Error kInvalidArgument.
void check_vocabulary(const Tokenizer& tokenizer, const PlanRules& rules,
                      std::span<const std::uint32_t> ids, const std::string& what,
                      const ErrorDetail& detail);

// A part of a chunk: so many tokens, which are pooled as span number `span` of all windows' spans.
struct ChunkPiece {
  std::size_t span = 0;
  std::uint32_t tokens = 0;
  std::uint32_t place = 0;  // as of the span
};

// Chunks as one context. A context that fits is one window; a longer one is read in windows that
// overlap by kWindowOverlap tokens, each with its own prompt and special tokens, where a token's
// embedding comes from the first window that holds it (arXiv:2409.04701, section 3.1).
struct LateChunkPlan {
  std::vector<Sequence> windows;
  std::vector<std::vector<ChunkPiece>> chunks;  // one entry a chunk, never empty
};

inline constexpr std::size_t kWindowOverlap = 256;

// The chunks joined by single spaces behind the prompt, tokenised once. A token belongs to the
// chunk in which it ends; the first chunk also owns the leading special tokens and the prompt, the
// last one the trailing special tokens, so one chunk alone gives what plan_text gives, also
// where it has no tokens of its own. Ignores rules.pooling: a chunk is all of its tokens. Throws
// Error kInvalidArgument: a chunk without tokens among others (naming its index), or a context over
// max_tokens under Truncation::kError. Linear in the chunks' text.
LateChunkPlan plan_late_chunks(const Tokenizer& tokenizer, const PlanRules& rules,
                               const TaskChoice& task, std::span<const std::string> chunks);

}  // namespace nestvec
