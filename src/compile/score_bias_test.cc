// SPDX-License-Identifier: Apache-2.0
// Slopes and buckets against what PyTorch gives, and the table of both.
#include "compile/score_bias.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <utility>

namespace nestvec {
namespace {

TEST(AlibiSlopes, OfPowersOfTwo) {
  EXPECT_EQ(alibi_slopes(1), std::vector<float>{0.00390625f});
  EXPECT_EQ(alibi_slopes(2), (std::vector<float>{0.0625f, 0.00390625f}));
  EXPECT_EQ(alibi_slopes(8), (std::vector<float>{0.5f, 0.25f, 0.125f, 0.0625f, 0.03125f, 0.015625f,
                                                 0.0078125f, 0.00390625f}));
}

TEST(AlibiSlopes, OfOthersBetweenThem) {
  EXPECT_EQ(alibi_slopes(3), (std::vector<float>{0.0625f, 0.00390625f, 0.25f}));
  EXPECT_EQ(alibi_slopes(12),
            (std::vector<float>{0.5f, 0.25f, 0.125f, 0.0625f, 0.03125f, 0.015625f, 0.0078125f,
                                0.00390625f, 0.7071067690849304f, 0.3535533845424652f,
                                0.1767766922712326f, 0.0883883461356163f}));
}

// Where transformers' relative_position_bucket() steps, up to 600 tokens away.
TEST(DistanceBuckets, BeginWhereTheReferenceHasThem) {
  constexpr std::array<std::pair<std::ptrdiff_t, std::size_t>, 16> kSteps = {{{0, 0},
                                                                              {1, 1},
                                                                              {2, 2},
                                                                              {3, 3},
                                                                              {4, 4},
                                                                              {5, 5},
                                                                              {6, 6},
                                                                              {7, 7},
                                                                              {8, 8},
                                                                              {12, 9},
                                                                              {16, 10},
                                                                              {23, 11},
                                                                              {32, 12},
                                                                              {46, 13},
                                                                              {64, 14},
                                                                              {91, 15}}};
  std::size_t step = 0;
  for (std::ptrdiff_t distance = 0; distance <= 600; ++distance) {
    if (step + 1 < kSteps.size() && kSteps[step + 1].first == distance) ++step;
    EXPECT_EQ(distance_bucket(-distance), kSteps[step].second) << -distance;
    if (distance == 0) continue;
    EXPECT_EQ(distance_bucket(distance), 16 + kSteps[step].second) << distance;
  }
}

std::vector<float> values_of(const Payload& payload, std::size_t first, std::size_t rows) {
  std::vector<float> values(rows * static_cast<std::size_t>(payload.shape[1]));
  payload.fill(first, std::as_writable_bytes(std::span(values)));
  return values;
}

TEST(ScoreBiasTable, HasARowForEachHead) {
  ModelSpec spec;
  spec.heads = 2;
  spec.block.score_bias = ScoreBias::kAlibi;
  const EncoderWeights none;
  const Payload alibi = score_bias_table(none, spec, 3);
  EXPECT_EQ(alibi.shape, (std::vector<std::int64_t>{2, 5}));
  EXPECT_EQ(values_of(alibi, 0, 2),
            (std::vector<float>{-0.125f, -0.0625f, 0, -0.0625f, -0.125f, -0.0078125f, -0.00390625f,
                                0, -0.00390625f, -0.0078125f}));
  EXPECT_EQ(values_of(alibi, 1, 1),
            (std::vector<float>{-0.0078125f, -0.00390625f, 0, -0.00390625f, -0.0078125f}));
}

TEST(ScoreBiasTable, ReadsTheBucketsOfEachHead) {
  std::vector<float> learned(kDistanceBuckets * 2);
  for (std::size_t i = 0; i < learned.size(); ++i) learned[i] = static_cast<float>(i);
  EncoderWeights weights;
  weights.score_bias.type = DataType::kF32;
  weights.score_bias.shape = {kDistanceBuckets, 2};
  weights.score_bias.bytes = std::as_bytes(std::span(learned));
  ModelSpec spec;
  spec.heads = 2;
  spec.block.score_bias = ScoreBias::kBuckets;
  spec.block.score_buckets = kDistanceBuckets;
  EXPECT_EQ(values_of(score_bias_table(weights, spec, 2), 0, 2),
            (std::vector<float>{2, 0, 34, 3, 1, 35}));
}

}  // namespace
}  // namespace nestvec
