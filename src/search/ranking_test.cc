// SPDX-License-Identifier: Apache-2.0
// Rankings against their definitions, computed here from the texts themselves.
#include "search/ranking.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace nestvec {
namespace {

std::vector<WordCount> words_in(const std::string& text) {
  Pace pace;
  return count_words(text, pace);
}

SearchIndex index_of(const std::vector<std::vector<std::string>>& files) {
  SearchIndex index;
  for (const std::vector<std::string>& texts : files) {
    IndexedFile file;
    for (const std::string& text : texts) {
      IndexedChunk chunk;
      chunk.words = words_in(text);
      file.chunks.push_back(chunk);
    }
    index.files.push_back(file);
  }
  return index;
}

std::vector<std::string> split(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

// BM25 as the paper states it, over strings.
double plain_bm25(const std::vector<std::string>& texts, std::size_t which,
                  const std::string& query) {
  double all = 0;
  for (const std::string& text : texts) all += static_cast<double>(split(text).size());
  const double mean = all / static_cast<double>(texts.size());
  const std::vector<std::string> words = split(texts[which]);
  const std::vector<std::string> sought = split(query);
  double score = 0;
  for (const std::string& word : std::set<std::string>(sought.begin(), sought.end())) {
    double having = 0;
    for (const std::string& text : texts) {
      const std::vector<std::string> other = split(text);
      having += std::count(other.begin(), other.end(), word) > 0 ? 1 : 0;
    }
    const auto tf = static_cast<double>(std::count(words.begin(), words.end(), word));
    const double n = static_cast<double>(texts.size());
    const double idf = std::log(1 + (n - having + 0.5) / (having + 0.5));
    const double length = static_cast<double>(words.size());
    score += idf * (tf * 2.2) / (tf + 1.2 * (0.25 + 0.75 * length / mean));
  }
  return score;
}

TEST(RankByWords, IsBm25) {
  std::mt19937 random(7);
  std::vector<std::string> texts;
  for (int i = 0; i < 60; ++i) {
    std::string text;
    const auto length = random() % 30;
    for (std::size_t w = 0; w < length; ++w) text += "w" + std::to_string(random() % 40) + " ";
    texts.push_back(text);
  }
  const std::vector<std::string> first(texts.begin(), texts.begin() + 25);
  const std::vector<std::string> rest(texts.begin() + 25, texts.end());
  const SearchIndex index = index_of({first, {}, rest});
  for (const std::string query : {"w1", "w2 w3 w3", "w5 absent w17 w0"}) {
    std::vector<RankedChunk> expected;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const double score = plain_bm25(texts, i, query);
      if (score > 0) expected.push_back({i, score});
    }
    std::stable_sort(expected.begin(), expected.end(),
                     [](const auto& a, const auto& b) { return a.score > b.score; });
    const std::vector<RankedChunk> found = rank_by_words(index, words_in(query), 100);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_NEAR(found[i].score, expected[i].score, 1e-9);
      EXPECT_NEAR(found[i].score, plain_bm25(texts, found[i].chunk, query), 1e-9);
    }
    EXPECT_EQ(rank_by_words(index, words_in(query), 3),
              std::vector<RankedChunk>(found.begin(), found.begin() + 3));
  }
}

TEST(RankByWords, OfNothingIsEmpty) {
  EXPECT_TRUE(rank_by_words({}, words_in("cat"), 5).empty());
  EXPECT_TRUE(rank_by_words(index_of({{"dog"}, {""}}), words_in("cat"), 5).empty());
  EXPECT_TRUE(rank_by_words(index_of({{"dog"}}), {}, 5).empty());
}

TEST(RankByVectors, IsTheDotProduct) {
  constexpr std::size_t kWidth = 37;  // not a multiple of what is summed at once
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  SearchIndex index = index_of({{"a", "b"}, {}, {"c", "d", "e"}});
  std::vector<float> query(kWidth);
  for (float& value : query) value = normal(random);
  std::vector<double> expected;
  for (IndexedFile& file : index.files) {
    for (std::size_t i = 0; i < file.chunks.size(); ++i) {
      double sum = 0;
      for (std::size_t k = 0; k < kWidth; ++k) {
        file.vectors.push_back(normal(random));
        sum += static_cast<double>(file.vectors.back()) * static_cast<double>(query[k]);
      }
      expected.push_back(sum);
    }
  }
  const std::vector<RankedChunk> found = rank_by_vectors(index, query, 4);
  ASSERT_EQ(found.size(), 4U);
  for (const RankedChunk& each : found) EXPECT_NEAR(each.score, expected[each.chunk], 1e-5);
  std::sort(expected.rbegin(), expected.rend());
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(found[i].score, expected[i], 1e-5);
}

TEST(RankByVectors, EqualScoresKeepTheOrder) {
  SearchIndex index = index_of({{"a", "b"}, {"c"}});
  index.files[0].vectors = {1, 0, 1, 0};
  index.files[1].vectors = {1, 0};
  const std::vector<float> query = {1, 0};
  const std::vector<RankedChunk> found = rank_by_vectors(index, query, 9);
  EXPECT_EQ(found, (std::vector<RankedChunk>{{0, 1}, {1, 1}, {2, 1}}));
}

TEST(FuseRankings, SumsReciprocalRanks) {
  const std::vector<std::vector<RankedChunk>> rankings = {{{4, 0.9}, {7, 0.8}, {1, 0.1}},
                                                          {{7, 12.0}, {9, 3.0}}};
  const std::vector<RankedChunk> fused = fuse_rankings(rankings, 10);
  const std::map<std::size_t, double> expected = {
      {7, 1.0 / 62 + 1.0 / 61}, {4, 1.0 / 61}, {9, 1.0 / 62}, {1, 1.0 / 63}};
  ASSERT_EQ(fused.size(), 4U);
  const std::vector<std::size_t> order = {7, 4, 9, 1};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(fused[i].chunk, order[i]);
    EXPECT_NEAR(fused[i].score, expected.at(order[i]), 1e-12);
  }
  EXPECT_EQ(fuse_rankings(rankings, 2).size(), 2U);
  EXPECT_TRUE(fuse_rankings({}, 2).empty());
}

}  // namespace
}  // namespace nestvec
