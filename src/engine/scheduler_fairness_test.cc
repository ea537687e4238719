// SPDX-License-Identifier: Apache-2.0
// Many clients and one model, played on a clock that the model moves: calls arrive while it runs.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <thread>

#include "support/timed_session.h"

namespace nestvec {
namespace {

// What became of the calls of one client.
struct Tally {
  std::size_t asked = 0;
  std::size_t done = 0;
  std::size_t refused = 0;
  std::size_t tokens = 0;   // of those that are done
  double longest_wait = 0;  // seconds from asking to the answer
  double longest_retry = 0;
};

class SchedulerFairness : public testing::Test {
 protected:
  static constexpr double kRate = 1500;
  // Clients of the test's own, without limits.
  static constexpr std::uint64_t kFirst = 1'000'000;
  static constexpr std::uint64_t kLast = 1'000'001;

  SchedulerFairness() {
    auto session = std::make_unique<TimedSession>(clock_, kRate);
    session_ = session.get();
    scheduler_ = std::make_unique<Scheduler>(
        std::move(session),
        Scheduler::Options{
            .max_batch_tokens = 8192, .batch_milliseconds = 100, .now = clock_.function()});
    limits_.max_tokens = 1u << 22;
    limits_.max_seconds = 30;
  }

  // Asks for texts of so many tokens. `then` is called when they are answered or refused.
  void ask(std::uint64_t client, Priority priority, std::uint32_t texts, std::uint32_t tokens,
           std::function<void(bool ok)> then = {}) {
    Job job;
    for (std::uint32_t i = 0; i < texts; ++i) job.sequences.push_back(sequence_of(i, tokens));
    if (client < kFirst) job.queue = limits_;
    job.queue.client = client;
    job.queue.priority = priority;
    ++tally_[client].asked;
    job.done = [this, client, tokens = texts * tokens, asked = clock_.now(),
                then = std::move(then)](const Result<JobOutput>& result) {
      Tally& tally = tally_[client];
      if (result.ok()) {
        ++tally.done;
        tally.tokens += tokens;
        const std::chrono::duration<double> wait = clock_.now() - asked;
        tally.longest_wait = std::max(tally.longest_wait, wait.count());
      } else {
        ++tally.refused;
        const auto retry = result.error().detail().retry_after;
        tally.longest_retry =
            std::max(tally.longest_retry, std::chrono::duration<double>(retry).count());
      }
      if (then) then(result.ok());
    };
    scheduler_->submit(std::move(job));
  }

  // Runs `step` in the middle of each batch until it returns false, beginning with a text of its
  // own, and then until nothing is left and the model's thread has ended: what it noted is to be
  // read then.
  void play(const std::function<bool()>& step) {
    std::promise<void> over;
    bool going = true;
    session_->during = [&] {
      if (!going) return;
      going = step();
      if (!going) ask(kLast, Priority::kBulk, 1, 1, [&](bool) { over.set_value(); });
    };
    ask(kFirst, Priority::kBulk, 1, 1);
    over.get_future().wait();
    while (scheduler_->status().running_tokens > 0 || scheduler_->status().texts > 0) {
      std::this_thread::yield();
    }
    scheduler_->shut_down();
  }

  ManualClock clock_;
  TimedSession* session_ = nullptr;
  QueueOptions limits_;
  std::map<std::uint64_t, Tally> tally_;
  std::unique_ptr<Scheduler> scheduler_;
};

// 2,048 texts of 256 tokens are six minutes of work.
TEST_F(SchedulerFairness, OneClientsLargeCallKeepsNobodyOut) {
  int round = 0;
  play([&] {
    if (round == 0) ask(1, Priority::kAuto, 2048, 256);
    if (round % 10 == 5) ask(2, Priority::kAuto, 1, 20);     // interactive
    if (round % 50 == 25) ask(3, Priority::kAuto, 20, 256);  // bulk
    if (round == 100) ask(1, Priority::kAuto, 1, 5000);      // the first client again
    return ++round < 1000;
  });
  EXPECT_EQ(tally_[2].refused, 0u);
  EXPECT_EQ(tally_[2].done, 100u);
  EXPECT_LT(tally_[2].longest_wait, 0.3);  // its batch and the one that runs
  EXPECT_EQ(tally_[3].refused, 0u);
  EXPECT_EQ(tally_[3].done, 20u);
  EXPECT_LT(tally_[3].longest_wait, 2.5 * 20 * 256 / kRate);  // half of the rate
  EXPECT_EQ(tally_[1].done, 1u);
  EXPECT_EQ(tally_[1].refused, 1u);
  EXPECT_GT(tally_[1].longest_retry, 200);
  EXPECT_LT(tally_[1].longest_retry, 524'288 / kRate);
}

TEST_F(SchedulerFairness, FiftyBulkClientsLeaveRoomForInteractiveCalls) {
  limits_.max_tokens = 1u << 20;
  limits_.max_seconds = 0;
  int round = 0;
  std::function<void(std::uint64_t)> flood = [&](std::uint64_t client) {
    while (tally_[client].refused == 0) ask(client, Priority::kBulk, 8, 256);
  };
  std::size_t most = 0;
  play([&] {
    for (std::uint64_t client = 1; client <= 50; ++client) {
      tally_[client].refused = 0;
      flood(client);
    }
    most = std::max(most, scheduler_->status().tokens);
    ask(99, Priority::kInteractive, 1, 20);
    return ++round < 200;
  });
  EXPECT_GT(most, 700'000u);                 // the bulk part was full
  EXPECT_LE(most, (1u << 20) * 3 / 4 + 20);  // and no more
  EXPECT_EQ(tally_[99].refused, 0u);
  EXPECT_EQ(tally_[99].done, 200u);
  EXPECT_LT(tally_[99].longest_wait, 0.35);
}

// Forty clients, of which one asks for everything that it may have.
TEST_F(SchedulerFairness, NobodyStarvesAndSharesAreEven) {
  limits_.max_seconds = 0;
  int round = 0;
  const auto refill = [&](std::uint64_t client, std::uint32_t texts) {
    ask(client, Priority::kBulk, texts, 50);
  };
  std::function<void(std::uint64_t, bool)> again;
  bool going = true;
  again = [&](std::uint64_t client, bool) {
    if (going) ask(client, Priority::kBulk, 4, 50, [&, client](bool ok) { again(client, ok); });
  };
  std::map<std::uint64_t, std::size_t> served;
  play([&] {
    if (round == 0) {
      refill(1, 2000);
      for (std::uint64_t client = 2; client <= 40; ++client) {
        again(client, true);
        again(client, true);
      }
    }
    going = ++round < 900;
    if (going) return true;
    for (std::uint64_t client = 2; client <= 40; ++client) served[client] = tally_[client].tokens;
    return false;
  });
  const auto [least, most] =
      std::minmax_element(served.begin(), served.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; });
  EXPECT_GT(least->second, 0u);
  EXPECT_LE(most->second - least->second, 400u);  // two calls
  EXPECT_EQ(tally_[1].done, 1u);
}

// Whatever comes, in whatever order: each call ends once, limits hold, nothing is left behind.
TEST_F(SchedulerFairness, RandomArrivalsEndOnceEachAndWithinTheLimits) {
  limits_.max_tokens = 60'000;
  limits_.max_seconds = 20;
  std::mt19937 random(11);
  int round = 0;
  play([&] {
    for (auto calls = random() % 6; calls > 0; --calls) {
      const std::uint64_t client = random() % 12;
      const auto priority = static_cast<Priority>(random() % 3);
      const auto texts = static_cast<std::uint32_t>(1 + random() % (random() % 8 == 0 ? 60 : 4));
      ask(client, priority, texts, static_cast<std::uint32_t>(1 + random() % 700));
    }
    const QueueStatus status = scheduler_->status();
    EXPECT_LE(status.tokens, std::max<std::size_t>(limits_.max_tokens, 8192));
    return ++round < 3000;
  });
  std::size_t asked = 0;
  std::size_t refused = 0;
  for (const auto& [client, tally] : tally_) {
    EXPECT_EQ(tally.done + tally.refused, tally.asked) << client;
    EXPECT_GT(tally.done, 0u) << client;
    asked += tally.asked;
    refused += tally.refused;
  }
  EXPECT_GT(refused, asked / 10);  // the limits were reached
  EXPECT_EQ(scheduler_->status().tokens, 0u);
  EXPECT_EQ(scheduler_->status().output_bytes, 0u);
}

}  // namespace
}  // namespace nestvec
