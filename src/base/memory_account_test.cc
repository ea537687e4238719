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

class ClientAccounts : public testing::Test {
 protected:
  std::shared_ptr<MemoryAccount> of(std::uint64_t client) {
    return MemoryAccount::of_client(account_, client);
  }
  // All that it gets of `account`.
  static std::size_t fill(MemoryAccount& account, std::size_t keep_free = 0) {
    std::size_t bytes = 0;
    while (account.try_take(1, keep_free)) ++bytes;
    return bytes;
  }

  const std::shared_ptr<MemoryAccount> account_ = request_account(1600);
};

TEST_F(ClientAccounts, AreOneAClientAsLongAsSomebodyHasIt) {
  const auto one = of(1);
  EXPECT_EQ(of(1), one);
  EXPECT_EQ(MemoryAccount::of_client(one, 1), one);
  EXPECT_EQ(MemoryAccount::of_client(of(2), 1), one);
  EXPECT_NE(of(2), one);
  EXPECT_EQ(MemoryAccount::of_client(nullptr, 1), nullptr);
  const std::weak_ptr<MemoryAccount> two = of(2);
  EXPECT_TRUE(two.expired());
  EXPECT_EQ(one->limit(), 1600u);
  EXPECT_EQ(one->option(), "server.request_memory");
  EXPECT_EQ(MemoryAccount::part_of(one)->option(), "server.request_memory");
}

TEST_F(ClientAccounts, AreTakenFromAll) {
  const auto one = of(1);
  const auto part = MemoryAccount::part_of(one);
  EXPECT_TRUE(one->try_take(100));
  EXPECT_TRUE(part->try_take(50));
  one->take(3);
  EXPECT_EQ(one->used(), 153u);
  EXPECT_EQ(part->used(), 50u);
  EXPECT_EQ(part->limit(), 400u);
  EXPECT_EQ(MemoryAccount::part_of(account_)->used(), 50u);
  EXPECT_EQ(account_->used(), 153u);
  EXPECT_EQ(of(2)->used_by_all(), 153u);
  part->give(50);
  one->give(103);
  EXPECT_EQ(account_->used(), 0u);
  EXPECT_EQ(MemoryAccount::part_of(account_)->used(), 0u);
  EXPECT_EQ(account_->peak(), 153u);
}

TEST_F(ClientAccounts, HoldThreeTimesWhatTheyLeaveFree) {
  const auto one = of(1);
  EXPECT_EQ(one->most(), 1200u);
  EXPECT_EQ(one->most(400), 900u);
  EXPECT_TRUE(one->could_hold(1200));
  EXPECT_FALSE(one->could_hold(1201));
  EXPECT_EQ(fill(*one, 400), 900u);
  EXPECT_EQ(fill(*one), 300u);
  EXPECT_EQ(account_->refusals(), 2u);
  EXPECT_FALSE(one->has_room(1));
  const auto two = of(2);
  EXPECT_TRUE(two->has_room(300));
  EXPECT_EQ(fill(*two), 300u);
  const auto three = of(3);
  EXPECT_EQ(fill(*three), 75u);
  one->give(1200);
  two->give(300);
  three->give(75);
  // Two that take in turns have the same.
  for (bool more = true; more;) {
    more = one->try_take(1);
    more = two->try_take(1) || more;
  }
  EXPECT_NEAR(static_cast<double>(one->used()), static_cast<double>(two->used()), 2);
}

TEST_F(ClientAccounts, HaveAShareOfThePart) {
  const auto one = MemoryAccount::part_of(of(1));
  EXPECT_EQ(one->most(), 300u);
  EXPECT_EQ(fill(*one), 300u);
  EXPECT_EQ(fill(*MemoryAccount::part_of(of(2))), 75u);
  const auto two = of(2);
  two->take(1225);
  EXPECT_FALSE(MemoryAccount::part_of(of(3))->has_room(1));  // nothing is left of the whole
  EXPECT_FALSE(MemoryAccount::part_of(of(3))->try_take(1));
  EXPECT_EQ(MemoryAccount::part_of(account_)->used(), 375u);
}

TEST_F(ClientAccounts, TakeLessWhileOthersWait) {
  const auto one = of(1);
  const auto two = of(2);
  {
    const MemoryWait own(one);
    EXPECT_TRUE(one->has_room(1200));
    const MemoryWait other(two);
    EXPECT_FALSE(one->has_room(801));
    EXPECT_TRUE(one->has_room(800));
    EXPECT_FALSE(MemoryAccount::part_of(one)->has_room(201));
    EXPECT_TRUE(MemoryAccount::part_of(one)->has_room(200));
    EXPECT_EQ(one->most(), 1200u);
  }
  EXPECT_TRUE(one->has_room(1200));
  const MemoryWait nobody(nullptr);
}

TEST_F(ClientAccounts, WithoutALimitOnlyCount) {
  account_->set_limit(0);
  EXPECT_TRUE(of(1)->try_take(std::size_t{1} << 40));
  EXPECT_TRUE(MemoryAccount::part_of(of(1))->try_take(std::size_t{1} << 40));
  EXPECT_TRUE(of(2)->could_hold(std::numeric_limits<std::size_t>::max()));
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

TEST_F(ClientAccounts, ComeAndGoUnderConcurrency) {
  std::atomic<bool> over{false};
  {
    std::vector<std::jthread> threads;
    for (unsigned t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937 random(t);
        for (int i = 0; i < 5'000; ++i) {
          const auto client = of(random() % 3);
          const auto from = random() % 2 == 0 ? client : MemoryAccount::part_of(client);
          const std::optional<MemoryShare> share = MemoryShare::take(from, random() % 300);
          const MemoryWait wait(client);
          if (account_->used() > account_->limit()) over = true;
        }
      });
    }
  }
  EXPECT_FALSE(over);
  EXPECT_EQ(account_->used(), 0u);
  EXPECT_EQ(MemoryAccount::part_of(account_)->used(), 0u);
  EXPECT_TRUE(of(1)->has_room(1200));
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
