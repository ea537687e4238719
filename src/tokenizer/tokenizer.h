// SPDX-License-Identifier: Apache-2.0
// A tokenizer.json made runnable: text -> ids and offsets, bit-exact with Hugging Face tokenizers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/added_token.h"

namespace nestvec {

class JsonDocument;
class Pace;
struct TokenTypes;

// A half-open byte range [begin, end) of the text as it was given.
struct ByteRange {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// One text's encoding. All vectors have one entry a token.
struct Tokens {
  std::vector<std::uint32_t> ids;
  std::vector<ByteRange> offsets;      // {0, 0} for tokens that the post-processor added
  std::vector<std::uint8_t> special;   // 1 for tokens that the post-processor added
  std::vector<std::uint8_t> type_ids;  // of a joined pair; else empty
  bool truncated = false;

  void clear();
};

struct EncodeOptions {
  bool add_special = true;    // run the post-processor ("<s> text </s>")
  bool parse_special = true;  // special tokens typed in the text count as such
  bool offsets = true;        // false: `offsets` and `special` stay empty, encoding is faster
  // Most tokens of the result, special tokens included; 0 = no limit. Overrides the file's own
  // entry.
  std::size_t max_tokens = 0;
  bool truncate_left = false;    // drop from the beginning instead of the end
  bool file_truncation = false;  // with max_tokens == 0: apply the file's "truncation" entry
  // Spends a few steps a character, and so may end the encoding early; null = none does.
  Pace* pace = nullptr;
};

// What other files of a model say about the text before it is split, and about its added tokens.
struct NormalizerChanges {
  // Put a Lowercase before the normalizer, unless it is one or has one among its steps: what
  // sentence-transformers makes of do_lower_case.
  bool lowercase_first = false;
  // Of a BertNormalizer, where given: what transformers makes of the keys of tokenizer_config.json.
  std::optional<bool> lowercase = std::nullopt;
  std::optional<bool> strip_accents = std::nullopt;
  std::optional<bool> handle_chinese_chars = std::nullopt;
  // Added behind those of tokenizer.json, unless it has the content already.
  std::vector<AddedToken> tokens = {};
  // Take the place of those with the same content.
  std::vector<AddedToken> restated = {};
  bool split_special = false;  // special tokens typed in a text are text, whatever is asked for
};

// Immutable after construction; safe for concurrent use.
//
// Ids and offsets, and the types of a pair, equal those of Hugging Face tokenizers 0.23.3 for a
// file built of: the models Unigram, WordPiece, BPE (without dropout) and WordLevel; the
// normalizers Precompiled, BertNormalizer, NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Replace
// (a string, or a regular expression as regex.h has it), Strip, Prepend, Sequence; the
// pre-tokenizers ByteLevel, Split (as Replace), Digits, CharDelimiterSplit, Metaspace, WhitespaceSplit, Whitespace, BertPreTokenizer, Punctuation,
// Sequence; the post-processors TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel,
// Sequence; the decoders ByteLevel, BPEDecoder, Metaspace, WordPiece, Replace, Fuse, Strip,
// ByteFallback, Sequence. The "padding" entry is read over: nothing here pads.
class Tokenizer {
 public:
  // Reads a tokenizer.json. Blocks on file I/O. Throws Error: kNotFound, kInvalidArgument (naming
  // the component that is unknown or broken), kResourceExhausted (over 256 MiB).
  static Tokenizer load(const std::string& path, const NormalizerChanges& changes = {});
  // The same from memory; `name` stands in error messages.
  static Tokenizer parse(std::string_view json, const std::string& name,
                         const NormalizerChanges& changes = {});

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Encodes one text into `out`, reusing its memory. Ill-formed UTF-8 counts as U+FFFD
  // (base/utf8.h) and offsets then refer to the repaired text. Linear in the text's length, times
  // that of the vocabulary's longest token (n log n for a word of BPE); working memory stays with
  // the thread, but for that of texts over 128 KiB. Throws what the pace throws, and Error
  // kInvalidArgument: a text over 1 GiB or one that normalizes to 4 GiB, max_tokens below the
  // special tokens, a character that the vocabulary lacks where the file names no unknown token.
  void encode(std::string_view text, const EncodeOptions& options, Tokens& out) const;
  Tokens encode(std::string_view text, const EncodeOptions& options = {}) const;

  // The tokens of two texts, each encoded with add_special = false, as one sequence with the
  // special tokens around them: what the post-processor makes of a pair. It has offsets, each into
  // its own text, if both have them. Throws Error kInvalidArgument if has_pairs() is false, with
  // the reason.
  Tokens join_pair(const Tokens& first, const Tokens& second) const;
  // The same of ids alone, reusing the memory of `out`.
  void join_pair(std::span<const std::uint32_t> first, std::span<const std::uint32_t> second,
                 Tokens& out) const;
  // Whether tokenizer.json says how two texts are joined.
  bool has_pairs() const noexcept;
  // Tokens that join_pair adds (4 for "<s> $A </s></s> $B </s>"). Throws Error as join_pair.
  std::size_t pair_special_count() const;

  // Text of ids through the file's decoder. Throws Error kInvalidArgument for an id that does not
  // exist, naming its index.
  std::string decode(std::span<const std::uint32_t> ids, bool skip_special = true) const;
  // The same, linear in ids and text; throws what the pace throws.
  std::string decode(std::span<const std::uint32_t> ids, bool skip_special, Pace& pace) const;

  std::size_t vocabulary_size() const noexcept;  // added tokens included
  std::optional<std::uint32_t> token_to_id(std::string_view token) const;
  std::string_view id_to_token(std::uint32_t id) const;  // empty for an id that does not exist
  // Tokens that the post-processor adds to one text (2 for "<s> $A </s>").
  std::size_t added_special_tokens() const noexcept;
  // Whether the file's own truncation drops the beginning of a text.
  bool truncates_left() const noexcept;
  // The types of a text's tokens, special ones included. Valid until the tokenizer dies.
  const TokenTypes& token_types() const noexcept;

 private:
  class Pipeline;
  explicit Tokenizer(std::unique_ptr<const Pipeline> pipeline);
  static Tokenizer from_document(const JsonDocument& document, const NormalizerChanges& changes);
  std::unique_ptr<const Pipeline> pipeline_;
};

// Turns byte offsets into Unicode code point offsets, as Hugging Face prints them. `text` is the
// text that was encoded (after repair_utf8). Linear in its length and in the offsets.
void to_character_offsets(std::string_view text, std::span<ByteRange> offsets);

}  // namespace nestvec
