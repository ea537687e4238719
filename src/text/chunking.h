// SPDX-License-Identifier: Apache-2.0
// Documents into chunks: by sentences, or by tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/pace.h"

namespace nestvec {

// A half-open range of bytes of a document.
struct ByteSpan {
  std::size_t begin = 0;
  std::size_t end = 0;

  bool operator==(const ByteSpan&) const = default;
  std::string_view of(std::string_view text) const { return text.substr(begin, end - begin); }
};

// All of these: the spans cover the text, in order and without overlap, end between characters, and
// each has a character that is to be seen (not only spaces, controls, marks of format). So white
// space belongs to the sentence before it, or to the first. A text with nothing to be seen has no
// spans. Precondition: `text` is valid UTF-8. Linear in text and tokens; throws what the pace
// throws.

// Sentences end behind . ! ? and their kin in other scripts, closing quotes and brackets included,
// and at line breaks; neither ends one before a lower-case letter, but an empty line always does. A
// full stop does not end one after an abbreviation or an initial, inside a number, or behind the
// number that a sentence begins with ("1. Scope").
std::vector<ByteSpan> split_sentences(std::string_view text, Pace& pace);

// Chunks of `sentences` sentences each, the last with what is left. Precondition: sentences > 0.
std::vector<ByteSpan> chunk_by_sentences(std::string_view text, std::size_t sentences, Pace& pace);

// Byte ranges of a text's tokens, as the tokenizer gives them; {0,0} for tokens of no text.
using TokenOffsets = std::span<const std::pair<std::uint32_t, std::uint32_t>>;

// Chunks of at most `tokens` tokens, cut at the last space in the second half of a chunk, or
// between tokens where there is none. A character of more tokens is not divided. Precondition:
// tokens > 0.
std::vector<ByteSpan> chunk_by_tokens(std::string_view text, TokenOffsets offsets,
                                      std::size_t tokens, Pace& pace);

// Where chunks lie in the text that is tokenised, and that text's tokens.
struct ChunkTokens {
  std::size_t begin = 0;          // of the first chunk: what stands before is not theirs
  std::vector<std::size_t> ends;  // one a chunk; a token belongs to the chunk in which it ends
  TokenOffsets offsets;
};

// The chunks, but those without a token are part of the one before, or of the first that has one.
// One chunk with all of the text where none has a token. Precondition: there is a chunk.
std::vector<ByteSpan> merge_without_tokens(std::span<const ByteSpan> chunks,
                                           const ChunkTokens& tokens, Pace& pace);

// `span` without white space at either end.
ByteSpan trim(std::string_view text, ByteSpan span, Pace& pace);

// Counts code points up to byte offsets that only grow, as Python or [...text] in JavaScript
// counts them.
class CodePointCounter {
 public:
  explicit CodePointCounter(std::string_view text) : text_(text) {}
  // Precondition: not less than the offset before.
  std::size_t at(std::size_t byte_offset);

 private:
  std::string_view text_;
  std::size_t byte_ = 0;
  std::size_t count_ = 0;
};

}  // namespace nestvec
