// SPDX-License-Identifier: Apache-2.0
// Many callers on a session that can be held, slowed and made to fail.
#include "engine/scheduler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <optional>
#include <random>
#include <thread>

namespace nestvec {
namespace {

constexpr std::size_t kWidth = 2;

// Rows hold the first id of a sequence and its length. Ids from kPoison on make a run fail.
class GatedSession final : public Session {
 public:
  static constexpr std::uint32_t kPoison = 1'000'000;

  void run(const PackedBatch& batch, const RunOptions& options, RunOutput& out) override {
    {
      std::unique_lock lock(mutex_);
      ++runs_;
      sizes_.push_back(batch.sequences());
      tokens_.push_back(batch.tokens());
      changed_.notify_all();
      while (held_) {
        changed_.wait_for(lock, std::chrono::milliseconds(1));
        if (options.control.stop.stop_requested()) break;
      }
    }
    options.control.check();
    out.rows.clear();
    for (const Span& span : batch.spans) {
      const std::uint32_t first = batch.ids[span.begin];
      if (first >= kPoison) throw Error(ErrorCode::kInternal, "poisoned");
      out.rows.push_back(static_cast<float>(first));
      out.rows.push_back(static_cast<float>(span.end - span.begin));
    }
    out.tokens.assign(options.want_tokens ? batch.tokens() * kWidth : 0, 1.0f);
  }
  std::size_t width() const noexcept override { return kWidth; }

  void hold() { set_held(true); }
  void release() { set_held(false); }
  void wait_for_runs(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return runs_ >= count; });
  }
  std::vector<std::size_t> batch_sizes() {
    const std::lock_guard lock(mutex_);
    return sizes_;
  }
  std::vector<std::size_t> batch_tokens() {
    const std::lock_guard lock(mutex_);
    return tokens_;
  }

 private:
  void set_held(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  int runs_ = 0;
  std::vector<std::size_t> sizes_;
  std::vector<std::size_t> tokens_;
};

Sequence sequence(std::uint32_t first, std::uint32_t length = 10) {
  Sequence out;
  out.ids.assign(length, first);
  out.spans = {{0, length}};
  return out;
}

class SchedulerTest : public testing::Test {
 protected:
  SchedulerTest() {
    auto session = std::make_unique<GatedSession>();
    session_ = session.get();
    scheduler_ = std::make_unique<Scheduler>(std::move(session), Scheduler::Options{100, 0});
  }

  using Future = std::future<Result<JobOutput>>;

  Future submit(std::vector<Sequence> sequences, Job job = {}) {
    const auto promise = std::make_shared<std::promise<Result<JobOutput>>>();
    Future future = promise->get_future();
    job.sequences = std::move(sequences);
    job.done = [promise](Result<JobOutput> result) { promise->set_value(std::move(result)); };
    scheduler_->submit(std::move(job));
    return future;
  }

  // Holds the model with a job of its own, so that what follows waits.
  Future occupy() {
    session_->hold();
    Future future = submit({sequence(1)});
    session_->wait_for_runs(1);
    return future;
  }

  // The code of a job's error; nothing when it succeeded.
  static std::optional<ErrorCode> code(Future& future) {
    const Result<JobOutput> result = future.get();
    if (result.ok()) return std::nullopt;
    return result.error().code();
  }

  GatedSession* session_ = nullptr;
  std::unique_ptr<Scheduler> scheduler_;
};

TEST_F(SchedulerTest, CallsThatWaitShareABatch) {
  Future first = occupy();
  std::vector<Future> others;
  for (std::uint32_t i = 0; i < 8; ++i) {
    Job job;
    job.queue.client = i;
    others.push_back(submit({sequence(i + 2)}, std::move(job)));
  }
  EXPECT_EQ(scheduler_->status().texts, 8u);
  EXPECT_EQ(scheduler_->status().tokens, 80u);
  EXPECT_EQ(scheduler_->status().running_tokens, 10u);
  session_->release();
  for (std::uint32_t i = 0; i < 8; ++i) {
    EXPECT_EQ(others[i].get().value().sequences[0].rows[0], static_cast<float>(i + 2));
  }
  EXPECT_EQ(session_->batch_sizes(), (std::vector<std::size_t>{1, 8}));
  EXPECT_TRUE(first.get().ok());
}

TEST_F(SchedulerTest, ALargeJobIsDividedAndKeepsItsOrder) {
  std::vector<Sequence> sequences;
  for (std::uint32_t i = 0; i < 500; ++i) sequences.push_back(sequence(i, 1 + i % 60));
  Future future = submit(std::move(sequences));
  const JobOutput output = future.get().value();
  ASSERT_EQ(output.sequences.size(), 500u);
  for (std::uint32_t i = 0; i < 500; ++i) {
    EXPECT_EQ(output.sequences[i].rows,
              (std::vector<float>{static_cast<float>(i), static_cast<float>(1 + i % 60)}));
  }
  for (const std::size_t tokens : session_->batch_tokens()) EXPECT_LE(tokens, 100u);
}

TEST_F(SchedulerTest, OneJobsFailureIsNotTheOthers) {
  Future first = occupy();
  Future good = submit({sequence(5), sequence(6)});
  Future bad = submit({sequence(7), sequence(GatedSession::kPoison)});
  Future other = submit({sequence(8)});
  session_->release();
  EXPECT_EQ(good.get().value().sequences[1].rows[0], 6.0f);
  EXPECT_EQ(other.get().value().sequences[0].rows[0], 8.0f);
  EXPECT_EQ(code(bad), ErrorCode::kInternal);
}

TEST_F(SchedulerTest, AWaitingJobIsCancelledAtOnce) {
  Future first = occupy();
  std::stop_source stop;
  Job job;
  job.control.stop = stop.get_token();
  Future waiting = submit({sequence(2), sequence(3)}, std::move(job));
  stop.request_stop();
  ASSERT_EQ(waiting.wait_for(std::chrono::seconds(5)), std::future_status::ready);
  EXPECT_EQ(code(waiting), ErrorCode::kCancelled);
  EXPECT_EQ(scheduler_->status().texts, 0u);
  session_->release();
  EXPECT_TRUE(first.get().ok());
}

TEST_F(SchedulerTest, ARunningJobThatIsAloneStopsTheModel) {
  session_->hold();
  std::stop_source stop;
  Job job;
  job.control.stop = stop.get_token();
  Future running = submit({sequence(2)}, std::move(job));
  session_->wait_for_runs(1);
  stop.request_stop();
  EXPECT_EQ(code(running), ErrorCode::kCancelled);
  Future next = submit({sequence(3)});
  session_->wait_for_runs(2);  // though nobody released the first
  session_->release();
  EXPECT_TRUE(next.get().ok());
}

TEST_F(SchedulerTest, AStopThatCameBeforeTheJobEndsIt) {
  std::stop_source stop;
  stop.request_stop();
  Job job;
  job.control.stop = stop.get_token();
  Future future = submit({sequence(2)}, std::move(job));
  EXPECT_EQ(code(future), ErrorCode::kCancelled);
}

TEST_F(SchedulerTest, WhatIsLateIsNotRun) {
  Future first = occupy();
  Job job;
  job.control.deadline = FairQueue::Clock::now() + std::chrono::milliseconds(20);
  Future late = submit({sequence(2)}, std::move(job));
  std::this_thread::sleep_for(std::chrono::milliseconds(40));
  session_->release();
  EXPECT_EQ(code(late), ErrorCode::kDeadlineExceeded);
  EXPECT_TRUE(first.get().ok());
  EXPECT_EQ(session_->batch_sizes(), (std::vector<std::size_t>{1}));
}

TEST_F(SchedulerTest, AFullQueueRefusesAndSaysWhenToComeBack) {
  Future first = occupy();
  Job job;
  job.queue.max_tokens = 200;
  std::vector<Future> taken;
  for (std::uint32_t i = 0; i < 10; ++i) {
    Job copy;
    copy.queue = job.queue;
    taken.push_back(submit({sequence(i)}, std::move(copy)));
  }
  Future refused = submit({sequence(1)}, std::move(job));
  const Result<JobOutput> result = refused.get();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_GE(result.error().detail().retry_after.count(), 1000);
  session_->release();
  for (Future& future : taken) EXPECT_TRUE(future.get().ok());
}

TEST_F(SchedulerTest, AnEmptyQueueTakesABatchWhateverTheLimit) {
  Job job;
  job.queue.max_tokens = 1;
  Future future = submit({sequence(1, 60), sequence(2, 40)}, std::move(job));
  EXPECT_TRUE(future.get().ok());
}

TEST_F(SchedulerTest, AJobLargerThanTheQueueIsRefusedForGood) {
  Job job;
  job.queue.max_tokens = 150;
  Future future = submit({sequence(1, 60), sequence(2, 60)}, std::move(job));
  const Result<JobOutput> result = future.get();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(result.error().detail().retry_after.count(), 0);
  const std::string text = result.error().what();
  EXPECT_NE(text.find("120 tokens"), std::string::npos) << text;
  EXPECT_NE(text.find("max_queue_tokens"), std::string::npos) << text;
}

TEST_F(SchedulerTest, BulkWaitsForInteractiveOnes) {
  Future first = occupy();
  std::vector<Sequence> many;
  for (std::uint32_t i = 0; i < 40; ++i) many.push_back(sequence(1, 50));
  Future bulk = submit(std::move(many));
  std::promise<std::size_t> batches;  // so far, when the quick one has ended
  Job quick;
  quick.sequences = {sequence(2)};
  quick.done = [&](const Result<JobOutput>&) { batches.set_value(session_->batch_sizes().size()); };
  scheduler_->submit(std::move(quick));
  session_->release();
  EXPECT_EQ(batches.get_future().get(), 2u);
  EXPECT_TRUE(bulk.get().ok());
}

TEST_F(SchedulerTest, UnloadingEndsWhatWaits) {
  Future first = occupy();
  Future waiting = submit({sequence(2)});
  scheduler_.reset();
  EXPECT_EQ(code(first), ErrorCode::kCancelled);
  EXPECT_EQ(code(waiting), ErrorCode::kCancelled);
}

TEST_F(SchedulerTest, AfterTheEndJobsAreRefused) {
  Future first = occupy();
  scheduler_->shut_down();
  EXPECT_EQ(code(first), ErrorCode::kCancelled);
  Future late = submit({sequence(2)});
  EXPECT_EQ(code(late), ErrorCode::kCancelled);
  scheduler_->shut_down();
}

// NOLINTNEXTLINE(readability-function-cognitive-complexity): a load and its check, in one place
TEST_F(SchedulerTest, EveryJobEndsOnceUnderLoadAndCancellation) {
  std::atomic<int> ended{0};
  std::atomic<int> wrong{0};
  constexpr int kThreads = 6;
  constexpr int kJobs = 300;
  {
    std::vector<std::jthread> threads;
    for (unsigned t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937 random(t);
        for (std::uint32_t i = 0; i < kJobs; ++i) {
          std::stop_source stop;
          Job job;
          const auto count = static_cast<std::uint32_t>(1 + random() % 5);
          for (std::uint32_t k = 0; k < count; ++k) {
            job.sequences.push_back(
                sequence(i * 8 + k, static_cast<std::uint32_t>(1 + random() % 40)));
          }
          job.control.stop = stop.get_token();
          job.queue.client = t;
          job.done = [&, i, count](Result<JobOutput> result) {
            ++ended;
            if (!result.ok()) return;
            for (std::uint32_t k = 0; k < count; ++k) {
              const std::vector<float>& row = result.value().sequences[k].rows;
              if (row[0] != static_cast<float>(i * 8 + k)) ++wrong;
            }
          };
          scheduler_->submit(std::move(job));
          if (random() % 3 == 0) stop.request_stop();
        }
      });
    }
  }
  while (ended < kThreads * kJobs) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  scheduler_.reset();
  EXPECT_EQ(ended, kThreads * kJobs);
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace nestvec
