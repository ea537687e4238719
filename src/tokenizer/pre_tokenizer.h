// SPDX-License-Identifier: Apache-2.0
// The step between normalizer and model: the text is cut into pieces that the model sees one by
// one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tokenizer/mapped_text.h"

namespace nestvec {

// A half-open range of bytes of the text; never empty.
struct Piece {
  std::uint32_t begin;
  std::uint32_t end;
  friend bool operator==(const Piece&, const Piece&) = default;
};

// A text and its pieces, in order, with memory to make the next version in. Pieces need not cover
// the text. A pre-tokenizer that changes the text writes a new one that its pieces refer to.
struct PieceBuffer {
  MappedText text;
  std::vector<Piece> pieces;
  MappedText next_text;
  std::vector<Piece> next_pieces;

  // Makes next_text and next_pieces the current ones.
  void advance();
};

// Immutable, safe for concurrent use.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  // Linear in the text; throws what the pace throws.
  virtual void apply(PieceBuffer& buffer, Pace& pace) const = 0;
  // Whether it must know where a piece came from, so that origins are tracked at all times.
  virtual bool needs_origins() const noexcept { return false; }
};

using PreTokenizerPtr = std::unique_ptr<const PreTokenizer>;

PreTokenizerPtr make_whitespace_split();    // "WhitespaceSplit": at whitespace, which goes away
PreTokenizerPtr make_whitespace();          // "Whitespace": \w+|[^\w\s]+
PreTokenizerPtr make_bert_pre_tokenizer();  // "BertPreTokenizer": whitespace, and each punctuation

// What becomes of the delimiters of a split.
enum class SplitBehavior : std::uint8_t {
  kRemoved,
  kIsolated,
  kMergedWithPrevious,
  kMergedWithNext,
  kContiguous,
};
PreTokenizerPtr make_punctuation(SplitBehavior behavior);

// "Split": at what a pattern finds, or (`inverted`) at what lies between.
class Pattern;
PreTokenizerPtr make_split(Pattern pattern, SplitBehavior behavior, bool inverted);
PreTokenizerPtr make_digits(bool each);  // "Digits": each digit alone, or runs of them
// "CharDelimiterSplit": at the delimiter, which goes away.
PreTokenizerPtr make_character_delimiter_split(char32_t delimiter);

// "ByteLevel": a space before each piece that has none there, the pieces of GPT-2's regular
// expression, and for each byte the character that stands for it.
struct ByteLevelOptions {
  bool add_prefix_space = true;
  bool use_regex = true;
  // Leave the bytes as they are, for a model that knows them so.
  bool keep_bytes = false;
};
PreTokenizerPtr make_byte_level(const ByteLevelOptions& options);

// "Metaspace": spaces become `replacement`, which also goes to the front of a piece that does not
// start with it: of every piece, of those at the very beginning of the text, or of none.
enum class PrependScheme : std::uint8_t { kAlways, kFirst, kNever };
struct MetaspaceOptions {
  std::string replacement = "\xE2\x96\x81";
  PrependScheme prepend_scheme = PrependScheme::kAlways;
  bool split = true;  // before each replacement
};
PreTokenizerPtr make_metaspace(MetaspaceOptions options);

PreTokenizerPtr make_sequence_pre_tokenizer(std::vector<PreTokenizerPtr> steps);

}  // namespace nestvec
