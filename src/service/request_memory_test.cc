// SPDX-License-Identifier: Apache-2.0
#include "service/request_memory.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "support/request_account.h"

namespace nestvec {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

TEST(RequestMemory, LongBodiesFillAQuarterAndShortOnesFindRoom) {
  const auto account = request_account(64 * kMiB);
  const auto client = MemoryAccount::of_client(account, 1);
  const auto fits = [&](std::size_t bytes) {
    MemoryShare share(client);
    return RequestMemory::grow_body(share, bytes, bytes);
  };
  EXPECT_TRUE(fits(16 * kMiB));
  EXPECT_FALSE(fits(16 * kMiB + 1));
  client->take(16 * kMiB);
  EXPECT_FALSE(fits(RequestMemory::kSmall + 1));
  EXPECT_TRUE(fits(RequestMemory::kSmall));
  client->give(16 * kMiB);
  const auto other = MemoryAccount::of_client(account, 2);
  other->take(38 * kMiB);
  EXPECT_TRUE(fits(kMiB));
  other->take(2 * kMiB);
  EXPECT_FALSE(fits(kMiB));
  EXPECT_TRUE(fits(RequestMemory::kSmall));
  other->take(20 * kMiB);
  EXPECT_FALSE(fits(RequestMemory::kSmall));
  EXPECT_EQ(account->refusals(), 0u);
}

TEST(RequestMemory, HeadsMayExceedTheirClientsShareWhileThereIsRoom) {
  const auto account = request_account(64 * kMiB);
  const auto client = MemoryAccount::of_client(account, 1);
  MemoryShare share(client);
  EXPECT_TRUE(RequestMemory::grow_head(share, 56 * kMiB));
  EXPECT_FALSE(RequestMemory::grow_head(share, RequestMemory::kHead));
  MemoryShare other(MemoryAccount::of_client(account, 2));
  EXPECT_TRUE(RequestMemory::grow_head(other, RequestMemory::kHead));
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

// Not for ever "try again": the request itself holds what is missing.
TEST(RequestMemory, WhatCannotFitBesideItsOwnRequestNeverWill) {
  const auto account = request_account(64 * kMiB);
  const auto client = MemoryAccount::of_client(account, 1);
  const std::size_t body = kMiB;
  const std::size_t held = RequestMemory::held_reading(body);
  const MemoryShare own = MemoryShare::take(client, held).value();
  try {
    memory_for_bytes(client, body, 30, held);
    FAIL();
  } catch (const RequestError& error) {
    EXPECT_EQ(error.fault(), Fault::kTooLarge);
    EXPECT_EQ(error.detail().retry_after.count(), 0);
    for (const std::string& part : {std::to_string(held), std::to_string(30 * body)}) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  }
  const std::size_t answer = 11 * kMiB;
  const auto begun = memory_for_answer(client, answer);
  try {
    memory_for_answer(client, 2 * kMiB, {.work = held, .answer = answer});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.detail().retry_after.count(), 0) << error.what();
  }
  begun->shrink(0);
  const MemoryShare more = MemoryShare::take(client, 15 * kMiB).value();
  try {
    memory_for_answer(client, answer, {.work = held + more.bytes()});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.detail().retry_after.count(), 0) << error.what();
  }
  try {
    memory_for_answer(client, answer);  // what others may give back
    FAIL();
  } catch (const Error& error) {
    EXPECT_GT(error.detail().retry_after.count(), 0) << error.what();
  }
}

TEST(RequestMemory, TheLongestBodyIsServedOnAnIdleServer) {
  for (const std::size_t limit : {8 * kMiB, 64 * kMiB, 300 * kMiB}) {
    const auto client = MemoryAccount::of_client(request_account(limit), 1);
    const std::size_t longest = RequestMemory::longest_body(*client);
    MemoryShare share(client);
    EXPECT_TRUE(RequestMemory::grow_head(share, RequestMemory::kOverhead));
    EXPECT_TRUE(RequestMemory::grow_body(share, longest, longest));
    EXPECT_TRUE(share.try_grow(longest * RequestMemory::kReading,
                               RequestMemory::free_beside_work(*client, longest)))
        << limit;
  }
}

// What a client gets that takes all it can, in an order of its own, and gives nothing back.
void take_all(const std::shared_ptr<MemoryAccount>& client, std::mt19937& random,
              std::vector<MemoryShare>& kept) {
  const auto part = MemoryAccount::part_of(client);
  for (int refused = 0; refused < 200;) {
    const std::size_t most = random() % 2 == 0 ? RequestMemory::kSmall : 4 * kMiB;
    const std::size_t bytes = random() % most + 1;
    const int kind = static_cast<int>(random() % 5);
    MemoryShare share(kind == 2 ? part : client);
    const bool taken = kind == 0   ? RequestMemory::grow_body(share, bytes, bytes)
                       : kind == 1 ? RequestMemory::grow_head(share, RequestMemory::kHead)
                       : kind == 2 ? RequestMemory::grow_answer(*client, share, bytes)
                       : kind == 3
                           ? share.try_grow(bytes, RequestMemory::free_beside_work(*client, bytes))
                           : share.try_grow(bytes);
    if (taken) {
      kept.push_back(std::move(share));
    } else {
      ++refused;
    }
  }
}

// All that a call of one text takes at a time, as if nothing were given back in between.
bool is_served(const std::shared_ptr<MemoryAccount>& client, std::size_t body,
               std::vector<MemoryShare>& kept) {
  constexpr std::size_t kVector = 4096;
  MemoryShare share(client);
  MemoryShare answer(MemoryAccount::part_of(client));
  const bool served =
      RequestMemory::grow_head(share, RequestMemory::kConnection + RequestMemory::kHead) &&
      RequestMemory::grow_body(share, body, body) &&
      share.try_grow(body * RequestMemory::kReading,
                     RequestMemory::free_beside_work(*client, body)) &&
      share.try_grow(body * RequestMemory::kTokenizing) && share.try_grow(kVector) &&
      RequestMemory::grow_answer(*client, answer, 4 * kVector);
  kept.push_back(std::move(share));
  kept.push_back(std::move(answer));
  return served;
}

TEST(RequestMemory, AGreedyClientNeverKeepsSmallCallsOfOthersOut) {
  std::mt19937 random(1);
  for (int round = 0; round < 60; ++round) {
    const auto account = request_account((round % 2 == 0 ? 64 : 1024) * kMiB);
    std::vector<MemoryShare> kept;
    take_all(MemoryAccount::of_client(account, 0), random, kept);
    EXPECT_GT(account->used(), account->limit() / 8 * 5);
    const std::uint64_t refusals = account->refusals();
    const bool alone = round % 3 == 0;
    for (std::uint64_t client = 1; client <= (alone ? 1u : 16u); ++client) {
      const std::size_t body = alone ? RequestMemory::kSmall : 2048;
      EXPECT_TRUE(is_served(MemoryAccount::of_client(account, client), body, kept)) << client;
    }
    EXPECT_EQ(account->refusals(), refusals);
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
    for (const std::string part :
         {"2097153 bytes", "2097152 of the 8388608", "server.request_memory"}) {
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
  const auto client = MemoryAccount::of_client(account, 1);
  const auto pressed = [&](std::size_t held) { return RequestMemory::pressed(*client, held); };
  account->take(kMiB);
  EXPECT_FALSE(pressed(RequestMemory::kSmall + 1));
  account->take(1);
  EXPECT_TRUE(pressed(RequestMemory::kSmall + 1));
  EXPECT_FALSE(pressed(RequestMemory::kSmall));
  client->take(4 * kMiB);
  EXPECT_FALSE(pressed(1));
  const MemoryWait other(MemoryAccount::of_client(account, 2));
  EXPECT_TRUE(pressed(1));  // it has more than its share
}

TEST(RequestMemory, AStreamHasEnoughByWhatTheOthersLeave) {
  const auto account = request_account(8 * kMiB);
  const auto client = MemoryAccount::of_client(account, 1);
  client->take(kMiB);
  EXPECT_FALSE(RequestMemory::has_enough(*client));
  client->take(1);
  EXPECT_TRUE(RequestMemory::has_enough(*client));
  client->give(kMiB / 2 + 1);
  EXPECT_FALSE(RequestMemory::has_enough(*client));
  const auto other = MemoryAccount::of_client(account, 2);
  other->take(5 * kMiB);
  EXPECT_TRUE(RequestMemory::has_enough(*client));
  EXPECT_FALSE(RequestMemory::has_enough(*request_account(0)));
}

}  // namespace
}  // namespace nestvec
