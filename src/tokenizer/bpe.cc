// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <atomic>
#include <limits>

#include "base/excerpt.h"
#include "nestvec/error.h"
#include "tokenizer/byte_level.h"
#include "tokenizer/model.h"
#include "tokenizer/token_index.h"
#include "tokenizer/utf8_scan.h"

namespace nestvec {
namespace {

constexpr std::uint32_t kNoSymbol = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t kLongestAffix = 64;
constexpr std::size_t kMostMerges = std::size_t{1} << 24;

Error refused(const std::string& message) { return Error(ErrorCode::kInvalidArgument, message); }

// Models of a process, from 1 on: whose words a thread's cache has.
std::uint32_t next_owner() {
  static std::atomic<std::uint32_t> last = 0;
  return ++last;
}

// Tokens as the bytes that they stand for, but for those that stand for none.
TokenIndex index_of_bytes(const std::vector<VocabularyEntry>& vocabulary) {
  std::size_t size = 0;
  for (const VocabularyEntry& entry : vocabulary) size += entry.text.size();
  std::string bytes;
  bytes.reserve(size);  // views into it stay valid
  std::vector<VocabularyEntry> entries;
  for (const VocabularyEntry& entry : vocabulary) {
    const std::size_t begin = bytes.size();
    if (!append_bytes_of(entry.text, bytes)) continue;
    entries.push_back({std::string_view(bytes).substr(begin), entry.id, 0});
  }
  return TokenIndex(entries);
}

class Bpe final : public TokenModel {
 public:
  explicit Bpe(const BpeOptions& options)
      : tokens_(options.vocabulary),
        unknown_token_(options.unknown_token),
        prefix_(options.continuing_prefix),
        suffix_(options.end_suffix),
        fuse_unknown_(options.fuse_unknown),
        ignore_merges_(options.ignore_merges),
        byte_level_(options.byte_level) {
    check_affixes(options);
    if (byte_level_) words_ = index_of_bytes(options.vocabulary);
    read_merges(options);
    find_byte_symbols();
    if (options.byte_fallback) find_byte_tokens();
    if (unknown_token_) unknown_id_ = tokens_.find(*unknown_token_);
  }

  void tokenize(std::string_view text, const Piece& piece, ModelScratch& scratch, TokenSink& sink,
                Pace& pace) const override {
    const std::string_view word = text.substr(piece.begin, piece.end - piece.begin);
    pace.spend(word.size());
    if (word.size() > WordCache::kLongestWord) {
      cut(word, scratch, pace);
      emit(scratch.symbols, piece, sink);
      return;
    }
    const std::uint64_t hash = hash_token(word);
    const WordCache::Entry* known = scratch.words.find(owner_, word, hash);
    if (known != nullptr) {
      emit_known(*known, piece, sink);
      return;
    }
    cut(word, scratch, pace);
    scratch.words.put(owner_, word, hash, scratch.symbols);
    emit(scratch.symbols, piece, sink);
  }

  std::size_t vocabulary_size() const noexcept override { return tokens_.size(); }
  std::optional<std::uint32_t> token_to_id(std::string_view token) const override {
    return tokens_.find(token);
  }
  std::optional<std::string_view> id_to_token(std::uint32_t id) const override {
    return tokens_.text(id);
  }

 private:
  static void check_affixes(const BpeOptions& options) {
    const std::string& prefix = options.continuing_prefix;
    const std::string& suffix = options.end_suffix;
    if (prefix.size() > kLongestAffix || suffix.size() > kLongestAffix) {
      throw refused(
          "continuing_subword_prefix or end_of_word_suffix is longer than 64 bytes, which is not "
          "supported");
    }
    if (options.byte_fallback && !(prefix.empty() && suffix.empty())) {
      throw refused(
          "byte_fallback beside a continuing_subword_prefix or an end_of_word_suffix is not "
          "supported");
    }
  }

  void read_merges(const BpeOptions& options) {
    if (options.merges.size() > kMostMerges) {
      throw refused(std::to_string(options.merges.size()) +
                    " merges are not supported, expected at most 16777216");
    }
    merges_ = MergeTable(options.merges.size());
    std::string merged;
    for (std::size_t rank = 0; rank < options.merges.size(); ++rank) {
      const auto& [left, right] = options.merges[rank];
      // So each merge makes a longer token, and the one of a pair that was there when it was looked
      // at can be told by its rank.
      if (left.empty() || right.size() <= prefix_.size() || !right.starts_with(prefix_)) {
        throw refused("merge " + std::to_string(rank) + " of \"" + excerpt(left) + "\" and \"" +
                      excerpt(right) +
                      "\": expected two tokens that are not empty, the second with the "
                      "continuing_subword_prefix");
      }
      const std::uint32_t left_id = id_of_merge(left, rank);
      const std::uint32_t right_id = id_of_merge(right, rank);
      merged.assign(left).append(right.substr(prefix_.size()));
      merges_.add(left_id, right_id, {static_cast<std::uint32_t>(rank), id_of_merge(merged, rank)});
    }
  }

  std::uint32_t id_of_merge(std::string_view token, std::size_t rank) const {
    const auto id = tokens_.find(token);
    if (!id) {
      throw refused("merge " + std::to_string(rank) + " names or makes the token \"" +
                    excerpt(token) + "\", which is not in the vocabulary");
    }
    return *id;
  }

  // Of single bytes: of all of them, or of ASCII where pieces are text.
  void find_byte_symbols() {
    for (std::size_t byte = 0; byte < byte_symbols_.size(); ++byte) {
      const char text = static_cast<char>(byte);
      byte_symbols_[byte] = pieces().find(std::string_view(&text, 1)).value_or(kNoSymbol);
    }
  }

  void find_byte_tokens() {
    static constexpr std::string_view kDigits = "0123456789ABCDEF";
    byte_tokens_.reserve(256);
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::string name = {'<', '0', 'x', kDigits[byte >> 4], kDigits[byte & 15], '>'};
      byte_tokens_.push_back(tokens_.find(name).value_or(kNoSymbol));
    }
  }

  // The vocabulary as pieces are written.
  const TokenIndex& pieces() const noexcept { return byte_level_ ? words_ : tokens_; }

  // Fills scratch.symbols with the tokens of `word`.
  void cut(std::string_view word, ModelScratch& scratch, Pace& pace) const {
    std::vector<Symbol>& symbols = scratch.symbols;
    symbols.clear();
    if (ignore_merges_) {
      if (const auto whole = pieces().find(word)) {
        symbols.push_back({*whole, static_cast<std::uint32_t>(word.size())});
        return;
      }
    }
    Symbol unknown{kNoSymbol, 0};
    for (std::size_t begin = 0; begin < word.size();) {
      const std::uint32_t length = byte_level_ ? 1 : utf8_length(word[begin]);
      add_character(word, {begin, begin + length}, unknown, scratch);
      begin += length;
    }
    if (unknown.length > 0) symbols.push_back(unknown);
    scratch.merger.merge(merges_, symbols, pace);
  }

  struct Range {
    std::size_t begin;
    std::size_t end;
  };

  // Adds the symbol of a character. `unknown` is a token that may still grow, or none of length 0.
  void add_character(std::string_view word, Range range, Symbol& unknown,
                     ModelScratch& scratch) const {
    std::vector<Symbol>& symbols = scratch.symbols;
    const auto length = static_cast<std::uint32_t>(range.end - range.begin);
    const std::uint32_t id = symbol_of(word, range, scratch.character);
    if (id != kNoSymbol) {
      if (unknown.length > 0) symbols.push_back(unknown);
      unknown.length = 0;
      symbols.push_back({id, length});
      return;
    }
    // The reference puts such bytes before the unknown token that is still growing.
    if (add_bytes(word.substr(range.begin, length), symbols) || !unknown_token_) return;
    if (unknown.length > 0 && !fuse_unknown_) {
      symbols.push_back(unknown);
      unknown.length = 0;
    }
    unknown = {id_of_unknown(), unknown.length + length};
  }

  std::uint32_t symbol_of(std::string_view word, Range range, std::string& buffer) const {
    const std::string_view character = word.substr(range.begin, range.end - range.begin);
    const bool has_prefix = range.begin > 0 && !prefix_.empty();
    const bool has_suffix = range.end == word.size() && !suffix_.empty();
    if (!has_prefix && !has_suffix) {
      if (character.size() == 1) return byte_symbols_[static_cast<std::uint8_t>(character[0])];
      return tokens_.find(character).value_or(kNoSymbol);
    }
    buffer.assign(has_prefix ? prefix_ : "").append(character).append(has_suffix ? suffix_ : "");
    return tokens_.find(buffer).value_or(kNoSymbol);
  }

  bool add_bytes(std::string_view character, std::vector<Symbol>& symbols) const {
    if (byte_tokens_.empty()) return false;
    const auto token_of = [&](char byte) { return byte_tokens_[static_cast<std::uint8_t>(byte)]; };
    if (std::any_of(character.begin(), character.end(),
                    [&](char byte) { return token_of(byte) == kNoSymbol; })) {
      return false;
    }
    for (const char byte : character) symbols.push_back({token_of(byte), 1});
    return true;
  }

  std::uint32_t id_of_unknown() const {
    if (!unknown_id_) {
      throw refused(
          "the text has a character that is not in the vocabulary, and the vocabulary lacks the "
          "unk_token \"" +
          *unknown_token_ + "\"");
    }
    return *unknown_id_;
  }

  void add_token(std::uint32_t id, std::size_t begin, std::size_t end, TokenSink& sink) const {
    sink.add(id, begin, end, sink.reads_strings() ? tokens_.text(id).value_or("") : "");
  }

  void emit(const std::vector<Symbol>& symbols, const Piece& piece, TokenSink& sink) const {
    std::size_t begin = piece.begin;
    for (const Symbol& symbol : symbols) {
      add_token(symbol.id, begin, begin + symbol.length, sink);
      begin += symbol.length;
    }
  }

  void emit_known(const WordCache::Entry& known, const Piece& piece, TokenSink& sink) const {
    std::size_t begin = piece.begin;
    for (std::size_t i = 0; i < known.count; ++i) {
      add_token(known.ids[i], begin, begin + known.lengths[i], sink);
      begin += known.lengths[i];
    }
  }

  const std::uint32_t owner_ = next_owner();
  TokenIndex tokens_;
  TokenIndex words_;  // with byte_level: by the bytes that tokens stand for
  MergeTable merges_;
  std::array<std::uint32_t, 256> byte_symbols_;
  std::vector<std::uint32_t> byte_tokens_;  // of <0x00> ... <0xFF>; empty without byte_fallback
  std::optional<std::string> unknown_token_;
  std::optional<std::uint32_t> unknown_id_;
  std::string prefix_;
  std::string suffix_;
  bool fuse_unknown_;
  bool ignore_merges_;
  bool byte_level_;
};

class WordLevel final : public TokenModel {
 public:
  explicit WordLevel(const WordLevelOptions& options)
      : tokens_(options.vocabulary),
        unknown_token_(options.unknown_token),
        unknown_id_(tokens_.find(unknown_token_)) {}

  void tokenize(std::string_view text, const Piece& piece, ModelScratch& /*scratch*/,
                TokenSink& sink, Pace& pace) const override {
    const std::string_view word = text.substr(piece.begin, piece.end - piece.begin);
    pace.spend(word.size());
    const auto id = tokens_.find(word);
    if (!id && !unknown_id_) {
      throw refused(
          "the text has a word that is not in the vocabulary, and the vocabulary lacks the "
          "unk_token \"" +
          unknown_token_ + "\"");
    }
    sink.add(id ? *id : *unknown_id_, piece.begin, piece.end, id ? word : unknown_token_);
  }

  std::size_t vocabulary_size() const noexcept override { return tokens_.size(); }
  std::optional<std::uint32_t> token_to_id(std::string_view token) const override {
    return tokens_.find(token);
  }
  std::optional<std::string_view> id_to_token(std::uint32_t id) const override {
    return tokens_.text(id);
  }

 private:
  TokenIndex tokens_;
  std::string unknown_token_;
  std::optional<std::uint32_t> unknown_id_;
};

}  // namespace

ModelPtr make_bpe(const BpeOptions& options) { return std::make_unique<Bpe>(options); }

ModelPtr make_word_level(const WordLevelOptions& options) {
  return std::make_unique<WordLevel>(options);
}

}  // namespace nestvec
