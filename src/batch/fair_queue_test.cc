// SPDX-License-Identifier: Apache-2.0
#include "batch/fair_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace nestvec {
namespace {

using Clock = FairQueue::Clock;
constexpr Clock::time_point kStart{};
constexpr bool kInteractive = false;
constexpr bool kBulk = true;

std::vector<std::uint64_t> jobs(const std::vector<Waiting>& batch) {
  std::vector<std::uint64_t> out;
  for (const Waiting& waiting : batch) out.push_back(waiting.job);
  return out;
}

std::size_t tokens(const std::vector<Waiting>& batch) {
  std::size_t sum = 0;
  for (const Waiting& waiting : batch) sum += waiting.tokens;
  return sum;
}

TEST(FairQueue, ServesOneClientInItsOrder) {
  FairQueue queue;
  for (std::uint32_t i = 0; i < 5; ++i) queue.push(1, kInteractive, {i, 0, 10}, kStart);
  EXPECT_EQ(jobs(queue.take(30, kStart)), (std::vector<std::uint64_t>{0, 1, 2}));
  EXPECT_EQ(jobs(queue.take(30, kStart)), (std::vector<std::uint64_t>{3, 4}));
  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(queue.take(30, kStart).empty());
}

TEST(FairQueue, InteractiveComesBeforeBulkThatIsAlreadyThere) {
  FairQueue queue;
  for (std::uint32_t i = 0; i < 8; ++i) queue.push(1, kBulk, {100, i, 10}, kStart);
  queue.push(2, kInteractive, {7, 0, 10}, kStart);
  EXPECT_EQ(jobs(queue.take(30, kStart)), (std::vector<std::uint64_t>{7, 100, 100}));
}

TEST(FairQueue, BulkThatWaitedGetsHalfABatch) {
  FairQueue queue;
  queue.push(1, kBulk, {100, 0, 10}, kStart);
  queue.push(1, kBulk, {100, 1, 10}, kStart);
  queue.push(1, kBulk, {100, 2, 10}, kStart);
  for (std::uint32_t i = 0; i < 20; ++i) queue.push(2, kInteractive, {i, 0, 10}, kStart);
  EXPECT_EQ(jobs(queue.take(40, kStart)), (std::vector<std::uint64_t>{0, 1, 2, 3}));
  const Clock::time_point later = kStart + FairQueue::kBulkPatience;
  EXPECT_EQ(jobs(queue.take(40, later)), (std::vector<std::uint64_t>{100, 100, 4, 5}));
  EXPECT_EQ(jobs(queue.take(40, later)), (std::vector<std::uint64_t>{6, 7, 8, 9}));
}

TEST(FairQueue, ClientsShareTokensWhateverTheyAskFor) {
  FairQueue queue;
  for (std::uint32_t i = 0; i < 400; ++i) queue.push(1, kBulk, {1, i, 30}, kStart);
  for (std::uint32_t i = 0; i < 400; ++i) queue.push(2, kBulk, {2, i, 10}, kStart);
  std::map<std::uint64_t, std::size_t> served;
  for (int round = 0; round < 20; ++round) {
    for (const Waiting& waiting : queue.take(100, kStart)) served[waiting.job] += waiting.tokens;
  }
  EXPECT_NEAR(static_cast<double>(served[1]), static_cast<double>(served[2]), 60.0);
}

TEST(FairQueue, ALateClientDoesNotWaitForAnEarlierOnesQueue) {
  FairQueue queue;
  for (std::uint32_t i = 0; i < 100; ++i) queue.push(1, kInteractive, {1, i, 10}, kStart);
  for (int round = 0; round < 5; ++round) queue.take(50, kStart);
  queue.push(2, kInteractive, {2, 0, 10}, kStart);
  EXPECT_EQ(jobs(queue.take(20, kStart)), (std::vector<std::uint64_t>{2, 1}));
}

TEST(FairQueue, WhatDoesNotFitLetsSmallerOnesPassButNotForEver) {
  FairQueue queue;
  queue.push(1, kInteractive, {1, 0, 10}, kStart);
  queue.push(2, kInteractive, {2, 0, 95}, kStart);
  queue.push(3, kInteractive, {3, 0, 20}, kStart);
  EXPECT_EQ(jobs(queue.take(100, kStart)), (std::vector<std::uint64_t>{1, 3}));
  queue.push(1, kInteractive, {4, 0, 10}, kStart);
  EXPECT_EQ(jobs(queue.take(100, kStart)).front(), 2u);
}

TEST(FairQueue, ASequenceOverTheLimitRunsAlone) {
  FairQueue queue;
  queue.push(1, kInteractive, {1, 0, 500}, kStart);
  queue.push(2, kInteractive, {2, 0, 10}, kStart);
  EXPECT_EQ(jobs(queue.take(100, kStart)), (std::vector<std::uint64_t>{1}));
  EXPECT_EQ(jobs(queue.take(100, kStart)), (std::vector<std::uint64_t>{2}));
}

TEST(FairQueue, LongBulkIsServedUnderSteadyInteractiveLoad) {
  FairQueue queue;
  queue.push(1, kBulk, {99, 0, 900}, kStart);
  bool served = false;
  for (int round = 0; round < 40 && !served; ++round) {
    for (std::uint64_t client = 2; client < 12; ++client) {
      queue.push(client, kInteractive, {client, 0, 20}, kStart);
    }
    const auto batch = jobs(queue.take(100, kStart + std::chrono::milliseconds(100 * round)));
    served = std::find(batch.begin(), batch.end(), 99u) != batch.end();
  }
  EXPECT_TRUE(served);
}

TEST(FairQueue, RemovedJobsAreNotTaken) {
  FairQueue queue;
  for (std::uint32_t i = 0; i < 3; ++i) queue.push(1, kBulk, {1, i, 10}, kStart);
  queue.push(1, kBulk, {2, 0, 10}, kStart);
  queue.push(3, kInteractive, {1, 3, 10}, kStart);
  queue.remove(1);
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue.tokens(), 10u);
  EXPECT_EQ(jobs(queue.take(100, kStart)), (std::vector<std::uint64_t>{2}));
}

TEST(FairQueue, EverySequenceIsTakenOnceAndBatchesKeepTheLimit) {
  std::mt19937 random(7);
  FairQueue queue;
  std::set<std::pair<std::uint64_t, std::uint32_t>> pushed;
  std::set<std::pair<std::uint64_t, std::uint32_t>> taken;
  std::uint64_t job = 0;
  for (int round = 0; round < 3000; ++round) {
    const auto now = kStart + std::chrono::milliseconds(10 * round);
    if (round < 2000 && random() % 3 == 0) {
      const auto count = static_cast<std::uint32_t>(1 + random() % 40);
      const bool bulk = random() % 2 == 0;
      for (std::uint32_t i = 0; i < count; ++i) {
        queue.push(random() % 9, bulk, {job, i, 1 + random() % 300}, now);
        pushed.emplace(job, i);
      }
      ++job;
    }
    const std::vector<Waiting> batch = queue.take(512, now);
    EXPECT_TRUE(batch.size() <= 1 || tokens(batch) <= 512u);
    for (const Waiting& waiting : batch) {
      EXPECT_TRUE(taken.emplace(waiting.job, waiting.index).second);
    }
  }
  while (!queue.empty()) {
    for (const Waiting& waiting : queue.take(512, kStart))
      taken.emplace(waiting.job, waiting.index);
  }
  EXPECT_EQ(taken, pushed);
  EXPECT_EQ(queue.tokens(), 0u);
}

}  // namespace
}  // namespace nestvec
