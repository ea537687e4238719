// SPDX-License-Identifier: Apache-2.0
// The components of one tokenizer.json in the order in which a text passes them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/pace.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/decoder.h"
#include "tokenizer/model.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/post_processor.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/tokenizer.h"

namespace nestvec {

// The file's "truncation" entry.
struct FileTruncation {
  std::size_t max_length = 0;
  std::size_t stride = 0;
  bool left = false;
  bool only_second = false;  // a strategy that cannot shorten a single text
};

// What a tokenizer.json describes. Null where the file has null.
struct TokenizerParts {
  NormalizerPtr normalizer;
  PreTokenizerPtr pre_tokenizer;
  ModelPtr model;
  std::vector<AddedToken> added_tokens;
  PostProcessor post_processor;
  DecoderPtr decoder;
  std::optional<FileTruncation> truncation;
  bool split_special = false;  // special tokens in a text are text
};

// Memory that encode works in, reused from call to call.
struct EncodeScratch {
  std::string repaired;
  std::vector<TextPart> parts;             // of the original text
  std::vector<TextPart> normalized_parts;  // of one part's normalized text
  MappedText normalized;
  PieceBuffer pieces;
  ModelScratch model;
  std::vector<TokenMargins> margins;
};

class Tokenizer::Pipeline {
 public:
  explicit Pipeline(TokenizerParts parts);

  void encode(std::string_view text, const EncodeOptions& options, EncodeScratch& scratch,
              Tokens& out) const;
  // See Tokenizer.
  Tokens join_pair(const Tokens& first, const Tokens& second) const;
  void join_pair(std::span<const std::uint32_t> first, std::span<const std::uint32_t> second,
                 Tokens& out) const;
  bool has_pairs() const noexcept { return !parts_.post_processor.pair().empty(); }
  // Throws Error kInvalidArgument if there is none.
  const TokenLayout& pair_layout() const;

  std::string decode(std::span<const std::uint32_t> ids, bool skip_special, Pace& pace) const;

  std::size_t vocabulary_size() const noexcept;
  std::optional<std::uint32_t> token_to_id(std::string_view token) const;
  std::optional<std::string_view> id_to_token(std::uint32_t id) const;
  std::size_t added_special_tokens() const noexcept {
    return parts_.post_processor.special_count();
  }
  const TokenTypes& token_types() const noexcept { return parts_.post_processor.types(); }
  bool truncates_left() const noexcept { return parts_.truncation && parts_.truncation->left; }

 private:
  // How many tokens of the text may stay, and which.
  struct Limit {
    std::size_t tokens;
    bool left = false;
    std::size_t stride = 0;
    bool only_second = false;
  };
  Limit limit_for(const EncodeOptions& options) const;

  // One run over a text: what its steps share.
  struct Run {
    std::string_view text;
    const EncodeOptions& options;
    EncodeScratch& scratch;
    TokenSink& sink;
    Pace& pace;
    std::size_t enough;  // tokens in the sink after which the rest of the text does not matter
    bool track;          // origins are needed
  };
  bool parses_special(const Run& run) const {
    return run.options.parse_special && !parts_.split_special;
  }
  void encode_text(Run& run) const;
  void encode_part(const TextPart& part, Run& run) const;
  void encode_pieces(Run& run) const;
  void truncate(const Limit& limit, std::size_t first, EncodeScratch& scratch, Tokens& out) const;
  void trim_offsets(const Run& run, std::span<ByteRange> offsets) const;

  TokenizerParts parts_;
  AddedTokens added_;
};

}  // namespace nestvec
