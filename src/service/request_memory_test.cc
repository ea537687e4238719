// SPDX-License-Identifier: Apache-2.0
#include "service/request_memory.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/request_account.h"

namespace nestvec {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

TEST(RequestMemory, LongBodiesFillAQuarterAndShortOnesFindRoom) {
  const auto account = request_account(64 * kMiB);
  const auto fits = [&](std::size_t bytes) {
    return account->has_room(bytes, RequestMemory::free_beside_body(*account, bytes));
  };
  EXPECT_TRUE(fits(16 * kMiB));
  EXPECT_FALSE(fits(16 * kMiB + 1));
  account->take(16 * kMiB);
  EXPECT_FALSE(fits(RequestMemory::kSmall + 1));
  EXPECT_TRUE(fits(RequestMemory::kSmall));
}

TEST(RequestMemory, WhatArrivedFindsMemoryToBeWorkedOn) {
  const auto account = request_account(64 * kMiB);
  account->take(16 * kMiB);  // as much as arrives
  const std::size_t body = RequestMemory::longest_body(*account) / 2;
  EXPECT_TRUE(account->has_room(body * RequestMemory::kReading,
                                RequestMemory::free_beside_work(*account, body)));
}

TEST(RequestMemory, KnowsTheLongestBody) {
  const auto account = request_account(1024 * kMiB);
  const std::uint64_t longest = RequestMemory::longest_body(*account);
  EXPECT_GT(longest, 32 * kMiB);  // server.max_body
  EXPECT_TRUE(RequestMemory::could_serve(*account, longest));
  EXPECT_FALSE(RequestMemory::could_serve(*account, longest + 1));
  EXPECT_TRUE(RequestMemory::could_serve(*request_account(0), std::uint64_t{1} << 60));
  const std::string told = body_never_fits(*account, 40 * kMiB).what();
  for (const std::string part : {"41943040 bytes", "1073741824", "server.request_memory"}) {
    EXPECT_NE(told.find(part), std::string::npos) << told;
  }
}

TEST(RequestMemory, TextsTakeWhatTheLongestTakesOrAllTogether) {
  const auto account = request_account(8 * kMiB);
  const std::vector<std::string> texts = {std::string(1000, 'a'), std::string(3000, 'b'), ""};
  EXPECT_EQ(memory_for_texts(account, texts, 10).bytes(), 30'000u);
  EXPECT_EQ(memory_for_texts(account, texts, 10, true).bytes(), 40'000u);
  EXPECT_EQ(account->used(), 0u);
  EXPECT_EQ(memory_for_texts(nullptr, texts, 10).bytes(), 0u);
  account->take(8 * kMiB - 20'000);
  try {
    memory_for_texts(account, texts, 10);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
    EXPECT_GT(error.detail().retry_after.count(), 0);
  }
  try {
    memory_for_texts(account, texts, 4000);
    FAIL();
  } catch (const RequestError& error) {
    EXPECT_EQ(error.fault(), Fault::kTooLarge);
    EXPECT_NE(std::string(error.what()).find("12000000"), std::string::npos) << error.what();
  }
}

TEST(RequestMemory, LongAnswersFillAQuarterAndShortOnesFindRoom) {
  const auto account = request_account(8 * kMiB);
  const auto long_one = memory_for_answer(account, 2 * kMiB);
  ASSERT_TRUE(long_one);
  EXPECT_EQ(account->used(), 2 * kMiB);
  try {
    memory_for_answer(account, kMiB);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
    EXPECT_GT(error.detail().retry_after.count(), 0);
  }
  EXPECT_EQ(account->refusals(), 1u);
  const auto short_one = memory_for_answer(account, RequestMemory::kSmall);
  EXPECT_EQ(account->used(), 2 * kMiB + RequestMemory::kSmall);
  account->take(6 * kMiB - RequestMemory::kSmall);
  EXPECT_THROW(memory_for_answer(account, 1), Error);
  EXPECT_EQ(memory_for_answer(nullptr, kMiB), nullptr);
}

TEST(RequestMemory, AnAnswerThatCouldNeverFitIsToldWithoutATime) {
  const auto account = request_account(8 * kMiB);
  try {
    memory_for_answer(account, 2 * kMiB + 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
    EXPECT_EQ(error.detail().retry_after.count(), 0);
    const std::string told = error.what();
    for (const std::string part : {"2097153 bytes", "2097152,", "server.request_memory"}) {
      EXPECT_NE(told.find(part), std::string::npos) << told;
    }
  }
}

TEST(RequestMemory, AnAnswersShareGrowsWithIt) {
  const auto account = request_account(8 * kMiB);
  const auto share = memory_for_answer(account, 1000);
  EXPECT_TRUE(RequestMemory::grow_answer(*account, *share, 500));
  EXPECT_EQ(share->bytes(), 1000u);
  EXPECT_TRUE(RequestMemory::grow_answer(*account, *share, 2 * kMiB));
  EXPECT_FALSE(RequestMemory::grow_answer(*account, *share, 2 * kMiB + 1));
  EXPECT_EQ(account->used(), 2 * kMiB);
}

TEST(RequestMemory, IsPressedOverAnEighth) {
  const auto account = request_account(8 * kMiB);
  account->take(kMiB);
  EXPECT_FALSE(RequestMemory::pressed(*account));
  account->take(1);
  EXPECT_TRUE(RequestMemory::pressed(*account));
}

}  // namespace
}  // namespace nestvec
