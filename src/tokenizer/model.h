// SPDX-License-Identifier: Apache-2.0
// The vocabulary and the rule that cuts a piece into its tokens.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/double_array.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/token_sink.h"
#include "tokenizer/word_cache.h"
#include "tokenizer/word_merger.h"

namespace nestvec {

// A step of a path through a piece, from its end to the beginning.
struct PathStep {
  std::uint32_t id;
  std::uint32_t length;  // bytes
};

// Memory that models work in; grows to the longest piece.
struct ModelScratch {
  std::vector<double> scores;
  std::vector<PathStep> steps;
  std::vector<PathStep> path;
  std::vector<Symbol> symbols;
  std::string character;
  WordMerger merger;
  WordCache words;
};

// Immutable, safe for concurrent use with a scratch of one's own. (nestvec::Model is the public
// class.)
class TokenModel {
 public:
  virtual ~TokenModel() = default;

  // Cuts one piece of `text`; linear in it, times the longest token. Throws what the pace throws,
  // and Error kInvalidArgument for a character that the vocabulary
  // lacks where there is no unknown token.
  virtual void tokenize(std::string_view text, const Piece& piece, ModelScratch& scratch,
                        TokenSink& sink, Pace& pace) const = 0;

  virtual std::size_t vocabulary_size() const noexcept = 0;
  virtual std::optional<std::uint32_t> token_to_id(std::string_view token) const = 0;
  // nullopt for an id that does not exist. The view lives as long as the model.
  virtual std::optional<std::string_view> id_to_token(std::uint32_t id) const = 0;
};

using ModelPtr = std::unique_ptr<const TokenModel>;

// A token of the file's vocabulary; `text` need only live until the model is made.
struct VocabularyEntry {
  std::string_view text;
  std::uint32_t id;
  double score;  // 0 for WordPiece
};

// Strings by number in one block of memory.
class TokenStrings {
 public:
  TokenStrings() = default;
  explicit TokenStrings(const std::vector<VocabularyEntry>& entries);
  std::optional<std::string_view> find(std::uint32_t id) const;

 private:
  struct Range {
    std::uint32_t begin;
    std::uint32_t length;  // kAbsent for an id between others that has no token
  };
  static constexpr std::uint32_t kAbsent = ~std::uint32_t{0};
  std::string bytes_;
  std::vector<Range> ranges_;  // indexed by id
};

// "Unigram": the path of the highest sum of scores (Kudo, "Subword Regularization", 2018, section
// 3.2), found as Hugging Face's encode_optimized does: sums in double from left to right, of equal
// ones the first found stays. Runs of unknown characters become one token, or the tokens <0x00> ...
// <0xFF> of their bytes under `byte_fallback` where all of them exist.
struct UnigramOptions {
  std::vector<VocabularyEntry> vocabulary;  // ids 0, 1, 2, ...; of equal texts the last counts
  std::optional<std::uint32_t> unknown_id;
  bool byte_fallback = false;
};
// Throws Error kInvalidArgument (empty vocabulary with an unknown id, unknown id out of range,
// scores beyond 1e30).
ModelPtr make_unigram(const UnigramOptions& options);

// "WordPiece": the longest token first, then the longest that goes on (with a prefix); a word with
// no way through, or one that is too long, is the unknown token.
struct WordPieceOptions {
  std::vector<VocabularyEntry> vocabulary;  // of equal texts the last counts
  std::string unknown_token = "[UNK]";
  std::string continuing_prefix = "##";
  std::size_t longest_word = 100;  // code points
};
// Throws Error kInvalidArgument for ids over 2^24.
ModelPtr make_wordpiece(const WordPieceOptions& options);

// "BPE": the characters of a piece, or its bytes, of which neighbours merge in the order of the
// merges until none do.
struct BpeOptions {
  struct Merge {
    std::string_view left;
    std::string_view right;
  };
  std::vector<VocabularyEntry> vocabulary;   // of equal texts the last counts
  std::vector<Merge> merges;                 // the first goes first; of equal pairs the last counts
  std::optional<std::string> unknown_token;  // without one, an unknown character vanishes
  std::string continuing_prefix;             // of all characters of a piece but the first one
  std::string end_suffix;                    // of the last one
  bool fuse_unknown = false;                 // neighbours become one unknown token
  bool byte_fallback = false;  // an unknown character becomes <0x00> ... <0xFF>, if they are there
  bool ignore_merges = false;  // a piece that is in the vocabulary is that token
  // Tokens are written in the alphabet of byte_level.h, pieces are the bytes themselves.
  bool byte_level = false;
};
// Throws Error kInvalidArgument (ids over 2^24, a merge of what is not in the vocabulary, a merge
// that adds nothing, affixes over 64 bytes or beside byte_fallback).
ModelPtr make_bpe(const BpeOptions& options);

// "WordLevel": a piece is one token.
struct WordLevelOptions {
  std::vector<VocabularyEntry> vocabulary;  // of equal texts the last counts
  std::string unknown_token = "<unk>";
};
ModelPtr make_word_level(const WordLevelOptions& options);

}  // namespace nestvec
