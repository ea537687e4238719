// SPDX-License-Identifier: Apache-2.0
// The pre-tokenizers that cut at delimiters: Split, Punctuation, Digits, CharDelimiterSplit.
#include "tokenizer/split.h"

#include <optional>
#include <string>

#include "tokenizer/regex.h"
#include "tokenizer/unicode_data.h"
#include "tokenizer/utf8_scan.h"

namespace nestvec {
namespace {

class RegexSplit final : public PreTokenizer {
 public:
  RegexSplit(Regex regex, SplitBehavior behavior, bool inverted)
      : regex_(std::move(regex)), behavior_(behavior), inverted_(inverted) {}

  void apply(PieceBuffer& buffer, Pace& pace) const override {
    cut_pieces(buffer, [&](std::string_view text, const Piece& piece, std::vector<Piece>& out) {
      Regex::Finder finder(regex_, text, piece.end, pace);
      split_piece(piece, inverted_, MatchSplitter(behavior_, out),
                  [&](std::size_t from) { return finder.find(from); });
    });
  }

 private:
  Regex regex_;
  SplitBehavior behavior_;
  bool inverted_;
};

class StringSplit final : public PreTokenizer {
 public:
  StringSplit(Pattern pattern, SplitBehavior behavior, bool inverted)
      : pattern_(std::move(pattern)), behavior_(behavior), inverted_(inverted) {}

  void apply(PieceBuffer& buffer, Pace& pace) const override {
    cut_pieces(buffer, [&](std::string_view text, const Piece& piece, std::vector<Piece>& out) {
      split_piece(piece, inverted_, MatchSplitter(behavior_, out), [&](std::size_t from) {
        return pattern_.find(text.substr(0, piece.end), from, pace);
      });
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

PreTokenizerPtr make_regex_split(Regex regex, SplitBehavior behavior, bool inverted) {
  return std::make_unique<RegexSplit>(std::move(regex), behavior, inverted);
}

PreTokenizerPtr make_string_split(Pattern pattern, SplitBehavior behavior, bool inverted) {
  return std::make_unique<StringSplit>(std::move(pattern), behavior, inverted);
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
