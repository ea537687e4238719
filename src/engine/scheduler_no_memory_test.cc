// SPDX-License-Identifier: Apache-2.0
// A program of its own, whose operator new fails on the model's thread: every job ends once, and
// the scheduler goes on.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <new>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "support/memory_shortage.h"
#include "support/timed_session.h"

namespace {

// Allocations of marked threads from `first` on fail, `count` of them.
struct Failures {
  std::atomic<long> first{0};
  std::atomic<long> count{0};
  std::atomic<long> seen{0};
};

// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables): operator new has no arguments
Failures failures;
thread_local bool marked = false;
thread_local bool exempt = false;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

}  // namespace

namespace nestvec {

bool allocation_fails() {
  if (!marked || exempt) return false;
  const long number = failures.seen++;
  return number >= failures.first && number < failures.first + failures.count;
}

namespace {

// What a test does on the model's thread has memory.
class Exempt {
 public:
  Exempt() : was_(std::exchange(exempt, true)) {}
  Exempt(const Exempt&) = delete;
  Exempt& operator=(const Exempt&) = delete;
  ~Exempt() { exempt = was_; }

 private:
  bool was_;
};

// Pauses once in each run.
class PausingSession final : public TimedSession {
 public:
  using TimedSession::TimedSession;
  bool pauses() const noexcept override { return true; }
  std::function<void()> before_pause;

 private:
  void compute(const PackedBatch& batch, const RunOptions& options) override {
    if (options.on_pause) {
      {
        const Exempt exemption;
        before_pause();
      }
      options.on_pause();
    }
    clock_.advance(static_cast<double>(batch.tokens()) / tokens_per_second_);
  }
};

struct Answer {
  std::atomic<int> count{0};
  std::atomic<bool> ok{false};
  std::atomic<ErrorCode> code{};
};

// A long text with others behind it and in its pause, one of which comes too late.
class Play {
 public:
  Play() {
    auto session = std::make_unique<PausingSession>(clock_, 1000);
    session->before_pause = [this] { ask_short(); };
    scheduler_ = std::make_unique<Scheduler>(
        std::move(session), Scheduler::Options{.max_batch_tokens = 8192,
                                               .batch_milliseconds = 0,
                                               .now = [this, test = std::this_thread::get_id()] {
                                                 marked = std::this_thread::get_id() != test;
                                                 return clock_.now();
                                               }});
  }

  // Returns how many of the calls failed.
  int run() {
    ask(Priority::kBulk, {8000}, answers_[0]);
    ask(Priority::kBulk, {100, 8100, 90}, answers_[1]);
    wait_for(answers_[0]);
    ask_short();
    int failed = 0;
    for (Answer& answer : answers_) {
      wait_for(answer);
      failed += answer.ok ? 0 : 1;
      EXPECT_TRUE(answer.ok || answer.code == ErrorCode::kUnavailable ||
                  answer.code == ErrorCode::kDeadlineExceeded);
    }
    failures.count = 0;
    Answer next;
    ask(Priority::kBulk, {1}, next);
    wait_for(next);
    EXPECT_TRUE(next.ok);
    scheduler_->shut_down();
    for (const Answer& answer : answers_) EXPECT_EQ(answer.count, 1);
    const QueueStatus status = scheduler_->status();
    EXPECT_EQ(status.texts, 0u);
    EXPECT_EQ(status.running_tokens, 0u);
    EXPECT_EQ(status.output_bytes, 0u);
    return failed;
  }

 private:
  static void wait_for(const Answer& answer) {
    while (answer.count == 0) std::this_thread::yield();
  }

  void ask(Priority priority, const std::vector<std::uint32_t>& lengths, Answer& answer,
           std::optional<Scheduler::Clock::time_point> deadline = {}) {
    Job job;
    for (const std::uint32_t length : lengths) job.sequences.push_back(sequence_of(7, length));
    job.queue.priority = priority;
    job.control.deadline = deadline;
    job.done = [&answer](const Result<JobOutput>& result) {
      const Exempt exemption;
      answer.ok = result.ok();
      if (!result.ok()) answer.code = result.error().code();
      ++answer.count;
    };
    scheduler_->submit(std::move(job));
  }

  // In the pause, or after a long text that did not come so far.
  void ask_short() {
    if (std::exchange(asked_, true)) return;
    ask(Priority::kInteractive, {20, 30}, answers_[2]);
    ask(Priority::kInteractive, {40}, answers_[3]);
    ask(Priority::kInteractive, {50}, answers_[4], clock_.now() + std::chrono::seconds(1));
    clock_.advance(2);
  }

  ManualClock clock_;
  bool asked_ = false;
  std::array<Answer, 5> answers_;
  std::unique_ptr<Scheduler> scheduler_;
};

class SchedulerNoMemory : public testing::TestWithParam<long> {
 protected:
  ~SchedulerNoMemory() override { failures.count = 0; }
};

// So many allocations in a row, from each in turn.
TEST_P(SchedulerNoMemory, EveryCallEndsOnceAndTheNextIsAnswered) {
  EXPECT_EQ(Play().run(), 1);  // the late one
  int failed = 0;
  for (long first = 0;; ++first) {
    Play play;
    failures.first = first;
    failures.seen = 0;
    failures.count = GetParam();
    const int now = play.run();
    if (failures.seen <= first) break;
    failed += now - 1;
  }
  EXPECT_GT(failed, 10);
}

INSTANTIATE_TEST_SUITE_P(InARow, SchedulerNoMemory, testing::Values(1, 2, 5, 20));

}  // namespace
}  // namespace nestvec
