// SPDX-License-Identifier: Apache-2.0
// How much of two texts a model reads together, and a long document as windows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nestvec/options.h"

namespace nestvec {

// Tokens of the two texts of a pair, without the special ones.
struct PairTokens {
  std::size_t first = 0;
  std::size_t second = 0;
  friend bool operator==(const PairTokens&, const PairTokens&) = default;
};

struct PairLimits {
  std::size_t max_tokens = 0;  // of the pair with its special tokens
  std::size_t added = 0;       // special tokens: Tokenizer::pair_special_count()
  // kModel counts as kLongestFirst.
  PairTruncation rule = PairTruncation::kLongestFirst;
  // A pair that is too long is refused.
  bool refuse = false;
};

// How many tokens of each text stay, as Hugging Face tokenizers 0.23.3 has it. kLongestFirst: the
// longer text loses tokens down to the length of the shorter one; where both are still too long,
// they share the room, and an odd token goes to the text that was longer, or to the second. `index`
// is the pair's and stands in errors. Throws Error: kOutOfRange (too long, with limits.refuse),
// kInvalidArgument (kOnlySecond, and the first text leaves no room for a token of the second; a
// limit below the special tokens).
PairTokens plan_pair(const PairTokens& counts, const PairLimits& limits, std::size_t index);

// The `count` tokens of a text that stay: its last ones under kLeft, else its first ones.
// Precondition: count <= ids.size().
std::span<const std::uint32_t> kept_tokens(std::span<const std::uint32_t> ids, std::size_t count,
                                           Truncation side);

// Tokens [begin, end) of a document.
struct DocumentWindow {
  std::size_t begin = 0;
  std::size_t end = 0;
  friend bool operator==(const DocumentWindow&, const DocumentWindow&) = default;
};

// A document that is read in several windows, each behind the same query.
struct WindowPlan {
  std::size_t query = 0;                // tokens of it that stay in every window
  std::vector<DocumentWindow> windows;  // in order; never empty
};

// Each window has as many tokens of the document as fit behind the query; neighbours share a
// quarter of a window, the last two more where the document ends earlier. The query is cut so that
// at least a quarter of the room is left to the document. A pair that fits is one window, with the
// whole query. The windows' tokens are at most six times those of the pair. Throws Error
// kInvalidArgument for a limit that leaves no room for a token of the document.
WindowPlan plan_windows(const PairTokens& counts, const PairLimits& limits);

}  // namespace nestvec
