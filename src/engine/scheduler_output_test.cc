// SPDX-License-Identifier: Apache-2.0
// Results exist for what has run, and are charged before it runs.
#include <gtest/gtest.h>

#include "support/request_account.h"
#include "support/timed_session.h"

namespace nestvec {
namespace {

constexpr std::size_t kRowBytes = TimedSession::kWidth * sizeof(float);

class SchedulerOutput : public testing::Test {
 protected:
  SchedulerOutput() {
    auto session = std::make_unique<TimedSession>(clock_, 100);
    session_ = session.get();
    scheduler_ = std::make_unique<Scheduler>(
        std::move(session),
        Scheduler::Options{
            .max_batch_tokens = 30, .batch_milliseconds = 0, .now = clock_.function()});
  }

  static Job job_of(std::uint32_t sequences, std::shared_ptr<MemoryAccount> account = nullptr) {
    Job job;
    for (std::uint32_t i = 0; i < sequences; ++i) job.sequences.push_back(sequence_of(i, 10));
    job.queue.memory = std::move(account);
    return job;
  }

  ManualClock clock_;
  TimedSession* session_ = nullptr;
  std::unique_ptr<Scheduler> scheduler_;
};

// Batches of three texts: before the fourth of five, the rows of nine are held.
TEST_F(SchedulerOutput, GrowsByTheRowsOfEachBatchAndEndsWithTheJob) {
  std::vector<std::size_t> held;
  session_->during = [&] { held.push_back(scheduler_->status().output_bytes); };
  EXPECT_TRUE(submit_to(*scheduler_, job_of(14)).get().ok());
  EXPECT_EQ(held, (std::vector<std::size_t>{0, 3 * kRowBytes, 6 * kRowBytes, 9 * kRowBytes,
                                            12 * kRowBytes}));
  EXPECT_EQ(scheduler_->status().output_bytes, 0u);
}

TEST_F(SchedulerOutput, TokenEmbeddingsAreCountedToo) {
  std::vector<std::size_t> held;
  session_->during = [&] { held.push_back(scheduler_->status().output_bytes); };
  Job job = job_of(6);
  job.want_tokens = true;
  JobOutput output = submit_to(*scheduler_, std::move(job)).get().value();
  EXPECT_EQ(held, (std::vector<std::size_t>{0, 3 * 11 * kRowBytes}));
  for (const SequenceOutput& each : output.sequences) {
    EXPECT_EQ(each.tokens.size(), 10 * TimedSession::kWidth);
  }
}

TEST_F(SchedulerOutput, OfACancelledJobNothingIsHeld) {
  std::vector<std::size_t> held;
  std::stop_source stop;
  std::future<Result<JobOutput>> cancelled;
  int run = 0;
  session_->during = [&] {
    if (run == 0) {  // on this thread, so that the stop is heard from here on
      Job job = job_of(9);
      job.control.stop = stop.get_token();
      cancelled = submit_to(*scheduler_, std::move(job));
    }
    held.push_back(scheduler_->status().output_bytes);
    if (run == 2) stop.request_stop();
    held.push_back(scheduler_->status().output_bytes);
    ++run;
  };
  EXPECT_TRUE(submit_to(*scheduler_, job_of(1)).get().ok());
  EXPECT_FALSE(cancelled.get().ok());
  EXPECT_TRUE(submit_to(*scheduler_, job_of(1)).get().ok());  // the batch before it has ended
  EXPECT_EQ(held, (std::vector<std::size_t>{0, 0, 0, 0, 3 * kRowBytes, 0, 0, 0}));
}

// A job in the queue is charged nothing, however large; one that begins, all of it.
TEST_F(SchedulerOutput, IsChargedWhenTheFirstTextRuns) {
  const auto account = request_account(1000);
  std::vector<std::size_t> used;
  std::future<Result<JobOutput>> second;
  Job first = job_of(4, account);
  first.answer_bytes = 100;
  session_->during = [&] {
    if (used.empty()) second = submit_to(*scheduler_, job_of(6, account));
    used.push_back(account->used());
  };
  {
    const JobOutput output = submit_to(*scheduler_, std::move(first)).get().value();
    EXPECT_EQ(output.memory.bytes(), 4 * kRowBytes + 100);
  }
  {
    const Result<JobOutput> output = second.get();
    EXPECT_TRUE(output.ok());
    EXPECT_EQ(account->used(), 6 * kRowBytes);
  }
  EXPECT_EQ(account->used(), 0u);
  EXPECT_EQ(used[0], 4 * kRowBytes + 100);  // though ten texts wait or run
  EXPECT_EQ(account->peak(), used[1]);      // both, once the second shares a batch
}

TEST_F(SchedulerOutput, AJobWithoutMemoryEndsBeforeItsFirstRun) {
  const auto account = request_account(5 * kRowBytes);
  const std::optional<MemoryShare> other = MemoryShare::take(account, 3 * kRowBytes);
  const Result<JobOutput> result = submit_to(*scheduler_, job_of(4, account)).get();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_GE(result.error().detail().retry_after.count(), 1000);
  EXPECT_TRUE(session_->batches().empty());
  EXPECT_TRUE(submit_to(*scheduler_, job_of(2, account)).get().ok());
  EXPECT_EQ(scheduler_->status().texts, 0u);
}

TEST_F(SchedulerOutput, TheOthersOfItsBatchRun) {
  const auto account = request_account(kRowBytes);
  std::future<Result<JobOutput>> large;
  std::future<Result<JobOutput>> small;
  session_->during = [&, first = true]() mutable {
    if (!std::exchange(first, false)) return;
    large = submit_to(*scheduler_, job_of(1, account));
    small = submit_to(*scheduler_, job_of(1));
  };
  const std::optional<MemoryShare> other = MemoryShare::take(account, kRowBytes);
  EXPECT_TRUE(submit_to(*scheduler_, job_of(1)).get().ok());
  EXPECT_FALSE(large.get().ok());
  EXPECT_TRUE(small.get().ok());
  EXPECT_EQ(session_->batches(), (std::vector<std::size_t>{10, 10}));
}

TEST_F(SchedulerOutput, AnAnswerThatCouldNeverFitIsRefusedAtOnceWithTheFigures) {
  const auto account = request_account(100);
  Job job = job_of(12, account);
  job.answer_bytes = 5;
  const Result<JobOutput> result = submit_to(*scheduler_, std::move(job)).get();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(result.error().detail().retry_after.count(), 0);
  EXPECT_STREQ(result.error().what(),
               "the answer takes 101 bytes and server.request_memory allows 100 bytes in all; ask "
               "for less in one call, or raise server.request_memory");
}

}  // namespace
}  // namespace nestvec
