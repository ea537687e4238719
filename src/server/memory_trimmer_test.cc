// SPDX-License-Identifier: Apache-2.0
#include "server/memory_trimmer.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

constexpr std::size_t kBurst = 4 * TrimWatch::kWorthwhile;

TEST(TrimWatch, IsDueOnceAQuietSecondAfterABurst) {
  TrimWatch watch;
  EXPECT_FALSE(watch.is_due(0, 0));
  EXPECT_FALSE(watch.is_due(kBurst, kBurst / 2));  // it has fallen just now
  EXPECT_TRUE(watch.is_due(kBurst / 2, kBurst / 2));
  EXPECT_FALSE(watch.is_due(kBurst / 2, kBurst / 2));
  EXPECT_FALSE(watch.is_due(kBurst / 2, 0));
  EXPECT_TRUE(watch.is_due(0, 0));
  EXPECT_FALSE(watch.is_due(0, 0));
}

TEST(TrimWatch, IsNotDueWhileMuchComesAndGoes) {
  TrimWatch watch;
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(watch.is_due(kBurst, i % 2 == 0 ? 0 : kBurst));
}

TEST(TrimWatch, LittleWaitsForALongerQuiet) {
  TrimWatch watch;
  for (int burst = 0; burst < 2; ++burst) {
    watch.is_due(TrimWatch::kWorthwhile - 1, 0);
    for (int i = 1; i < TrimWatch::kLongQuiet; ++i) EXPECT_FALSE(watch.is_due(0, 0));
    EXPECT_TRUE(watch.is_due(0, 0));
    EXPECT_FALSE(watch.is_due(0, 0));
  }
}

TEST(TrimWatch, IsNotDueForNextToNothing) {
  TrimWatch watch;
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(watch.is_due(TrimWatch::kLittle - 1, 0));
}

TEST(MemoryTrimmer, EndsWhileTheTimerGoesOn) {
  TimerThread timer;
  const auto account = std::make_shared<MemoryAccount>("x", 0);
  {
    const MemoryTrimmer trimmer(timer, account);
  }
  EXPECT_EQ(timer.waiting(), 0u);
  EXPECT_EQ(account.use_count(), 1);
}

}  // namespace
}  // namespace nestvec
