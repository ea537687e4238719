// SPDX-License-Identifier: Apache-2.0
#include "cli/ranking.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <utility>

#include "nestvec/error.h"

namespace nestvec {
namespace {

using Pairs = std::vector<std::pair<float, std::size_t>>;

Pairs ranked(const Pairs& documents, std::size_t most) {
  Ranking ranking(most);
  for (const auto& [score, index] : documents) {
    ranking.add({score, index, "text " + std::to_string(index)});
  }
  Pairs out;
  for (const RankedDocument& document : ranking.take()) {
    EXPECT_EQ(document.text, "text " + std::to_string(document.index));
    out.emplace_back(document.score, document.index);
  }
  EXPECT_TRUE(ranking.take().empty());
  return out;
}

TEST(Ranking, TheBestFirstAndOfEqualOnesTheFirst) {
  const Pairs documents = {{0.5F, 0}, {-1.0F, 1}, {2.0F, 2}, {0.5F, 3}, {2.0F, 4}};
  const Pairs all = {{2.0F, 2}, {2.0F, 4}, {0.5F, 0}, {0.5F, 3}, {-1.0F, 1}};
  EXPECT_EQ(ranked(documents, 0), all);
  EXPECT_EQ(ranked(documents, 5), all);
  EXPECT_EQ(ranked(documents, 9), all);
  EXPECT_EQ(ranked(documents, 3), Pairs(all.begin(), all.begin() + 3));
  EXPECT_EQ(ranked(documents, 1), Pairs(all.begin(), all.begin() + 1));
  EXPECT_TRUE(ranked({}, 3).empty());
}

TEST(Ranking, OfManyTheSameAsSortingAll) {
  std::mt19937 random(7);
  Pairs documents;
  for (std::size_t i = 0; i < 2000; ++i) {
    documents.emplace_back(static_cast<float>(random() % 300) - 150.0F, i);
  }
  Pairs sorted = documents;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const std::size_t most : {1U, 2U, 10U, 299U, 1999U, 2000U, 5000U}) {
    const std::size_t kept = std::min<std::size_t>(most, sorted.size());
    EXPECT_EQ(ranked(documents, most),
              Pairs(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(kept)));
  }
}

TEST(Ranking, RefusesWhatIsNoNumber) {
  Ranking ranking(2);
  EXPECT_THROW(ranking.add({std::numeric_limits<float>::quiet_NaN(), 3, "x"}), Error);
  ranking.add({std::numeric_limits<float>::infinity(), 4, "x"});
  EXPECT_EQ(ranking.take().size(), 1U);
}

}  // namespace
}  // namespace nestvec
