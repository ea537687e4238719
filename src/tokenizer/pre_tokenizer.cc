// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pre_tokenizer.h"

#include <algorithm>
#include <utility>

#include "tokenizer/split.h"
#include "tokenizer/unicode_data.h"
#include "tokenizer/utf8_scan.h"

namespace nestvec {

void PieceBuffer::advance() {
  std::swap(text, next_text);
  std::swap(pieces, next_pieces);
}

namespace {

void add_piece(std::size_t begin, std::size_t end, std::vector<Piece>& pieces) {
  if (begin == end) return;
  pieces.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)});
}

class WhitespaceSplit final : public PreTokenizer {
 public:
  void apply(PieceBuffer& buffer, Pace& pace) const override {
    cut_pieces(buffer, [&pace](std::string_view text, const Piece& piece, std::vector<Piece>& out) {
      std::size_t begin = piece.begin;
      for (std::size_t i = begin; i < piece.end;) {
        pace.spend();
        const std::size_t start = i;
        if (!is_whitespace(next_code_point(text, i))) continue;
        add_piece(begin, start, out);
        begin = i;
      }
      add_piece(begin, piece.end, out);
    });
  }
};

// Runs of word characters and runs of what is neither word nor whitespace.
class Whitespace final : public PreTokenizer {
 public:
  void apply(PieceBuffer& buffer, Pace& pace) const override {
    cut_pieces(buffer, [&pace](std::string_view text, const Piece& piece, std::vector<Piece>& out) {
      enum class Kind { kSpace, kWord, kOther };
      Kind kind = Kind::kSpace;
      std::size_t begin = piece.begin;
      for (std::size_t i = begin; i < piece.end;) {
        pace.spend();
        const std::size_t start = i;
        const char32_t c = next_code_point(text, i);
        const Kind next = is_word(c) ? Kind::kWord : is_whitespace(c) ? Kind::kSpace : Kind::kOther;
        if (next == kind) continue;
        if (kind != Kind::kSpace) add_piece(begin, start, out);
        kind = next;
        begin = start;
      }
      if (kind != Kind::kSpace) add_piece(begin, piece.end, out);
    });
  }
};

class BertPreTokenizer final : public PreTokenizer {
 public:
  void apply(PieceBuffer& buffer, Pace& pace) const override {
    cut_pieces(buffer, [&pace](std::string_view text, const Piece& piece, std::vector<Piece>& out) {
      std::size_t begin = piece.begin;
      for (std::size_t i = begin; i < piece.end;) {
        pace.spend();
        const std::size_t start = i;
        const char32_t c = next_code_point(text, i);
        const bool space = is_whitespace(c);
        if (!space && !is_punctuation(c)) continue;
        add_piece(begin, start, out);
        if (!space) add_piece(start, i, out);
        begin = i;
      }
      add_piece(begin, piece.end, out);
    });
  }
};

class SequencePreTokenizer final : public PreTokenizer {
 public:
  explicit SequencePreTokenizer(std::vector<PreTokenizerPtr> steps) : steps_(std::move(steps)) {}
  void apply(PieceBuffer& buffer, Pace& pace) const override {
    for (const PreTokenizerPtr& step : steps_) step->apply(buffer, pace);
  }
  bool needs_origins() const noexcept override {
    return std::any_of(steps_.begin(), steps_.end(),
                       [](const PreTokenizerPtr& step) { return step->needs_origins(); });
  }

 private:
  std::vector<PreTokenizerPtr> steps_;
};

}  // namespace

PreTokenizerPtr make_whitespace_split() { return std::make_unique<WhitespaceSplit>(); }
PreTokenizerPtr make_whitespace() { return std::make_unique<Whitespace>(); }
PreTokenizerPtr make_bert_pre_tokenizer() { return std::make_unique<BertPreTokenizer>(); }

PreTokenizerPtr make_sequence_pre_tokenizer(std::vector<PreTokenizerPtr> steps) {
  return std::make_unique<SequencePreTokenizer>(std::move(steps));
}

}  // namespace nestvec
