// SPDX-License-Identifier: Apache-2.0
#include "http/body_memory.h"

#include <gtest/gtest.h>

#include "support/request_account.h"

namespace nestvec {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

TEST(BodyMemory, ChargesWhatTheBodyTakes) {
  const auto account = request_account(64 * kMiB);
  BodyMemory memory(account);
  std::string body;
  EXPECT_TRUE(memory.reserve(body, kMiB));
  EXPECT_EQ(account->used(), body.capacity());
  EXPECT_EQ(body.capacity(), kMiB);
  body.assign(kMiB, 'x');
  EXPECT_TRUE(memory.make_room(body, 0));
  EXPECT_EQ(account->used(), body.capacity());
  MemoryShare share = memory.take();
  EXPECT_EQ(share.bytes(), body.capacity());
}

TEST(BodyMemory, GrowsByDoubling) {
  const auto account = request_account(64 * kMiB);
  BodyMemory memory(account);
  std::string body;
  std::size_t moves = 0;
  for (std::size_t i = 0; i < 1000; ++i) {
    const std::size_t before = body.capacity();
    ASSERT_TRUE(memory.make_room(body, 1000));
    if (body.capacity() != before) ++moves;
    body.append(1000, 'x');
  }
  EXPECT_LT(moves, 12u);
  EXPECT_EQ(account->used(), body.capacity());
  EXPECT_LE(account->peak(), 3 * body.capacity() / 2);  // both copies
}

TEST(BodyMemory, ChangesNothingWhereThereIsNoRoom) {
  const auto account = request_account(4 * kMiB);
  BodyMemory memory(account);
  std::string body;
  ASSERT_TRUE(memory.reserve(body, kMiB / 2));
  const std::size_t before = account->used();
  EXPECT_FALSE(memory.reserve(body, kMiB));  // over a quarter, with the old copy
  EXPECT_EQ(account->used(), before);
  EXPECT_EQ(body.capacity(), before);
  EXPECT_EQ(account->refusals(), 0u);  // it may be asked for again
}

TEST(BodyMemory, AShortBodyGrowsToItsEndWhereLongOnesFindNoRoom) {
  const auto account = request_account(4 * kMiB);
  account->take(kMiB);
  BodyMemory memory(account);
  std::string body;
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(memory.make_room(body, 10'000)) << i;
    body.append(10'000, 'x');
    ASSERT_LE(body.capacity(), std::size_t{64} << 10);
  }
  EXPECT_FALSE(memory.make_room(body, 10'000));
}

TEST(BodyMemory, WithoutAnAccountHasRoom) {
  BodyMemory memory;
  std::string body;
  EXPECT_TRUE(memory.reserve(body, kMiB));
  EXPECT_TRUE(memory.make_room(body, kMiB));
}

}  // namespace
}  // namespace nestvec
