// SPDX-License-Identifier: Apache-2.0
// The Viterbi search against the definition: every way to cut a text is tried.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "nestvec/error.h"
#include "tokenizer/model.h"

namespace nestvec {
namespace {

std::vector<std::uint32_t> tokenize(const TokenModel& model, const std::string& text) {
  Pace pace;
  MappedText mapped;
  mapped.assign({text, 0, text.size()}, false, pace);
  std::vector<std::uint32_t> ids;
  TokenSink sink(text, ids, nullptr, nullptr);
  sink.set_text(mapped);
  ModelScratch scratch;
  model.tokenize(text, {0, static_cast<std::uint32_t>(text.size())}, scratch, sink, pace);
  return ids;
}

// Scores are whole numbers, so that sums are exact whatever their order.
struct Vocabulary {
  std::vector<std::string> texts = {"?"};
  std::vector<double> scores = {0};

  UnigramOptions options() const {
    UnigramOptions options;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      options.vocabulary.push_back({texts[i], static_cast<std::uint32_t>(i), scores[i]});
    }
    options.unknown_id = 0;
    return options;
  }
  double unknown_score() const { return *std::min_element(scores.begin(), scores.end()) - 10; }
};

// The best sum over all ways to cut text[from...].
double best_sum(const Vocabulary& vocabulary, const std::string& text, std::size_t from) {
  if (from == text.size()) return 0;
  double best = -std::numeric_limits<double>::infinity();
  bool character_known = false;
  for (std::size_t i = 1; i < vocabulary.texts.size(); ++i) {
    const std::string& token = vocabulary.texts[i];
    if (text.compare(from, token.size(), token) != 0) continue;
    character_known |= token.size() == 1;
    best = std::max(best, vocabulary.scores[i] + best_sum(vocabulary, text, from + token.size()));
  }
  if (character_known) return best;
  return std::max(best, vocabulary.unknown_score() + best_sum(vocabulary, text, from + 1));
}

TEST(Unigram, FindsABestPath) {
  std::mt19937 random(11);
  for (int round = 0; round < 60; ++round) {
    Vocabulary vocabulary;
    for (const char* token : {"a", "b", "ab", "ba", "aa", "aab", "abab", "bb", "abc", "c", "cab"}) {
      if (random() % 4 == 0) continue;
      vocabulary.texts.emplace_back(token);
      vocabulary.scores.push_back(-static_cast<double>(random() % 12));
    }
    const ModelPtr model = make_unigram(vocabulary.options());
    for (int k = 0; k < 20; ++k) {
      std::string text;
      for (std::size_t n = 1 + random() % 11; n > 0; --n) text.push_back("abc"[random() % 3]);
      double sum = 0;
      std::size_t known = 0;
      for (const std::uint32_t id : tokenize(*model, text)) {
        if (id == 0) continue;
        sum += vocabulary.scores[id];
        known += vocabulary.texts[id].size();
      }
      sum += vocabulary.unknown_score() * static_cast<double>(text.size() - known);
      EXPECT_EQ(sum, best_sum(vocabulary, text, 0)) << text;
    }
  }
}

TEST(Unigram, KeepsTheFirstOfEqualPaths) {
  Vocabulary vocabulary;
  vocabulary.texts = {"?", "a", "aa", "aaa"};
  vocabulary.scores = {0, -1, -2, -3};
  // To each end the path whose last token starts first is found first.
  EXPECT_EQ(tokenize(*make_unigram(vocabulary.options()), "aaaa"),
            (std::vector<std::uint32_t>{1, 3}));
}

TEST(Unigram, FusesUnknownCharacters) {
  Vocabulary vocabulary;
  vocabulary.texts = {"?", "a"};
  vocabulary.scores = {0, -1};
  const ModelPtr model = make_unigram(vocabulary.options());
  EXPECT_EQ(tokenize(*model, "xyaz"), (std::vector<std::uint32_t>{0, 1, 0}));
  EXPECT_EQ(tokenize(*model, "?"), (std::vector<std::uint32_t>{0}));
  EXPECT_EQ(tokenize(*model, "x?"), (std::vector<std::uint32_t>{0}));
}

TEST(Unigram, FallsBackToBytesWhereAllExist) {
  Vocabulary vocabulary;
  vocabulary.texts = {"?", "a", "<0xC3>", "<0xA9>"};
  vocabulary.scores = {0, -1, -5, -5};
  UnigramOptions options = vocabulary.options();
  options.byte_fallback = true;
  const ModelPtr model = make_unigram(options);
  EXPECT_EQ(tokenize(*model, "a\xC3\xA9"), (std::vector<std::uint32_t>{1, 2, 3}));
  EXPECT_EQ(tokenize(*model, "a\xC3\xA8"), (std::vector<std::uint32_t>{1, 0}));
}

TEST(Unigram, RefusesAnUnknownCharacterWithoutAnUnknownToken) {
  Vocabulary vocabulary;
  vocabulary.texts = {"a", "ab"};
  vocabulary.scores = {-1, -1};
  UnigramOptions options = vocabulary.options();
  options.unknown_id.reset();
  const ModelPtr model = make_unigram(options);
  EXPECT_THROW(tokenize(*model, "ax"), Error);
  EXPECT_EQ(tokenize(*model, "aa"), (std::vector<std::uint32_t>{0, 0}));
}

// Memory for scores depends on the longest token alone, for steps on the piece.
TEST(Unigram, NeedsMemoryInProportionToThePiece) {
  Vocabulary vocabulary;
  vocabulary.texts = {"?", "a", "aaaaaaa"};
  vocabulary.scores = {0, -1, -2};
  const ModelPtr model = make_unigram(vocabulary.options());
  const std::string text(100000, 'a');
  std::vector<std::uint32_t> ids;
  TokenSink sink(text, ids, nullptr, nullptr);
  ModelScratch scratch;
  Pace pace;
  model->tokenize(text, {0, 100000}, scratch, sink, pace);
  EXPECT_EQ(scratch.scores.size(), 8U);
  EXPECT_EQ(scratch.steps.size(), 100001U);
  EXPECT_EQ(ids.size(), 100000U / 7 + 100000U % 7);
}

}  // namespace
}  // namespace nestvec
