// SPDX-License-Identifier: Apache-2.0
// Short texts that pass a long one in its pauses. Time is the session's own.
#include <gtest/gtest.h>

#include <algorithm>

#include "support/timed_session.h"

namespace nestvec {
namespace {

constexpr double kRate = 1000;
constexpr int kPieces = 100;
constexpr std::uint32_t kPoison = 1'000'000;  // as first id, it makes a run fail

// Pauses after each hundredth of a run.
class PausingSession final : public TimedSession {
 public:
  explicit PausingSession(ManualClock& clock) : TimedSession(clock, kRate) {}

  bool pauses() const noexcept override { return can_pause; }

  // Called after `piece` pieces of a run of so many tokens, in a pause of it where it has one.
  std::function<void(std::size_t tokens, int piece)> at;
  bool can_pause = true;
  int deepest = 0;

 private:
  void compute(const PackedBatch& batch, const RunOptions& options) override {
    deepest = std::max(deepest, ++depth_);
    const bool poisoned = std::find(batch.ids.begin(), batch.ids.end(), kPoison) != batch.ids.end();
    try {
      for (int piece = 0; piece < kPieces; ++piece) {
        if (at) at(batch.tokens(), piece);
        const double seconds = static_cast<double>(batch.tokens()) / tokens_per_second_ / kPieces;
        if (options.on_pause) options.on_pause();
        const bool late = options.control.deadline && *options.control.deadline <= clock_.now();
        if (late) throw Error(ErrorCode::kDeadlineExceeded, "late");
        if (options.control.stop.stop_requested()) throw Error(ErrorCode::kCancelled, "stopped");
        clock_.advance(seconds);
      }
      if (poisoned) throw Error(ErrorCode::kInternal, "poisoned");
    } catch (...) {
      --depth_;
      throw;
    }
    --depth_;
  }

  int depth_ = 0;
};

class SchedulerPause : public testing::Test {
 protected:
  static constexpr std::uint32_t kLong = 8000;  // eight seconds

  SchedulerPause() {
    auto session = std::make_unique<PausingSession>(clock_);
    session_ = session.get();
    scheduler_ = std::make_unique<Scheduler>(
        std::move(session),
        Scheduler::Options{
            .max_batch_tokens = 8192, .batch_milliseconds = 0, .now = clock_.function()});
  }

  // A call and when it was answered, in seconds of the clock.
  struct Call {
    std::optional<Result<JobOutput>> result;
    double end = 0;
    bool ok() const { return result && result->ok(); }
    ErrorCode code() const {
      return result && !result->ok() ? result->error().code() : ErrorCode::kUnknown;
    }
  };
  using CallPtr = std::shared_ptr<Call>;

  static Job job_of(Priority priority, std::vector<Sequence> sequences) {
    Job job;
    job.queue.priority = priority;
    job.queue.client = priority == Priority::kBulk ? 1 : 2;
    job.sequences = std::move(sequences);
    return job;
  }
  static Job short_text(std::uint32_t id = 7, std::uint32_t tokens = 20) {
    return job_of(Priority::kInteractive, {sequence_of(id, tokens)});
  }
  static Job long_text(std::uint32_t tokens = kLong) {
    return job_of(Priority::kBulk, {sequence_of(1, tokens)});
  }

  CallPtr ask(Job job, std::function<void()> then = {}) {
    auto call = std::make_shared<Call>();
    job.done = [this, call, then = std::move(then)](Result<JobOutput> result) {
      EXPECT_FALSE(call->result) << "done twice";
      call->result = std::move(result);
      call->end = seconds();
      if (then) then();
    };
    scheduler_->submit(std::move(job));
    return call;
  }

  double seconds() const {
    return std::chrono::duration<double>(clock_.now() - ManualClock::Time()).count();
  }

  // Runs a job with `at` in its pieces, and then until nothing is left: a last text of one token
  // comes after all others.
  CallPtr play(Job job, std::function<void(std::size_t tokens, int piece)> at) {
    std::promise<void> asked;  // before that the job does not hear of its stop
    session_->at = [go = asked.get_future().share(), at = std::move(at)](std::size_t tokens,
                                                                         int piece) {
      go.wait();
      if (at) at(tokens, piece);
    };
    const auto over = std::make_shared<std::promise<void>>();
    const CallPtr call = ask(std::move(job), [this, over] {
      over_ = true;
      over->set_value();
    });
    asked.set_value();
    over->get_future().wait();
    Job last = long_text(1);
    last.queue.client = 99;
    EXPECT_TRUE(submit_to(*scheduler_, std::move(last)).get().ok());
    return call;
  }

  ManualClock clock_;
  bool over_ = false;  // the job that is played has ended
  PausingSession* session_ = nullptr;
  std::unique_ptr<Scheduler> scheduler_;
};

TEST_F(SchedulerPause, AShortTextPassesALongOne) {
  CallPtr passing;
  const CallPtr outer = play(long_text(), [&](std::size_t tokens, int piece) {
    if (tokens == kLong && piece == 30) passing = ask(short_text());
  });
  ASSERT_TRUE(passing->ok());
  EXPECT_EQ(passing->result->value().sequences[0].rows, (std::vector<float>{7, 20}));
  EXPECT_NEAR(passing->end, 2.4 + 0.02, 1e-6);
  ASSERT_TRUE(outer->ok());
  EXPECT_EQ(outer->result->value().sequences[0].rows, (std::vector<float>{1, kLong}));
  EXPECT_NEAR(outer->end, 8.02, 1e-6);
}

TEST_F(SchedulerPause, TextsThatWaitTogetherPassTogether) {
  std::vector<CallPtr> passing;
  play(long_text(), [&](std::size_t tokens, int piece) {
    for (std::uint32_t i = 0; tokens == kLong && piece == 30 && i < 5; ++i) {
      passing.push_back(ask(short_text(i)));
    }
  });
  for (std::uint32_t i = 0; i < 5; ++i) EXPECT_TRUE(passing[i]->ok());
  EXPECT_EQ(session_->batches(), (std::vector<std::size_t>{kLong, 100, 1}));
}

TEST_F(SchedulerPause, LongTextsAndBulkDoNotPass) {
  CallPtr longer;
  CallPtr bulk;
  const CallPtr outer = play(long_text(), [&](std::size_t tokens, int piece) {
    if (tokens != kLong || piece != 30) return;
    longer = ask(short_text(7, kPauseTokens + 1));
    bulk = ask(long_text(10));
  });
  EXPECT_GT(longer->end, outer->end);
  EXPECT_GT(bulk->end, outer->end);
  EXPECT_NEAR(outer->end, 8, 1e-6);
}

TEST_F(SchedulerPause, ATextOfTheMostTokensPasses) {
  CallPtr longest;
  const CallPtr outer = play(long_text(), [&](std::size_t tokens, int piece) {
    if (tokens == kLong && piece == 30) longest = ask(short_text(7, kPauseTokens));
  });
  EXPECT_LT(longest->end, outer->end);
}

TEST_F(SchedulerPause, ShortBatchesAreNotInterrupted) {
  for (const std::uint32_t tokens : {std::uint32_t{200}, std::uint32_t{kPauseTokens}}) {
    CallPtr waiting;
    const CallPtr outer = play(long_text(tokens), [&](std::size_t running, int piece) {
      if (running == tokens && piece == 30) waiting = ask(short_text());
    });
    EXPECT_GT(waiting->end, outer->end);
  }
}

TEST_F(SchedulerPause, ManyShortTextsAreNotInterrupted) {
  CallPtr waiting;
  const CallPtr outer =
      play(job_of(Priority::kBulk, std::vector<Sequence>(8, sequence_of(1, 1000))),
           [&](std::size_t tokens, int piece) {
             if (tokens == 8000 && piece == 30) waiting = ask(short_text());
           });
  EXPECT_GT(waiting->end, outer->end);
}

TEST_F(SchedulerPause, ALongBatchThatIsQuickIsNotInterrupted) {
  session_->set_speed(100 * kRate);
  play(long_text(), {});  // how quick, shows in the first
  CallPtr waiting;
  const CallPtr outer = play(long_text(), [&](std::size_t tokens, int piece) {
    if (tokens == kLong && piece == 30) waiting = ask(short_text());
  });
  EXPECT_GT(waiting->end, outer->end);
}

// Whoever has a text waiting may ask for another while a long one runs that lets them pass.
TEST_F(SchedulerPause, ALongTextIsAReasonToRefuseOnlyWhereItDoesNotPause) {
  play(long_text(1000), {});  // the rate is known
  for (const bool pauses : {true, false}) {
    session_->can_pause = pauses;
    std::vector<CallPtr> calls;
    play(long_text(), [&](std::size_t tokens, int piece) {
      if (tokens != kLong || piece != 30) return;
      for (int i = 0; i < 2; ++i) {
        Job job = short_text();
        job.queue.max_seconds = 2;
        calls.push_back(ask(std::move(job)));
      }
    });
    EXPECT_TRUE(calls[0]->ok());
    EXPECT_EQ(calls[1]->ok(), pauses);
  }
}

TEST_F(SchedulerPause, ASessionThatDoesNotPauseIsNotInterrupted) {
  session_->can_pause = false;
  CallPtr waiting;
  const CallPtr outer = play(long_text(), [&](std::size_t tokens, int piece) {
    if (tokens == kLong && piece == 30) waiting = ask(short_text());
  });
  EXPECT_GT(waiting->end, outer->end);
}

// While one passes, others come: they wait for the next pause of the long one.
TEST_F(SchedulerPause, NothingPassesWhatPasses) {
  std::vector<CallPtr> calls;
  play(long_text(), [&](std::size_t tokens, int piece) {
    if (tokens == kLong && piece == 30) calls.push_back(ask(short_text(7, 400)));
    if (tokens == 400 && piece == 50) calls.push_back(ask(short_text()));
  });
  EXPECT_EQ(session_->deepest, 2);
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_LT(calls[0]->end, calls[1]->end);
  EXPECT_LT(calls[1]->end, 4);
}

// Interactive texts come all the time, more than the model can do: half of its time is theirs.
TEST_F(SchedulerPause, ALongTextTakesTwiceItsTimeAtMost) {
  std::vector<CallPtr> stream;
  const CallPtr outer = play(long_text(), [&](std::size_t, int) {
    while (!over_ && scheduler_->status().tokens < 4000) stream.push_back(ask(short_text(7, 40)));
  });
  EXPECT_LE(outer->end, 16 + 1.1);  // and one batch
  EXPECT_GE(outer->end, 14);
  EXPECT_GT(stream.size(), 200u);
  for (const CallPtr& call : stream) EXPECT_TRUE(call->ok());
}

TEST_F(SchedulerPause, TimesAndRatesLeaveOutWhatPassed) {
  std::vector<BatchReport> reports;
  scheduler_->observe([&](const BatchReport& report) { reports.push_back(report); });
  play(long_text(), [&](std::size_t tokens, int piece) {
    session_->set_speed(tokens == 400 ? kRate / 2 : kRate);
    if (tokens != kLong || piece != 30) return;
    ask(short_text(7, 400));
    EXPECT_EQ(scheduler_->status().running_tokens, kLong);
  });
  ASSERT_EQ(reports.size(), 3u);
  EXPECT_EQ(reports[0].tokens, 400u);
  EXPECT_NEAR(reports[0].seconds, 0.8, 1e-6);
  EXPECT_EQ(reports[1].tokens, kLong);
  EXPECT_NEAR(reports[1].seconds, 8, 1e-6);
  EXPECT_NEAR(scheduler_->status().tokens_per_second, kRate, 1e-3);
}

TEST_F(SchedulerPause, AnErrorOfWhatPassesLeavesTheOthersAlone) {
  std::vector<CallPtr> calls;
  const CallPtr outer = play(long_text(), [&](std::size_t tokens, int piece) {
    if (tokens != kLong || piece != 30) return;
    calls.push_back(ask(short_text(kPoison)));
    calls.push_back(ask(short_text(8)));
  });
  EXPECT_EQ(calls[0]->code(), ErrorCode::kInternal);
  EXPECT_TRUE(calls[1]->ok());
  EXPECT_TRUE(outer->ok());
}

TEST_F(SchedulerPause, AnErrorOfTheLongOneLeavesWhatPassedAlone) {
  CallPtr passing;
  const CallPtr outer = play(job_of(Priority::kBulk, {sequence_of(kPoison, kLong)}),
                             [&](std::size_t tokens, int piece) {
                               if (tokens == kLong && piece == 30) passing = ask(short_text());
                             });
  EXPECT_TRUE(passing->ok());
  EXPECT_EQ(outer->code(), ErrorCode::kInternal);
}

TEST_F(SchedulerPause, WhatPassesIsCancelledAlone) {
  std::stop_source stop;
  CallPtr passing;
  const CallPtr outer = play(long_text(), [&](std::size_t tokens, int piece) {
    if (tokens == kLong && piece == 30) {
      Job job = short_text(7, 400);
      job.control.stop = stop.get_token();
      passing = ask(std::move(job));
    }
    if (tokens == 400 && piece == 50) stop.request_stop();
  });
  EXPECT_EQ(passing->code(), ErrorCode::kCancelled);
  ASSERT_TRUE(outer->ok());
  EXPECT_NEAR(outer->end, 8 + 0.2, 1e-6);  // half of what was to pass
}

TEST_F(SchedulerPause, TheLongOneIsCancelledWhileAnotherPasses) {
  std::stop_source stop;
  CallPtr passing;
  Job job = long_text();
  job.control.stop = stop.get_token();
  const CallPtr outer = play(std::move(job), [&](std::size_t tokens, int piece) {
    if (tokens == kLong && piece == 30) passing = ask(short_text(7, 400));
    EXPECT_TRUE(tokens != kLong || piece <= 30) << "it goes on";
    if (tokens == 400 && piece == 50) stop.request_stop();
  });
  EXPECT_TRUE(passing->ok());
  EXPECT_EQ(outer->code(), ErrorCode::kCancelled);
  EXPECT_LT(outer->end, passing->end);
}

TEST_F(SchedulerPause, DeadlinesOfEitherHold) {
  CallPtr passing;
  Job job = long_text();
  job.control.deadline = clock_.now() + std::chrono::milliseconds(2500);
  const CallPtr outer = play(std::move(job), [&](std::size_t tokens, int piece) {
    if (tokens == kLong && piece == 10) {
      Job late = short_text(7, 400);
      late.control.deadline = clock_.now() + std::chrono::milliseconds(100);
      passing = ask(std::move(late));
    }
  });
  EXPECT_EQ(passing->code(), ErrorCode::kDeadlineExceeded);
  EXPECT_NEAR(passing->end, 0.9, 0.01);
  EXPECT_EQ(outer->code(), ErrorCode::kDeadlineExceeded);
  EXPECT_NEAR(outer->end, 2.5, 0.08);
}

TEST_F(SchedulerPause, PartsOfOneJobMayPassEachOther) {
  bool asked = false;
  CallPtr both;
  std::vector<Sequence> sequences = {sequence_of(1, 8100), sequence_of(2, 200),
                                     sequence_of(3, 100)};
  both = play(job_of(Priority::kInteractive, std::move(sequences)),
              [&](std::size_t tokens, int) { asked = asked || tokens == 300; });
  EXPECT_TRUE(asked);
  ASSERT_TRUE(both->ok());
  EXPECT_EQ(both->result->value().sequences[0].rows, (std::vector<float>{1, 8100}));
  EXPECT_EQ(both->result->value().sequences[1].rows, (std::vector<float>{2, 200}));
  EXPECT_EQ(both->result->value().sequences[2].rows, (std::vector<float>{3, 100}));
}

TEST_F(SchedulerPause, AJobWhoseOnePartFailsStopsTheOther) {
  std::vector<Sequence> sequences = {sequence_of(1, 8100), sequence_of(kPoison, 200)};
  int last = 0;
  const CallPtr both = play(job_of(Priority::kInteractive, std::move(sequences)),
                            [&](std::size_t tokens, int piece) {
                              if (tokens == 8100) last = piece;
                            });
  EXPECT_EQ(both->code(), ErrorCode::kInternal);
  EXPECT_EQ(last, 0);
}

TEST_F(SchedulerPause, UnloadingEndsBoth) {
  CallPtr passing;
  std::promise<void> inside;
  std::promise<void> stopping;
  session_->at = [&](std::size_t tokens, int piece) {
    if (tokens == kLong && piece == 30) passing = ask(short_text(7, 400));
    if (tokens != 400 || piece != 50) return;
    inside.set_value();
    stopping.get_future().wait();
  };
  const CallPtr outer = ask(long_text());
  inside.get_future().wait();
  std::jthread end([&] { scheduler_->shut_down(); });
  // The batches' stops are requested before jobs are refused.
  while (submit_to(*scheduler_, short_text()).wait_for(std::chrono::seconds(0)) !=
         std::future_status::ready) {
    std::this_thread::yield();
  }
  stopping.set_value();
  end.join();
  EXPECT_EQ(passing->code(), ErrorCode::kCancelled);
  EXPECT_EQ(outer->code(), ErrorCode::kCancelled);
}

}  // namespace
}  // namespace nestvec
