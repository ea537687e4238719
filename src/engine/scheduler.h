// SPDX-License-Identifier: Apache-2.0
// The one thread that runs the model: it packs what waits into batches, runs them one after
// another, and hands each caller its rows. There is no timer: a batch is what waits at the moment
// at which the model is free.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "batch/fair_queue.h"
#include "batch/packed_batch.h"
#include "engine/admission.h"
#include "engine/job.h"
#include "engine/run_rate.h"
#include "nestvec/model.h"
#include "session/session.h"

namespace nestvec {

// Safe for concurrent use.
class Scheduler {
 public:
  using Clock = FairQueue::Clock;

  struct Options {
    std::size_t max_batch_tokens = 0;
    std::size_t batch_milliseconds = 0;  // what a batch should take at most; 0 = no limit
    std::function<Clock::time_point()> now = Clock::now;  // tests have a clock of their own
  };

  // Jobs of at most so many tokens are interactive where their priority is kAuto.
  static constexpr std::size_t kInteractiveTokens = 1024;
  // However slow the model, batches may have so many tokens: fewer would only read the weights more
  // often.
  static constexpr std::size_t kLeastBatchTokens = 128;
  // A batch with a text of more than kPauseTokens that is expected to take longer lets interactive
  // texts pass, as long as they take no more of the time than it does itself.
  static constexpr double kLongSeconds = 0.25;

  Scheduler(std::unique_ptr<Session> session, const Options& options);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  ~Scheduler();

  // Ends all jobs, and all that come later, with kCancelled. Blocks until the running batch has
  // stopped.
  void shut_down();

  // Queues a job. job.done is called exactly once; at once with kResourceExhausted for a job that
  // may not wait (see check_admission), or whose answer could never have the memory it needs.
  void submit(Job job);

  // `client` as QueueOptions::client.
  QueueStatus status(std::uint64_t client = 0) const;
  std::size_t width() const noexcept { return session_->width(); }
  void observe(BatchObserver observer);

 private:
  // A job on its way.
  struct Pending;
  using PendingPtr = std::shared_ptr<Pending>;
  // A sequence of a batch.
  struct Part {
    PendingPtr job;
    std::uint32_t index = 0;
  };
  class Leaving;
  // How the run ended for each job of a batch.
  using Outcomes = std::vector<std::optional<Error>>;

  // A batch and one in a pause of it have their places: the running batches, by level.
  static constexpr std::size_t kBatch = 0;
  static constexpr std::size_t kAside = 1;
  static constexpr std::size_t kLevels = 2;
  struct Running {
    // Used by the scheduler's thread alone.
    PackedBatch batch;
    RunOutput output;
    std::size_t retried = 0;
    // Guarded by mutex_.
    std::size_t tokens = 0;
    std::size_t jobs = 0;  // that still want their rows
    std::stop_source stop;
  };

  void work();
  // Blocks while nothing waits; empty when the scheduler is to end.
  std::vector<Part> next_batch();
  // Runs interactive texts that wait, in a pause of a batch. What becomes of them is theirs alone.
  void let_pass() noexcept;
  bool may_pass() const;
  std::vector<Part> next_aside();
  void run(std::size_t level, const std::vector<Part>& parts);
  void run_jobs(std::size_t level, const std::vector<Part>& parts);
  std::optional<Error> run_parts(std::size_t level, std::span<const Part> parts);
  // Runs parts as one batch, keeps their results, and returns those with values that are not
  // finite.
  std::vector<std::size_t> run_batch(Running& running, std::span<const Part> parts,
                                     const RunOptions& options);
  RunOptions run_options(std::size_t level, std::span<const Part> parts);
  void finish(std::size_t level, std::span<const std::span<const Part>> groups, Outcomes outcomes,
              double seconds);
  static void end(Leaving& jobs, Clock::time_point now);
  void cancel(std::uint64_t id);

  // Precondition of these: mutex_ is held.
  // Empty without memory. Those whose turn it was have left then.
  std::vector<Part> take_batch(std::size_t level, Leaving& leaving);
  std::vector<Part> begin_batch(std::size_t level, std::vector<Waiting>& batch,
                                Clock::time_point now, Leaving& leaving);
  void drop(std::uint64_t id, std::optional<Error> error, Leaving& leaving) noexcept;
  void leave_batches(Pending& pending) noexcept;
  std::size_t running_tokens() const;
  std::optional<Error> start(Pending& pending, Clock::time_point now);
  void remove_late(Clock::time_point now, Leaving& leaving);
  PendingPtr remove(std::uint64_t id) noexcept;
  void note_waiting() noexcept;
  std::size_t batch_tokens() const;
  QueueLoad load_for(std::uint64_t client, bool bulk) const;
  void enqueue(const PendingPtr& pending, bool bulk, std::vector<std::uint32_t> tokens);
  double expected_seconds(std::size_t tokens) const;

  std::unique_ptr<Session> session_;
  Options options_;

  // Of the batch at kBatch; used by the scheduler's thread alone.
  Clock::time_point batch_start_;
  double aside_seconds_ = 0;
  bool lets_pass_ = false;

  // Whether interactive texts wait: what a pause costs where none do.
  std::atomic<bool> interactive_waits_ = false;

  std::array<Running, kLevels> running_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::shared_ptr<const BatchObserver> observer_;
  FairQueue queue_;
  std::map<std::uint64_t, PendingPtr> jobs_;
  std::set<std::pair<Clock::time_point, std::uint64_t>> deadlines_;  // of jobs_ that have one
  std::uint64_t next_id_ = 1;
  RunRate rate_;
  std::size_t output_bytes_ = 0;  // held by jobs_
  bool stopping_ = false;

  std::once_flag joined_;
  std::thread thread_;
};

}  // namespace nestvec
