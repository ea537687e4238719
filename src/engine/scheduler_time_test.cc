// SPDX-License-Identifier: Apache-2.0
// What follows from how long batches took. Time is the session's own, so every figure is exact.
#include <gtest/gtest.h>

#include <numeric>

#include "support/timed_session.h"

namespace nestvec {
namespace {

using Sizes = std::vector<std::size_t>;

constexpr std::uint32_t kLength = 30;

Job job_of(std::uint32_t sequences) {
  Job job;
  for (std::uint32_t i = 0; i < sequences; ++i) job.sequences.push_back(sequence_of(i, kLength));
  return job;
}

class SchedulerTime : public testing::Test {
 protected:
  void start(double tokens_per_second, Scheduler::Options options) {
    auto session = std::make_unique<TimedSession>(clock_, tokens_per_second);
    session_ = session.get();
    options.now = clock_.function();
    scheduler_ = std::make_unique<Scheduler>(std::move(session), options);
    batches_of(1);  // which counts for no rate
  }

  // The batches of a job, in tokens.
  Sizes batches_of(std::uint32_t sequences) {
    const std::size_t before = session_->batches().size();
    EXPECT_TRUE(submit_to(*scheduler_, job_of(sequences)).get().ok());
    Sizes all = session_->batches();
    return {all.begin() + static_cast<std::ptrdiff_t>(before), all.end()};
  }

  ManualClock clock_;
  TimedSession* session_ = nullptr;
  std::unique_ptr<Scheduler> scheduler_;
};

// 100 ms at 10,000 tokens/s are 1,000 tokens: 33 sequences of 30. The first of them knows no rate.
TEST_F(SchedulerTime, BatchesTakeTheMillisecondsThatWereAsked) {
  start(10'000, {.max_batch_tokens = 100'000, .batch_milliseconds = 100});
  EXPECT_EQ(batches_of(100), (Sizes{120, 990, 990, 900}));
  EXPECT_NEAR(scheduler_->status().tokens_per_second, 10'000, 1e-3);
}

TEST_F(SchedulerTime, ALongerTimeMakesLargerBatches) {
  start(10'000, {.max_batch_tokens = 100'000, .batch_milliseconds = 205});
  EXPECT_EQ(batches_of(150), (Sizes{120, 2040, 2040, 300}));
}

TEST_F(SchedulerTime, ASlowModelStillGetsTheLeastBatch) {
  start(10, {.max_batch_tokens = 100'000, .batch_milliseconds = 100});
  static_assert(Scheduler::kLeastBatchTokens == 128);
  EXPECT_EQ(batches_of(12), (Sizes{120, 120, 120}));
}

TEST_F(SchedulerTime, TheCapHoldsHoweverFastTheModelIs) {
  start(1e6, {.max_batch_tokens = 400, .batch_milliseconds = 100});
  EXPECT_EQ(batches_of(40), (Sizes{120, 390, 390, 300}));
}

TEST_F(SchedulerTime, ACapUnderTheLeastBatchHoldsToo) {
  start(10, {.max_batch_tokens = 100, .batch_milliseconds = 100});
  EXPECT_EQ(batches_of(7), (Sizes{90, 90, 30}));
}

// As after a cold start, or on a machine that is busy for a moment.
TEST_F(SchedulerTime, AFewShortTextsThatWereSlowAreNoReasonToRefuse) {
  start(1, {.max_batch_tokens = 1000, .batch_milliseconds = 0});
  batches_of(1);
  EXPECT_NEAR(scheduler_->status().tokens_per_second, 1, 1e-3);
  std::vector<std::future<Result<JobOutput>>> later;
  std::promise<void> asked;
  Job job = job_of(1);
  job.done = [&](const Result<JobOutput>&) {  // while nothing runs
    for (int i = 0; i < 2; ++i) {
      Job next = job_of(1);
      next.queue.max_seconds = 2;
      later.push_back(submit_to(*scheduler_, std::move(next)));
    }
    asked.set_value();
  };
  scheduler_->submit(std::move(job));
  asked.get_future().wait();
  for (auto& result : later) EXPECT_TRUE(result.get().ok());
}

TEST_F(SchedulerTime, WithoutATimeBatchesAreFull) {
  start(10, {.max_batch_tokens = 1000, .batch_milliseconds = 0});
  EXPECT_EQ(batches_of(40), (Sizes{990, 210}));
}

// Two batches at 10,000 tokens/s weigh 0.81 and 0.9 of the third, at 2,000: 2,671 tokens in
// 0.6123 s or 4,414 tokens/s, which is 441 tokens in 100 ms.
TEST_F(SchedulerTime, BatchesFollowAModelThatBecomesSlower) {
  start(10'000, {.max_batch_tokens = 100'000, .batch_milliseconds = 100});
  EXPECT_EQ(batches_of(37), (Sizes{120, 990}));
  session_->set_speed(2'000);
  const Sizes slow = batches_of(200);
  EXPECT_EQ(slow[0], 990u);
  const double tokens = 120 * 0.81 + 990 * 0.9 + 990;
  const double seconds = 120 * 0.81 / 1e4 + 990 * 0.9 / 1e4 + 990.0 / 2e3;
  const auto fit = static_cast<std::size_t>(tokens / seconds / 10 / kLength);
  EXPECT_EQ(slow[1], fit * kLength);
  EXPECT_LE(slow[slow.size() - 2], 240u);  // near 200 in the end
}

TEST_F(SchedulerTime, TimesOfAJobAreThoseOfItsBatches) {
  start(100, {.max_batch_tokens = 60, .batch_milliseconds = 0});
  const JobOutput output = submit_to(*scheduler_, job_of(6)).get().value();
  EXPECT_DOUBLE_EQ(output.queue_seconds, 0);
  EXPECT_NEAR(output.compute_seconds, 1.8, 1e-9);
}

TEST_F(SchedulerTime, ADeadlineThatPassesWhileOthersRunEndsWhatIsLeft) {
  start(100, {.max_batch_tokens = 60, .batch_milliseconds = 0});
  Job job = job_of(20);  // ten batches of 0.6 s
  job.control.deadline = clock_.now() + std::chrono::milliseconds(1500);
  const Result<JobOutput> result = submit_to(*scheduler_, std::move(job)).get();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(session_->batches(), (Sizes{30, 60, 60, 60}));
}

}  // namespace
}  // namespace nestvec
