// SPDX-License-Identifier: Apache-2.0
#include "base/memory_account.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "support/request_account.h"

namespace nestvec {
namespace {

TEST(MemoryAccount, TakesUpToTheLimitAndNoFurther) {
  MemoryAccount account("server.request_memory", 100);
  EXPECT_TRUE(account.try_take(60));
  EXPECT_FALSE(account.try_take(41));
  EXPECT_TRUE(account.try_take(40));
  EXPECT_FALSE(account.try_take(1));
  EXPECT_EQ(account.used(), 100u);
  account.give(60);
  EXPECT_EQ(account.used(), 40u);
  EXPECT_EQ(account.peak(), 100u);
  EXPECT_EQ(account.refusals(), 2u);
  EXPECT_EQ(account.option(), "server.request_memory");
}

TEST(MemoryAccount, ASumThatWouldOverflowIsRefused) {
  MemoryAccount account("x", 100);
  EXPECT_TRUE(account.try_take(10));
  EXPECT_FALSE(account.try_take(std::numeric_limits<std::size_t>::max()));
  EXPECT_FALSE(account.try_take(std::numeric_limits<std::size_t>::max() - 5));
  EXPECT_EQ(account.used(), 10u);
}

TEST(MemoryAccount, SaysWhatCouldNeverFit) {
  EXPECT_TRUE(request_account(100)->could_hold(100));
  EXPECT_FALSE(request_account(100)->could_hold(101));
  EXPECT_TRUE(request_account(0)->could_hold(std::numeric_limits<std::size_t>::max()));
}

TEST(MemoryAccount, WithoutALimitItCounts) {
  MemoryAccount account("x", 0);
  EXPECT_TRUE(account.try_take(std::size_t{1} << 40));
  EXPECT_EQ(account.used(), std::size_t{1} << 40);
}

TEST(MemoryAccount, LeavesFreeWhatItIsToldTo) {
  MemoryAccount account("x", 100);
  EXPECT_TRUE(account.could_hold(60, 40));
  EXPECT_FALSE(account.could_hold(61, 40));
  EXPECT_TRUE(account.try_take(50, 40));
  EXPECT_FALSE(account.has_room(11, 40));
  EXPECT_EQ(account.refusals(), 0u);
  EXPECT_FALSE(account.try_take(11, 40));
  EXPECT_FALSE(account.try_take(1, std::numeric_limits<std::size_t>::max()));
  EXPECT_TRUE(account.try_take(10, 40));
}

TEST(MemoryAccount, TakesBeyondTheLimitWhatMayNotBeRefused) {
  MemoryAccount account("x", 100);
  account.take(150);
  EXPECT_EQ(account.used(), 150u);
  EXPECT_FALSE(account.try_take(1));
  account.give(100);
  EXPECT_TRUE(account.try_take(50));
  account.set_limit(200);
  EXPECT_TRUE(account.try_take(100));
}

TEST(MemoryAccount, KnowsTheMostSinceItWasAsked) {
  MemoryAccount account("x", 0);
  account.take(70);
  account.give(60);
  EXPECT_EQ(account.take_recent_peak(), 70u);
  EXPECT_EQ(account.take_recent_peak(), 10u);
  account.take(5);
  account.give(5);
  EXPECT_EQ(account.take_recent_peak(), 15u);
  EXPECT_EQ(account.peak(), 70u);
}

TEST(MemoryAccount, APartIsTakenFromBoth) {
  const auto account = request_account(100);
  const auto part = MemoryAccount::part_of(account);
  EXPECT_EQ(MemoryAccount::part_of(nullptr), nullptr);
  EXPECT_EQ(part->limit(), 25u);
  EXPECT_TRUE(part->could_hold(25));
  EXPECT_FALSE(part->could_hold(26));
  EXPECT_FALSE(part->could_hold(25, 80));
  EXPECT_TRUE(part->try_take(20));
  EXPECT_EQ(account->used(), 20u);
  EXPECT_FALSE(part->try_take(6));
  EXPECT_EQ(account->refusals(), 1u);
  part->take(10);  // beyond the part's limit
  EXPECT_EQ(account->used(), 30u);
  part->give(20);
  EXPECT_EQ(account->used(), 10u);
  account->take(85);
  EXPECT_FALSE(part->has_room(6));
  EXPECT_FALSE(part->try_take(6));  // no room in the whole
  EXPECT_EQ(part->used(), 10u);
  account->set_limit(200);
  EXPECT_EQ(part->limit(), 50u);
}

TEST(MemoryShare, AbsorbsAnother) {
  const auto account = request_account(100);
  MemoryShare share;
  share.absorb(*MemoryShare::take(account, 30));
  share.absorb(*MemoryShare::take(account, 20));
  share.absorb(MemoryShare());
  EXPECT_EQ(share.bytes(), 50u);
  EXPECT_EQ(account->used(), 50u);
  share.shrink(0);
  EXPECT_EQ(account->used(), 0u);
}

TEST(MemoryShare, GivesBackWhenItEnds) {
  const auto account = request_account(100);
  {
    std::optional<MemoryShare> share = MemoryShare::take(account, 70);
    ASSERT_TRUE(share);
    EXPECT_EQ(share->bytes(), 70u);
    EXPECT_FALSE(MemoryShare::take(account, 31));
    EXPECT_EQ(account->used(), 70u);
  }
  EXPECT_EQ(account->used(), 0u);
}

TEST(MemoryShare, MovesWithoutCountingTwice) {
  const auto account = request_account(100);
  MemoryShare outer;
  {
    MemoryShare share = *MemoryShare::take(account, 30);
    outer = std::move(share);
  }
  EXPECT_EQ(account->used(), 30u);
  MemoryShare other = *MemoryShare::take(account, 20);
  outer = std::move(other);
  other = MemoryShare();
  EXPECT_EQ(account->used(), 20u);
  outer = MemoryShare();
  EXPECT_EQ(account->used(), 0u);
}

TEST(MemoryShare, GrowsAndShrinks) {
  const auto account = request_account(100);
  MemoryShare share = *MemoryShare::take(account, 30);
  EXPECT_TRUE(share.try_grow(70));
  EXPECT_FALSE(share.try_grow(1));
  EXPECT_EQ(share.bytes(), 100u);
  share.shrink(40);
  share.shrink(90);  // is no growth
  EXPECT_EQ(account->used(), 40u);
}

TEST(MemoryShare, WithoutAnAccountIsOfNothing) {
  std::optional<MemoryShare> share = MemoryShare::take(nullptr, 1000);
  ASSERT_TRUE(share);
  EXPECT_TRUE(share->try_grow(1000));
  share->shrink(10);
  EXPECT_EQ(share->bytes(), 0u);
}

TEST(MemoryShare, SumsHoldUnderConcurrency) {
  const auto account = request_account(1000);
  std::atomic<std::size_t> held{0};
  std::atomic<bool> over{false};
  {
    std::vector<std::jthread> threads;
    for (unsigned t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937 random(t);
        for (int i = 0; i < 20'000; ++i) {
          const std::size_t bytes = random() % 500;
          const std::optional<MemoryShare> share = MemoryShare::take(account, bytes);
          if (!share) continue;
          if (held.fetch_add(bytes) + bytes > 1000) over = true;
          held -= bytes;
        }
      });
    }
  }
  EXPECT_FALSE(over);
  EXPECT_EQ(account->used(), 0u);
  EXPECT_LE(account->peak(), 1000u);
}

}  // namespace
}  // namespace nestvec
