// SPDX-License-Identifier: Apache-2.0
// The pre-tokenizers that cut at delimiters: Split, Punctuation, Digits, CharDelimiterSplit.
#include "tokenizer/split.h"

#include <optional>
#include <string>

#include "tokenizer/pattern.h"
#include "tokenizer/unicode_data.h"
#include "tokenizer/utf8_scan.h"

namespace nestvec {
namespace {

class PatternSplit final : public PreTokenizer {
 public:
  PatternSplit(Pattern pattern, SplitBehavior behavior, bool inverted)
      : pattern_(std::move(pattern)), behavior_(behavior), inverted_(inverted) {}

  void apply(PieceBuffer& buffer, Pace& pace) const override {
    cut_pieces(buffer, [&](std::string_view text, const Piece& piece, std::vector<Piece>& out) {
      Pattern::Finder finder(pattern_, text, piece.end, pace);
      split_piece(piece, inverted_, MatchSplitter(behavior_, out),
                  [&](std::size_t from) { return finder.find(from); });
    });
  }

 private:
  Pattern pattern_;
  SplitBehavior behavior_;
  bool inverted_;
};

// Each character that `IsDelimiter` holds for is a match.
template <typename IsDelimiter>
class CharacterSplit final : public PreTokenizer {
 public:
  CharacterSplit(IsDelimiter is_delimiter, SplitBehavior behavior)
      : is_delimiter_(is_delimiter), behavior_(behavior) {}

  void apply(PieceBuffer& buffer, Pace& pace) const override {
    cut_pieces(buffer, [&](std::string_view text, const Piece& piece, std::vector<Piece>& out) {
      split_piece(piece, false, MatchSplitter(behavior_, out),
                  [&](std::size_t from) { return find(text, from, piece.end, pace); });
    });
  }

 private:
  std::optional<PatternMatch> find(std::string_view text, std::size_t from, std::size_t end,
                                   Pace& pace) const {
    for (std::size_t i = from; i < end;) {
      pace.spend();
      const std::size_t begin = i;
      if (is_delimiter_(next_code_point(text, i))) return PatternMatch{begin, i};
    }
    return std::nullopt;
  }

  IsDelimiter is_delimiter_;
  SplitBehavior behavior_;
};

template <typename IsDelimiter>
PreTokenizerPtr make_character_split(IsDelimiter is_delimiter, SplitBehavior behavior) {
  return std::make_unique<CharacterSplit<IsDelimiter>>(is_delimiter, behavior);
}

}  // namespace

PreTokenizerPtr make_split(Pattern pattern, SplitBehavior behavior, bool inverted) {
  return std::make_unique<PatternSplit>(std::move(pattern), behavior, inverted);
}

PreTokenizerPtr make_punctuation(SplitBehavior behavior) {
  return make_character_split([](char32_t c) { return is_punctuation(c); }, behavior);
}

PreTokenizerPtr make_digits(bool each) {
  return make_character_split([](char32_t c) { return is_numeric(c); },
                              each ? SplitBehavior::kIsolated : SplitBehavior::kContiguous);
}

PreTokenizerPtr make_character_delimiter_split(char32_t delimiter) {
  return make_character_split([delimiter](char32_t c) { return c == delimiter; },
                              SplitBehavior::kRemoved);
}

}  // namespace nestvec
