// SPDX-License-Identifier: Apache-2.0
// A model's lane, and a job between submit() and its end; private to the scheduler.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include "engine/scheduler.h"

namespace nestvec {

struct Scheduler::Lane {
  Lane(LaneId number, std::unique_ptr<Session> from, const Options& with)
      : id(number), session(std::move(from)), options(with) {}

  // Of the next batch at most.
  std::size_t batch_tokens() const;
  // Whether a batch of so many tokens, with a text of `longest`, lets others pass.
  bool lets_pass(std::size_t tokens, std::size_t longest) const;

  const LaneId id;
  std::unique_ptr<Session> session;  // run by the scheduler's thread alone
  const Options options;

  // Guarded by the scheduler's mutex.
  std::shared_ptr<const BatchObserver> observer;
  RunRate rate;
  std::size_t output_bytes = 0;  // held by its jobs
  std::size_t calling = 0;       // its jobs that have left and are being called back
  bool stopping = false;
};

// Rows of a sequence exist from the end of its batch on, and its tokens until then.
struct Scheduler::Pending {
  std::uint64_t id = 0;
  Lane* lane = nullptr;  // lives as long as one of its jobs is queued, runs or is called back
  Job job;
  JobOutput output;
  std::size_t unfinished = 0;                   // sequences
  std::array<std::size_t, kLevels> in_batch{};  // sequences of the running batches
  std::size_t output_bytes = 0;                 // of finished sequences
  Clock::time_point queued;
  std::optional<Clock::time_point> started;
  // Once it has left, see Leaving.
  std::optional<Error> error;
  PendingPtr next;
  // Last, so that it ends first: its callback may be running.
  std::optional<std::stop_callback<std::function<void()>>> on_stop;

  explicit Pending(Clock::time_point now) : queued(now) {}
  void take(Job from) noexcept {
    job = std::move(from);
    unfinished = job.sequences.size();
  }
};

// Jobs that have left, in their order, until they are called back. It needs no memory: a job must
// not be lost where there is none.
class Scheduler::Leaving {
 public:
  Leaving() = default;
  Leaving(const Leaving&) = delete;
  Leaving& operator=(const Leaving&) = delete;
  ~Leaving() {
    while (first_) take();
  }

  // Null adds nothing.
  void add(PendingPtr job, std::optional<Error> error) noexcept {
    if (!job) return;
    job->error = std::move(error);
    PendingPtr& end = last_ == nullptr ? first_ : last_->next;
    last_ = job.get();
    end = std::move(job);
  }
  bool empty() const noexcept { return first_ == nullptr; }
  // The first, or null.
  PendingPtr take() noexcept {
    PendingPtr job = std::move(first_);
    if (job) first_ = std::move(job->next);
    if (!first_) last_ = nullptr;
    return job;
  }

 private:
  PendingPtr first_;
  Pending* last_ = nullptr;
};

// Why a job ends without its rows, if it must. A deadline that has passed is told even where it was
// enforced by a stop.
std::optional<Error> ended_by(const RunControl& control, Scheduler::Clock::time_point now);

}  // namespace nestvec
