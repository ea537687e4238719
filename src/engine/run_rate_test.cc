// SPDX-License-Identifier: Apache-2.0
#include "engine/run_rate.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

// One that has run its first batch.
RunRate warm_rate() {
  RunRate rate;
  rate.add(10, 20);
  return rate;
}

TEST(RunRate, IsNotKnownBeforeTheSecondBatch) {
  EXPECT_EQ(RunRate().tokens_per_second(), 0);
  EXPECT_EQ(warm_rate().tokens_per_second(), 0);
}

TEST(RunRate, IsTokensOverSecondsOfBatchesOfAnySize) {
  RunRate rate = warm_rate();
  rate.add(100, 0.1);
  EXPECT_NEAR(rate.tokens_per_second(), 1000, 1e-9);
  rate.add(8000, 8);
  EXPECT_NEAR(rate.tokens_per_second(), 1000, 1e-9);
}

TEST(RunRate, ForgetsWithinSomeTensOfBatches) {
  RunRate rate = warm_rate();
  for (int i = 0; i < 100; ++i) rate.add(100, 0.1);
  rate.add(100, 1);
  EXPECT_LT(rate.tokens_per_second(), 1000);
  EXPECT_GT(rate.tokens_per_second(), 500);
  for (int i = 0; i < 60; ++i) rate.add(100, 1);
  EXPECT_NEAR(rate.tokens_per_second(), 100, 1);
}

TEST(RunRate, IsProvenBySomeHundredTokens) {
  RunRate rate = warm_rate();
  rate.add(10, 1);
  rate.add(10, 1);
  EXPECT_NEAR(rate.tokens_per_second(), 10, 1e-9);
  EXPECT_EQ(rate.proven_tokens_per_second(), 0);
  rate.add(2000, 1);
  EXPECT_EQ(rate.proven_tokens_per_second(), rate.tokens_per_second());
}

TEST(RunRate, ABatchThatTookNoTimeIsNoDivisionByZero) {
  RunRate rate = warm_rate();
  rate.add(1, 0);
  EXPECT_GT(rate.tokens_per_second(), 0);
}

}  // namespace
}  // namespace nestvec
