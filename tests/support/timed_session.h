// SPDX-License-Identifier: Apache-2.0
// A session whose runs take a known time on a clock that only they move.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "engine/scheduler.h"

namespace nestvec {

// Stands still but for advance(). Safe for concurrent use.
class ManualClock {
 public:
  using Time = Scheduler::Clock::time_point;

  Time now() const { return Time(Time::duration(ticks_.load())); }
  void advance(double seconds) {
    const std::chrono::duration<double> step(seconds);
    ticks_ += std::chrono::duration_cast<Time::duration>(step).count();
  }
  std::function<Time()> function() const {
    return [this] { return now(); };
  }

 private:
  std::atomic<Time::duration::rep> ticks_{0};
};

inline Sequence sequence_of(std::uint32_t first, std::uint32_t length) {
  Sequence out;
  out.ids.assign(length, first);
  out.spans = {{0, length}};
  return out;
}

// Rows hold the first id of a sequence and its length. The tokens of a run are noted before it.
class TimedSession : public Session {
 public:
  static constexpr std::size_t kWidth = 2;

  TimedSession(ManualClock& clock, double tokens_per_second)
      : clock_(clock), tokens_per_second_(tokens_per_second) {}

  void run(const PackedBatch& batch, const RunOptions& options, RunOutput& out) override {
    {
      const std::lock_guard lock(mutex_);
      tokens_.push_back(batch.tokens());
    }
    compute(batch, options);
    out.rows.clear();
    for (const Span& span : batch.spans) {
      out.rows.push_back(static_cast<float>(batch.ids[span.begin]));
      out.rows.push_back(static_cast<float>(span.end - span.begin));
    }
    out.tokens.assign(options.want_tokens ? batch.tokens() * kWidth : 0, 1.0f);
  }
  std::size_t width() const noexcept override { return kWidth; }

  // Called in the middle of each run, on the thread that runs it. Set before the first job.
  std::function<void()> during;

  void set_speed(double tokens_per_second) { tokens_per_second_ = tokens_per_second; }
  std::vector<std::size_t> batches() const {
    const std::lock_guard lock(mutex_);
    return tokens_;
  }

 protected:
  virtual void compute(const PackedBatch& batch, const RunOptions&) {
    const double seconds = static_cast<double>(batch.tokens()) / tokens_per_second_;
    clock_.advance(seconds / 2);
    if (during) during();
    clock_.advance(seconds / 2);
  }

  ManualClock& clock_;
  std::atomic<double> tokens_per_second_;

 private:
  mutable std::mutex mutex_;
  std::vector<std::size_t> tokens_;
};

// Submits a job whose end can be waited for.
inline std::future<Result<JobOutput>> submit_to(Scheduler& scheduler, Job job) {
  const auto promise = std::make_shared<std::promise<Result<JobOutput>>>();
  std::future<Result<JobOutput>> future = promise->get_future();
  job.done = [promise](Result<JobOutput> result) { promise->set_value(std::move(result)); };
  scheduler.submit(std::move(job));
  return future;
}

}  // namespace nestvec
