// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/word_merger.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <tuple>
#include <vector>

namespace nestvec {
namespace {

// A made-up language of 4 letters, of which pairs of known tokens merge by chance.
struct Language {
  MergeTable table{200};
  std::vector<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>> merges;  // left, right, id

  explicit Language(std::mt19937& random) {
    std::vector<std::string> tokens = {"a", "b", "c", "d"};
    for (std::uint32_t rank = 0; rank < 40; ++rank) {
      const auto left = static_cast<std::uint32_t>(random() % tokens.size());
      const auto right = static_cast<std::uint32_t>(random() % tokens.size());
      const std::string text = tokens[left] + tokens[right];
      const auto id = static_cast<std::uint32_t>(std::find(tokens.begin(), tokens.end(), text) -
                                                 tokens.begin());
      if (id == tokens.size()) tokens.push_back(text);
      table.add(left, right, {rank, id});
      merges.emplace_back(left, right, id);
    }
  }

  // The definition, word for word: the lowest rank anywhere, the leftmost of it. Of a pair that is
  // there twice the last one counts.
  std::vector<std::uint32_t> merged(std::vector<std::uint32_t> ids) const {
    while (true) {
      std::size_t best_rank = merges.size();
      std::size_t best_place = 0;
      for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
        std::size_t rank = merges.size();
        for (std::size_t m = 0; m < merges.size(); ++m) {
          if (std::get<0>(merges[m]) == ids[i] && std::get<1>(merges[m]) == ids[i + 1]) rank = m;
        }
        if (rank < best_rank) {
          best_rank = rank;
          best_place = i;
        }
      }
      if (best_rank == merges.size()) return ids;
      ids[best_place] = std::get<2>(merges[best_rank]);
      ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best_place) + 1);
    }
  }
};

TEST(WordMerger, FollowsTheDefinitionForShortAndLongWords) {
  std::mt19937 random(1);
  WordMerger merger;
  Pace pace;
  for (int round = 0; round < 300; ++round) {
    const Language language(random);
    const std::size_t length = 1 + random() % (round % 2 == 0 ? 24 : 150);
    const std::uint32_t letters = 1 + random() % 4;
    std::vector<std::uint32_t> ids;
    std::vector<Symbol> symbols;
    for (std::size_t i = 0; i < length; ++i) {
      ids.push_back(static_cast<std::uint32_t>(random() % letters));
      symbols.push_back({ids.back(), 1});
    }
    merger.merge(language.table, symbols, pace);
    std::vector<std::uint32_t> got;
    std::size_t covered = 0;
    for (const Symbol& symbol : symbols) {
      got.push_back(symbol.id);
      covered += symbol.length;
    }
    EXPECT_EQ(got, language.merged(ids)) << round;
    EXPECT_EQ(covered, length);
  }
}

TEST(WordMerger, EndsWhenNobodyWaits) {
  struct Gone {};
  MergeTable table(1);
  table.add(0, 0, {0, 1});
  WordMerger merger;
  std::vector<Symbol> symbols(100000, Symbol{0, 1});
  std::size_t looks = 0;
  Pace pace([&looks] {
    if (++looks == 3) throw Gone();
  });
  EXPECT_THROW(merger.merge(table, symbols, pace), Gone);
  symbols = {{0, 1}, {0, 1}, {0, 1}};
  Pace patient;
  merger.merge(table, symbols, patient);
  EXPECT_EQ(symbols.size(), 2u);
}

}  // namespace
}  // namespace nestvec
