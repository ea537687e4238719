// SPDX-License-Identifier: Apache-2.0
// Two models on one thread, played on a clock that they move.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "support/timed_session.h"

namespace nestvec {
namespace {

constexpr LaneId kLarge = 0;
constexpr LaneId kSmall = 1;

// Pauses after each hundredth of a run.
class PausingSession final : public TimedSession {
 public:
  using TimedSession::TimedSession;
  bool pauses() const noexcept override { return true; }
  std::function<void(int piece)> at;

 private:
  void compute(const PackedBatch& batch, const RunOptions& options) override {
    constexpr int kPieces = 100;
    for (int piece = 0; piece < kPieces; ++piece) {
      if (at) at(piece);
      if (options.on_pause) options.on_pause();
      options.control.check();
      clock_.advance(static_cast<double>(batch.tokens()) / tokens_per_second_ / kPieces);
    }
  }
};

class SchedulerLanes : public testing::Test {
 protected:
  static constexpr double kLargeRate = 1000;
  static constexpr double kSmallRate = 20'000;

  SchedulerLanes() : scheduler_(clock_.function()) {
    auto large = std::make_unique<PausingSession>(clock_, kLargeRate);
    auto small = std::make_unique<TimedSession>(clock_, kSmallRate);
    large_ = large.get();
    small_ = small.get();
    const Scheduler::Options options{.max_batch_tokens = 8192, .batch_milliseconds = 100};
    EXPECT_EQ(scheduler_.add_lane(std::move(large), options), kLarge);
    EXPECT_EQ(scheduler_.add_lane(std::move(small), options), kSmall);
  }

  struct Call {
    std::atomic<bool> over = false;
    std::optional<ErrorCode> code;  // of an error
    double end = 0;                 // in seconds of the clock
  };
  using CallPtr = std::shared_ptr<Call>;

  CallPtr ask(LaneId lane, std::uint64_t client, Priority priority, std::uint32_t texts,
              std::uint32_t tokens, QueueOptions queue = {}) {
    Job job;
    job.lane = lane;
    for (std::uint32_t i = 0; i < texts; ++i) job.sequences.push_back(sequence_of(i, tokens));
    job.queue = queue;
    job.queue.client = client;
    job.queue.priority = priority;
    auto call = std::make_shared<Call>();
    job.done = [this, call](const Result<JobOutput>& result) {
      if (!result.ok()) call->code = result.error().code();
      call->end = seconds();
      call->over = true;
    };
    scheduler_.submit(std::move(job));
    return call;
  }

  static void wait_for(const CallPtr& call) {
    while (!call->over) std::this_thread::yield();
  }

  double seconds() const {
    return std::chrono::duration<double>(clock_.now() - ManualClock::Time()).count();
  }

  // So that both rates are known.
  void warm_up() {
    for (int i = 0; i < 8; ++i) {
      for (const LaneId lane : {kLarge, kSmall}) {
        wait_for(ask(lane, 1, Priority::kInteractive, 4, 100));
      }
    }
  }

  // Holds the thread in the middle of a run of the large model until release().
  void hold() {
    held_ = true;
    large_->at = [this](int piece) {
      if (piece != 50) return;
      while (held_) std::this_thread::yield();
    };
    ask(kLarge, 77, Priority::kBulk, 1, 10);
    while (scheduler_.status(0, kLarge).running_tokens == 0) std::this_thread::yield();
  }
  void release() { held_ = false; }

  static std::size_t sum(const std::vector<std::size_t>& batches) {
    std::size_t tokens = 0;
    for (const std::size_t each : batches) tokens += each;
    return tokens;
  }

  ManualClock clock_;
  std::atomic<bool> held_ = false;
  PausingSession* large_ = nullptr;
  TimedSession* small_ = nullptr;
  Scheduler scheduler_;
};

TEST_F(SchedulerLanes, EachCallIsRunByItsModel) {
  wait_for(ask(kSmall, 1, Priority::kAuto, 3, 10));
  wait_for(ask(kLarge, 1, Priority::kAuto, 1, 7));
  EXPECT_EQ(sum(small_->batches()), 30u);
  EXPECT_EQ(large_->batches(), (std::vector<std::size_t>{7}));
}

// One client with equal claims on both: whichever asked first must not be the only one served.
TEST_F(SchedulerLanes, BothModelsOfOneClientProgress) {
  warm_up();
  hold();
  const double start = seconds();
  const CallPtr large = ask(kLarge, 5, Priority::kBulk, 100, 100);  // ten seconds of work each
  const CallPtr small = ask(kSmall, 5, Priority::kBulk, 2000, 100);
  release();
  wait_for(large);
  wait_for(small);
  const double total = std::max(large->end, small->end) - start;
  EXPECT_NEAR(total, 20, 1);
  EXPECT_NEAR(std::min(large->end, small->end) - start, 20, 1) << "side by side";
}

// Clients share seconds: one that loads the large model leaves half of the time to another's small.
TEST_F(SchedulerLanes, ClientsOfTwoModelsShareTheTime) {
  warm_up();
  hold();
  const double start = seconds();
  const CallPtr large = ask(kLarge, 5, Priority::kBulk, 400, 100);  // forty seconds
  const CallPtr small = ask(kSmall, 6, Priority::kBulk, 2000, 100);
  release();
  wait_for(small);
  wait_for(large);
  EXPECT_NEAR(small->end - start, 20, 2);
  EXPECT_NEAR(large->end - start, 50, 2);
}

TEST_F(SchedulerLanes, AShortTextOfOneModelWaitsForABatchOfTheOtherAtMost) {
  warm_up();
  hold();
  const CallPtr large = ask(kLarge, 5, Priority::kBulk, 1000, 100);
  const CallPtr small = ask(kSmall, 6, Priority::kInteractive, 1, 20);
  const double start = seconds();
  release();
  wait_for(small);
  wait_for(large);
  EXPECT_LT(small->end - start, 0.15);  // batch_milliseconds
  EXPECT_GT(large->end - start, 90);
}

TEST_F(SchedulerLanes, AShortTextOfOneModelPassesALongOneOfTheOther) {
  warm_up();
  CallPtr passing;
  large_->at = [&](int piece) {
    if (piece == 30) passing = ask(kSmall, 6, Priority::kInteractive, 1, 20);
  };
  const double start = seconds();
  const CallPtr large = ask(kLarge, 5, Priority::kBulk, 1, 8000);  // eight seconds
  wait_for(large);
  ASSERT_TRUE(passing->over);
  EXPECT_NEAR(passing->end - start, 0.3 * 8, 0.1);
  EXPECT_NEAR(large->end - start, 8, 0.1);
}

TEST_F(SchedulerLanes, ALaneThatIsShutDownLeavesTheOther) {
  warm_up();
  hold();
  const CallPtr waits = ask(kSmall, 5, Priority::kBulk, 10, 100);
  const CallPtr other = ask(kLarge, 5, Priority::kBulk, 10, 100);
  scheduler_.shut_down(kSmall);  // while the other model runs
  EXPECT_EQ(waits->code, ErrorCode::kCancelled);
  const CallPtr later = ask(kSmall, 5, Priority::kBulk, 1, 100);
  EXPECT_EQ(later->code, ErrorCode::kCancelled);
  release();
  wait_for(other);
  EXPECT_EQ(other->code, std::nullopt);
  EXPECT_EQ(scheduler_.status(0, kSmall).texts, 0u);
}

TEST_F(SchedulerLanes, ARunningBatchIsStoppedWithItsLane) {
  warm_up();
  hold();
  std::thread ender([&] { scheduler_.shut_down(kLarge); });
  const CallPtr small = ask(kSmall, 5, Priority::kInteractive, 1, 100);
  release();
  ender.join();
  wait_for(small);
  EXPECT_EQ(small->code, std::nullopt);
  EXPECT_EQ(scheduler_.status(0, kLarge).running_tokens, 0u);
}

TEST_F(SchedulerLanes, ARemovedLanesNumberIsUsedAgain) {
  warm_up();
  scheduler_.remove_lane(kSmall);
  auto next = std::make_unique<TimedSession>(clock_, kSmallRate);
  TimedSession* const session = next.get();
  EXPECT_EQ(scheduler_.add_lane(std::move(next), {.max_batch_tokens = 8192}), kSmall);
  wait_for(ask(kSmall, 1, Priority::kAuto, 2, 10));
  EXPECT_EQ(sum(session->batches()), 20u);
  EXPECT_EQ(scheduler_.status(0, kSmall).tokens_per_second, 0) << "its own rate, not known yet";
}

// Admission: what waits for the other model takes time from this one.
TEST_F(SchedulerLanes, TheWaitCountsTheOtherModelsTime) {
  warm_up();
  hold();
  const QueueOptions limits{.max_seconds = 5};
  const CallPtr large = ask(kLarge, 5, Priority::kBulk, 100, 100);  // ten seconds
  const CallPtr refused = ask(kSmall, 5, Priority::kBulk, 1, 100, limits);
  EXPECT_EQ(refused->code, ErrorCode::kResourceExhausted);
  const CallPtr others = ask(kSmall, 6, Priority::kBulk, 1, 100, limits);
  EXPECT_FALSE(others->over) << "who has nothing waiting is let in";
  EXPECT_NEAR(scheduler_.status(5, kSmall).expected_seconds, 10, 0.2);
  EXPECT_EQ(scheduler_.status(5, kSmall).client_tokens, 0u);
  release();
  wait_for(large);
  wait_for(others);
}

// Threads that ask, end and make lanes at once.
TEST(SchedulerLaneThreads, ComeAndGoWhileOthersAsk) {
  ManualClock clock;
  Scheduler scheduler(clock.function());
  const Scheduler::Options options{.max_batch_tokens = 256};
  const LaneId stays = scheduler.add_lane(std::make_unique<TimedSession>(clock, 1000.0), options);
  std::atomic<bool> going = true;
  std::atomic<int> answered = 0;
  std::thread asks([&] {
    while (going) {
      Job job;
      job.lane = stays;
      job.sequences.push_back(sequence_of(1, 20));
      EXPECT_TRUE(submit_to(scheduler, std::move(job)).get().ok());
      ++answered;
    }
  });
  for (int round = 0; round < 50; ++round) {
    const LaneId lane = scheduler.add_lane(std::make_unique<TimedSession>(clock, 1000.0), options);
    std::vector<std::future<Result<JobOutput>>> results;
    for (int i = 0; i < 5; ++i) {
      Job job;
      job.lane = lane;
      job.sequences.push_back(sequence_of(1, 200));
      results.push_back(submit_to(scheduler, std::move(job)));
    }
    results.front().wait();
    scheduler.remove_lane(lane);
    for (auto& result : results) {
      const Result<JobOutput> got = result.get();
      EXPECT_TRUE(got.ok() || got.error().code() == ErrorCode::kCancelled);
    }
  }
  going = false;
  asks.join();
  EXPECT_GT(answered, 0);
}

}  // namespace
}  // namespace nestvec
