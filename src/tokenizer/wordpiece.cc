// SPDX-License-Identifier: Apache-2.0
#include "nestvec/error.h"
#include "tokenizer/model.h"
#include "tokenizer/utf8_scan.h"

namespace nestvec {
namespace {

constexpr std::uint32_t kNoId = DoubleArray::kNoValue;

class WordPiece final : public TokenModel {
 public:
  explicit WordPiece(const WordPieceOptions& options)
      : strings_(options.vocabulary), longest_word_(options.longest_word) {
    std::vector<DoubleArray::Key> keys;
    keys.reserve(options.vocabulary.size());
    for (const VocabularyEntry& entry : options.vocabulary) {
      if (entry.text.empty()) empty_token_id_ = entry.id;
      keys.push_back({entry.text, entry.id});
    }
    trie_ = DoubleArray(keys);
    size_ = options.vocabulary.size();
    continuation_ = trie_.root();
    has_continuation_ = trie_.walk(continuation_, options.continuing_prefix);
    unknown_id_ = token_to_id(options.unknown_token);
    unknown_token_ = options.unknown_token;
  }

  void tokenize(std::string_view text, const Piece& piece, ModelScratch& scratch, TokenSink& sink,
                Pace& pace) const override {
    pace.spend(piece.end - piece.begin);
    const std::string_view word = text.substr(piece.begin, piece.end - piece.begin);
    scratch.path.clear();
    if ((word.size() > longest_word_ && count_code_points(word) > longest_word_) ||
        !find_path(word, scratch.path)) {
      add_unknown(piece, sink);
      return;
    }
    std::size_t begin = piece.begin;
    for (const PathStep& step : scratch.path) {
      sink.add(step.id, begin, begin + step.length, strings_.find(step.id).value_or(""));
      begin += step.length;
    }
  }

  std::size_t vocabulary_size() const noexcept override { return size_; }

  std::optional<std::uint32_t> token_to_id(std::string_view token) const override {
    if (token.empty()) return empty_token_id_;
    const std::uint32_t id = trie_.find(token);
    if (id == kNoId) return std::nullopt;
    return id;
  }

  std::optional<std::string_view> id_to_token(std::uint32_t id) const override {
    return strings_.find(id);
  }

 private:
  // The greedy path, from the left; false where there is none.
  bool find_path(std::string_view word, std::vector<PathStep>& path) const {
    for (std::size_t begin = 0; begin < word.size();) {
      if (begin > 0 && !has_continuation_) return false;
      DoubleArray::Node node = begin == 0 ? trie_.root() : continuation_;
      PathStep longest{kNoId, 0};
      for (std::size_t end = begin; end < word.size() && trie_.step(node, word[end]);) {
        ++end;
        const std::uint32_t id = DoubleArray::value(node);
        if (id != kNoId) longest = {id, static_cast<std::uint32_t>(end - begin)};
      }
      if (longest.id == kNoId) return false;
      path.push_back(longest);
      begin += longest.length;
    }
    return true;
  }

  void add_unknown(const Piece& piece, TokenSink& sink) const {
    if (!unknown_id_) {
      throw Error(ErrorCode::kInvalidArgument,
                  "the text has a word that is not in the vocabulary, and the vocabulary lacks the "
                  "unk_token \"" +
                      unknown_token_ + "\"");
    }
    sink.add(*unknown_id_, piece.begin, piece.end, unknown_token_);
  }

  TokenStrings strings_;
  DoubleArray trie_;
  DoubleArray::Node continuation_ = 0;  // where the continuing prefix leads
  bool has_continuation_ = false;
  std::optional<std::uint32_t> unknown_id_;
  std::optional<std::uint32_t> empty_token_id_;
  std::string unknown_token_;
  std::size_t longest_word_;
  std::size_t size_ = 0;
};

}  // namespace

ModelPtr make_wordpiece(const WordPieceOptions& options) {
  return std::make_unique<WordPiece>(options);
}

}  // namespace nestvec
