// SPDX-License-Identifier: Apache-2.0
#include "session/sparse_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace nestvec {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(SparseRowsTest, AVocabularyRowKeepsWhatIsOverZero) {
  const TokenWeights row = vocabulary_row(std::vector<float>{0, 0.5f, -1, 2, 1e-30f});
  EXPECT_EQ(row.indices, (std::vector<std::uint32_t>{1, 3, 4}));
  EXPECT_EQ(row.weights, (std::vector<float>{0.5f, 2, 1e-30f}));
  EXPECT_TRUE(vocabulary_row(std::vector<float>{0, 0}).indices.empty());
}

TEST(SparseRowsTest, ATokenRowHasTheLargestWeightOfEachId) {
  const std::vector<std::uint32_t> ids = {0, 7, 5, 7, 5, 9, 3, 2};
  const std::vector<float> weights = {9, 0.25f, 1, 0.5f, 0.75f, -1, 8, 9};
  const TokenWeights row = token_row(ids, weights, std::vector<std::uint32_t>{0, 2, 3});
  EXPECT_EQ(row.indices, (std::vector<std::uint32_t>{5, 7}));
  EXPECT_EQ(row.weights, (std::vector<float>{1, 0.5f}));
}

TEST(SparseRowsTest, WhatIsNoNumberIsNotLost) {
  const TokenWeights words = vocabulary_row(std::vector<float>{0, kNan});
  const TokenWeights tokens =
      token_row(std::vector<std::uint32_t>{4, 4, 4}, std::vector<float>{1, kNan, 2}, {});
  ASSERT_EQ(words.weights.size(), 1u);
  ASSERT_EQ(tokens.weights.size(), 1u);
  EXPECT_TRUE(std::isnan(words.weights[0]));
  EXPECT_TRUE(std::isnan(tokens.weights[0]));
}

TEST(SparseRowsTest, VectorsHaveUnitLengthAndZerosStay) {
  std::vector<float> rows = {3, 4, 0, 0, -5, 12};
  normalise_vectors(rows, 2);
  EXPECT_EQ(rows, (std::vector<float>{0.6f, 0.8f, 0, 0, -5.0f / 13, 12.0f / 13}));
}

}  // namespace
}  // namespace nestvec
