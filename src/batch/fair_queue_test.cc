// SPDX-License-Identifier: Apache-2.0
#include "batch/fair_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <utility>

namespace nestvec {
namespace {

using Clock = FairQueue::Clock;
constexpr Clock::time_point kStart{};
constexpr bool kInteractive = false;
constexpr bool kBulk = true;

// A job of one sequence.
void push(FairQueue& queue, std::uint64_t client, bool bulk, std::uint64_t job,
          std::uint32_t tokens, Clock::time_point now = kStart) {
  queue.push({client, bulk}, job, {tokens}, now);
}

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
  for (std::uint32_t i = 0; i < 5; ++i) push(queue, 1, kInteractive, i, 10);
  EXPECT_EQ(jobs(queue.take(30, kStart)), (std::vector<std::uint64_t>{0, 1, 2}));
  EXPECT_EQ(jobs(queue.take(30, kStart)), (std::vector<std::uint64_t>{3, 4}));
  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(queue.take(30, kStart).empty());
}

TEST(FairQueue, InteractiveComesBeforeBulkThatIsAlreadyThere) {
  FairQueue queue;
  queue.push({1, kBulk}, 100, std::vector<std::uint32_t>(8, 10), kStart);
  push(queue, 2, kInteractive, 7, 10);
  EXPECT_EQ(jobs(queue.take(30, kStart)), (std::vector<std::uint64_t>{7, 100, 100}));
}

TEST(FairQueue, BulkThatWaitedGetsHalfABatch) {
  FairQueue queue;
  queue.push({1, kBulk}, 100, {10, 10, 10}, kStart);
  for (std::uint32_t i = 0; i < 20; ++i) push(queue, 2, kInteractive, i, 10);
  EXPECT_EQ(jobs(queue.take(40, kStart)), (std::vector<std::uint64_t>{0, 1, 2, 3}));
  const Clock::time_point later = kStart + FairQueue::kBulkPatience;
  EXPECT_EQ(jobs(queue.take(40, later)), (std::vector<std::uint64_t>{100, 100, 4, 5}));
  EXPECT_EQ(jobs(queue.take(40, later)), (std::vector<std::uint64_t>{6, 7, 8, 9}));
}

TEST(FairQueue, ClientsShareTokensWhateverTheyAskFor) {
  FairQueue queue;
  queue.push({1, kBulk}, 1, std::vector<std::uint32_t>(400, 30), kStart);
  queue.push({2, kBulk}, 2, std::vector<std::uint32_t>(400, 10), kStart);
  std::map<std::uint64_t, std::size_t> served;
  for (int round = 0; round < 20; ++round) {
    for (const Waiting& waiting : queue.take(100, kStart)) served[waiting.job] += waiting.tokens;
  }
  EXPECT_NEAR(static_cast<double>(served[1]), static_cast<double>(served[2]), 60.0);
}

TEST(FairQueue, ALateClientDoesNotWaitForAnEarlierOnesQueue) {
  FairQueue queue;
  queue.push({1, kInteractive}, 1, std::vector<std::uint32_t>(100, 10), kStart);
  for (int round = 0; round < 5; ++round) queue.take(50, kStart);
  push(queue, 2, kInteractive, 2, 10);
  EXPECT_EQ(jobs(queue.take(20, kStart)), (std::vector<std::uint64_t>{2, 1}));
}

TEST(FairQueue, WhatDoesNotFitLetsSmallerOnesPassButNotForEver) {
  FairQueue queue;
  push(queue, 1, kInteractive, 1, 10);
  push(queue, 2, kInteractive, 2, 95);
  push(queue, 3, kInteractive, 3, 20);
  EXPECT_EQ(jobs(queue.take(100, kStart)), (std::vector<std::uint64_t>{1, 3}));
  push(queue, 1, kInteractive, 4, 10);
  EXPECT_EQ(jobs(queue.take(100, kStart)).front(), 2u);
}

TEST(FairQueue, ASequenceOverTheLimitRunsAlone) {
  FairQueue queue;
  push(queue, 1, kInteractive, 1, 500);
  push(queue, 2, kInteractive, 2, 10);
  EXPECT_EQ(jobs(queue.take(100, kStart)), (std::vector<std::uint64_t>{1}));
  EXPECT_EQ(jobs(queue.take(100, kStart)), (std::vector<std::uint64_t>{2}));
}

TEST(FairQueue, LongBulkIsServedUnderSteadyInteractiveLoad) {
  FairQueue queue;
  push(queue, 1, kBulk, 99, 900);
  bool served = false;
  for (int round = 0; round < 40 && !served; ++round) {
    for (std::uint64_t client = 2; client < 12; ++client) {
      push(queue, client, kInteractive, client, 20);
    }
    const auto batch = jobs(queue.take(100, kStart + std::chrono::milliseconds(100 * round)));
    served = std::find(batch.begin(), batch.end(), 99u) != batch.end();
  }
  EXPECT_TRUE(served);
}

TEST(FairQueue, RemovedJobsAreNotTaken) {
  FairQueue queue;
  queue.push({1, kBulk}, 1, {10, 10, 10}, kStart);
  push(queue, 1, kBulk, 2, 10);
  queue.remove(1);
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue.tokens(), 10u);
  EXPECT_EQ(jobs(queue.take(100, kStart)), (std::vector<std::uint64_t>{2}));
}

TEST(FairQueue, WhatIsLeftOfAJobIsRemovedWithIt) {
  FairQueue queue;
  queue.push({1, kBulk}, 1, {10, 20, 30}, kStart);
  queue.push({1, kBulk}, 2, {40}, kStart);
  EXPECT_EQ(jobs(queue.take(10, kStart)), (std::vector<std::uint64_t>{1}));
  queue.remove(1);
  queue.remove(1);  // again, and one that never was
  queue.remove(77);
  EXPECT_EQ(queue.tokens(), 40u);
  EXPECT_EQ(queue.tokens_of(1, kBulk), 40u);
  EXPECT_EQ(queue.load(kBulk).texts, 1u);
  EXPECT_EQ(jobs(queue.take(100, kStart)), (std::vector<std::uint64_t>{2}));
  EXPECT_EQ(queue.load(kBulk).clients, 0u);
}

// Ten texts of ten tokens each time, or one of a thousand: who asks again only when he was
// answered gets no more than his share for it.
TEST(FairQueue, AClientThatAsksOneByOneGetsNoMoreThanItsShare) {
  FairQueue queue;
  queue.push({1, kBulk}, 1, std::vector<std::uint32_t>(2000, 10), kStart);
  std::uint64_t next = 10;
  push(queue, 2, kBulk, next++, 1000);
  std::map<bool, std::size_t> served;
  for (int round = 0; round < 60; ++round) {
    for (const Waiting& waiting : queue.take(100, kStart)) {
      served[waiting.job != 1] += waiting.tokens;
      if (waiting.job != 1) push(queue, 2, kBulk, next++, 1000);
    }
  }
  EXPECT_NEAR(static_cast<double>(served[true]), static_cast<double>(served[false]), 1010.0);
}

TEST(FairQueue, AnIdleModelForgetsWhatWasServed) {
  FairQueue queue;
  push(queue, 1, kBulk, 1, 1000);
  queue.take(2000, kStart);
  queue.forget_served();
  push(queue, 1, kBulk, 2, 10);
  push(queue, 2, kBulk, 3, 10);
  EXPECT_EQ(jobs(queue.take(10, kStart)), (std::vector<std::uint64_t>{2}));
}

TEST(FairQueue, TakesInteractiveOnesAloneAndWithinTheLimit) {
  FairQueue queue;
  push(queue, 1, kInteractive, 1, 500);
  push(queue, 2, kInteractive, 2, 60);
  push(queue, 3, kInteractive, 3, 60);
  push(queue, 4, kInteractive, 4, 40);
  push(queue, 5, kBulk, 5, 10);
  EXPECT_EQ(jobs(queue.take_interactive(100, 499, kStart)), (std::vector<std::uint64_t>{2, 4}));
  EXPECT_EQ(jobs(queue.take_interactive(100, 499, kStart)), (std::vector<std::uint64_t>{3}));
  EXPECT_TRUE(queue.take_interactive(100, 499, kStart).empty());
  EXPECT_EQ(jobs(queue.take_interactive(100, 500, kStart)), (std::vector<std::uint64_t>{1}));
  EXPECT_EQ(jobs(queue.take(100, kStart)), (std::vector<std::uint64_t>{5}));
}

TEST(FairQueue, ABatchLooksPastSoManyThatDoNotFitAndNoMore) {
  for (const std::size_t long_ones : {FairQueue::kLookPast - 1, FairQueue::kLookPast}) {
    FairQueue queue;
    push(queue, 0, kBulk, 1, 10);
    for (std::uint64_t i = 1; i <= long_ones; ++i) push(queue, i, kBulk, 1 + i, 100);
    push(queue, 1000, kBulk, 1000, 10);
    EXPECT_EQ(queue.take(100, kStart).size(), long_ones < FairQueue::kLookPast ? 2u : 1u);
  }
}

// With a cost that grows with what else waits this would take hours.
TEST(FairQueue, CancellationIsCheapBesideALongQueue) {
  FairQueue queue;
  for (std::uint64_t job = 0; job < 100; ++job) {
    queue.push({7, kBulk}, job, std::vector<std::uint32_t>(10'000, 3), kStart);
  }
  for (std::uint64_t client = 100; client < 20'000; ++client) {
    push(queue, client, kInteractive, client, 5);
  }
  for (std::uint64_t round = 0; round < 300'000; ++round) {
    queue.push({7, kBulk}, 1'000'000 + round, {1, 2, 3}, kStart);
    queue.remove(1'000'000 + round);
  }
  for (std::uint64_t job = 0; job < 100; ++job) queue.remove(job);
  EXPECT_EQ(queue.size(), 19'900u);
  EXPECT_EQ(queue.load(kBulk).tokens, 0u);
}

// One client may fill batches alone, many wait: everybody is served before anybody twice as often.
TEST(FairQueue, NobodyStarvesAmongManyClients) {
  constexpr std::uint64_t kClients = 500;
  FairQueue queue;
  std::uint64_t next = 0;
  queue.push({0, kBulk}, next++, std::vector<std::uint32_t>(100'000, 8), kStart);
  std::map<std::uint64_t, std::uint64_t> owner;
  const auto ask = [&](std::uint64_t client) {
    owner[next] = client;
    push(queue, client, kBulk, next++, 8);
  };
  for (std::uint64_t client = 1; client < kClients; ++client) ask(client);
  std::vector<std::size_t> served(kClients);
  for (int round = 0; round < 2000; ++round) {
    for (const Waiting& waiting : queue.take(100, kStart)) {
      const std::uint64_t client = waiting.job == 0 ? 0 : owner[waiting.job];
      ++served[client];
      if (client != 0) ask(client);
    }
  }
  const auto [least, most] = std::minmax_element(served.begin(), served.end());
  EXPECT_GE(*least + 1, *most);
}

// Jobs that wait, as a list that is too simple to be wrong.
class Sums {
 public:
  void add(std::uint64_t job, std::uint64_t client, bool bulk, std::vector<std::uint32_t> tokens) {
    waiting_[job] = {client, bulk, {}};
    for (std::uint32_t i = 0; i < tokens.size(); ++i) waiting_[job].left.emplace(i, tokens[i]);
  }
  // Whether it waited, with so many tokens.
  bool take(const Waiting& taken) {
    const auto job = waiting_.find(taken.job);
    if (job == waiting_.end()) return false;
    const auto left = job->second.left.find(taken.index);
    if (left == job->second.left.end() || left->second != taken.tokens) return false;
    job->second.left.erase(left);
    if (job->second.left.empty()) waiting_.erase(job);
    return true;
  }
  void remove(std::uint64_t job) { waiting_.erase(job); }
  std::uint64_t any(std::uint64_t seed) const {
    return waiting_.empty()
               ? 0
               : std::next(waiting_.begin(), static_cast<long>(seed % waiting_.size()))->first;
  }
  ClassLoad load(bool bulk) const {
    ClassLoad sum;
    std::set<std::uint64_t> clients;
    for (const auto& [id, job] : waiting_) {
      if (job.bulk != bulk) continue;
      clients.insert(job.client);
      sum.texts += job.left.size();
      sum.tokens += tokens(job);
    }
    sum.clients = clients.size();
    return sum;
  }
  std::size_t tokens_of(std::uint64_t client, bool bulk) const {
    std::size_t sum = 0;
    for (const auto& [id, job] : waiting_) {
      if (job.client == client && job.bulk == bulk) sum += tokens(job);
    }
    return sum;
  }

 private:
  struct Job {
    std::uint64_t client;
    bool bulk;
    std::map<std::uint32_t, std::size_t> left;
  };
  static std::size_t tokens(const Job& job) {
    std::size_t sum = 0;
    for (const auto& [index, count] : job.left) sum += count;
    return sum;
  }
  std::map<std::uint64_t, Job> waiting_;
};

// NOLINTNEXTLINE(readability-function-cognitive-complexity): random events, each with its check
TEST(FairQueue, SumsHoldAndEverySequenceIsTakenOnceWhateverComesAndGoes) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    FairQueue queue;
    Sums sums;
    std::uint64_t job = 1;
    for (int round = 0; round < 1500; ++round) {
      const auto now = kStart + std::chrono::milliseconds(10 * round);
      const std::uint64_t client = random() % 9;
      if (round < 1000 && random() % 3 == 0) {
        std::vector<std::uint32_t> tokens(1 + random() % 40);
        for (std::uint32_t& each : tokens) each = static_cast<std::uint32_t>(1 + random() % 300);
        const bool bulk = random() % 2 == 0;
        queue.push({client, bulk}, job, tokens, now);
        sums.add(job++, client, bulk, tokens);
      } else if (random() % 4 == 0) {
        const std::uint64_t gone = sums.any(random());
        queue.remove(gone);
        sums.remove(gone);
      } else {
        const bool strict = random() % 4 == 0;
        const std::vector<Waiting> batch =
            strict ? queue.take_interactive(200, 200, now) : queue.take(512, now);
        EXPECT_TRUE((batch.size() <= 1 && !strict) || tokens(batch) <= (strict ? 200u : 512u));
        for (const Waiting& waiting : batch) EXPECT_TRUE(sums.take(waiting));
      }
      if (queue.empty()) queue.forget_served();
      for (const bool bulk : {false, true}) {
        ASSERT_EQ(queue.load(bulk).texts, sums.load(bulk).texts);
        ASSERT_EQ(queue.load(bulk).tokens, sums.load(bulk).tokens);
        ASSERT_EQ(queue.load(bulk).clients, sums.load(bulk).clients);
        ASSERT_EQ(queue.tokens_of(client, bulk), sums.tokens_of(client, bulk));
      }
    }
    while (!queue.empty()) {
      for (const Waiting& waiting : queue.take(512, kStart)) EXPECT_TRUE(sums.take(waiting));
    }
    EXPECT_EQ(sums.load(false).texts + sums.load(true).texts, 0u);
  }
}

}  // namespace
}  // namespace nestvec
