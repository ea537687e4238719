// SPDX-License-Identifier: Apache-2.0
#include "ops/pool.h"

#include <gtest/gtest.h>

#include <random>
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

}  // namespace
}  // namespace nestvec
