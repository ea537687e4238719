// SPDX-License-Identifier: Apache-2.0
#include "ops/pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <span>
#include <utility>
#include <vector>

namespace nestvec {
namespace {

TEST(PoolMean, IsTheMeanOfEveryColumn) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (const std::size_t width : {1u, 63u, 64u, 65u, 384u}) {
    for (const std::size_t count : {1u, 2u, 17u}) {
      std::vector<float> tokens(width * count);
      for (float& value : tokens) value = normal(random);
      std::vector<float> row(width);
      pool_mean(tokens, row);
      for (std::size_t k = 0; k < width; ++k) {
        double sum = 0;
        for (std::size_t i = 0; i < count; ++i) sum += static_cast<double>(tokens[i * width + k]);
        EXPECT_FLOAT_EQ(row[k], static_cast<float>(sum / static_cast<double>(count)));
      }
    }
  }
}

TEST(PoolMean, LosesNothingInALongSum) {
  // One large value and many small ones: fp32 accumulation would drop the small ones.
  std::vector<float> tokens(1 << 20, 0x1p-12f);
  tokens[0] = 0x1p14f;
  std::vector<float> row(1);
  pool_mean(tokens, row);
  const double mean = (0x1p14 + (0x1p20 - 1) * 0x1p-12) / 0x1p20;
  EXPECT_FLOAT_EQ(row[0], static_cast<float>(mean));
}

TEST(PoolMean, AnEmptyRangeGivesZeros) {
  std::vector<float> row(3, 7.0f);
  pool_mean({}, row);
  EXPECT_EQ(row, (std::vector<float>{0, 0, 0}));
}

// What sentence-transformers states, in double.
double stated(PoolKind kind, const std::vector<float>& values, std::size_t place) {
  double sum = 0;
  double weights = 0;
  double most = static_cast<double>(values[0]);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double weight =
        kind == PoolKind::kWeightedMean ? static_cast<double>(place + i + 1) : 1.0;
    sum += weight * static_cast<double>(values[i]);
    weights += weight;
    most = std::max(most, static_cast<double>(values[i]));
  }
  if (kind == PoolKind::kMax) return most;
  return sum / (kind == PoolKind::kMeanSqrtLength ? std::sqrt(weights) : weights);
}

constexpr PoolKind kKinds[] = {PoolKind::kMean, PoolKind::kMeanSqrtLength, PoolKind::kWeightedMean,
                               PoolKind::kMax};

TEST(Pool, EachKindIsWhatItSays) {
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  for (const PoolKind kind : kKinds) {
    for (const std::size_t width : {1u, 65u}) {
      for (const std::size_t place : {0u, 1000u}) {
        std::vector<float> tokens(17 * width);
        for (float& value : tokens) value = normal(random);
        std::vector<float> row(width);
        pool(kind, tokens, place, row);
        for (std::size_t k = 0; k < width; ++k) {
          std::vector<float> column;
          for (std::size_t i = 0; i < 17; ++i) column.push_back(tokens[i * width + k]);
          EXPECT_NEAR(row[k], stated(kind, column, place), 1e-6);
        }
      }
    }
  }
}

TEST(Pool, PartsMakeTheWholeByTheirWeights) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  std::vector<float> tokens(30);
  for (float& value : tokens) value = normal(random);
  for (const PoolKind kind :
       {PoolKind::kMean, PoolKind::kMeanSqrtLength, PoolKind::kWeightedMean}) {
    double sum = 0;
    double weights = 0;
    for (const auto& [first, end] : {std::pair<std::size_t, std::size_t>{0, 7}, {7, 8}, {8, 30}}) {
      std::vector<float> part(1);
      pool(kind, std::span(tokens).subspan(first, end - first), 5 + first, part);
      const double weight = pool_weight(kind, end - first, 5 + first);
      sum += weight * static_cast<double>(part[0]);
      weights += kind == PoolKind::kMeanSqrtLength ? weight * weight : weight;
    }
    std::vector<float> whole(1);
    pool(kind, tokens, 5, whole);
    const double divisor = kind == PoolKind::kMeanSqrtLength ? std::sqrt(weights) : weights;
    EXPECT_NEAR(whole[0], sum / divisor, 1e-6);
  }
}

TEST(Pool, AMaximumKeepsWhatIsNoNumber) {
  std::vector<float> row(1);
  for (const std::vector<float>& tokens :
       {std::vector<float>{NAN, 1, 2}, {1, NAN, 2}, {1, 2, NAN}}) {
    pool(PoolKind::kMax, tokens, 0, row);
    EXPECT_TRUE(std::isnan(row[0]));
  }
}

}  // namespace
}  // namespace nestvec
