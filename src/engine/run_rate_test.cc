// SPDX-License-Identifier: Apache-2.0
#include "engine/run_rate.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

TEST(RunRate, IsNotKnownBeforeTheFirstBatch) { EXPECT_EQ(RunRate().tokens_per_second(), 0); }

TEST(RunRate, IsTokensOverSecondsOfBatchesOfAnySize) {
  RunRate rate;
  rate.add(100, 0.1);
  EXPECT_NEAR(rate.tokens_per_second(), 1000, 1e-9);
  rate.add(8000, 8);
  EXPECT_NEAR(rate.tokens_per_second(), 1000, 1e-9);
}

TEST(RunRate, ForgetsWithinSomeTensOfBatches) {
  RunRate rate;
  for (int i = 0; i < 100; ++i) rate.add(100, 0.1);
  rate.add(100, 1);
  EXPECT_LT(rate.tokens_per_second(), 1000);
  EXPECT_GT(rate.tokens_per_second(), 500);
  for (int i = 0; i < 60; ++i) rate.add(100, 1);
  EXPECT_NEAR(rate.tokens_per_second(), 100, 1);
}

TEST(RunRate, ABatchThatTookNoTimeIsNoDivisionByZero) {
  RunRate rate;
  rate.add(1, 0);
  EXPECT_GT(rate.tokens_per_second(), 0);
}

}  // namespace
}  // namespace nestvec
