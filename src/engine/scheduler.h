// SPDX-License-Identifier: Apache-2.0
// The one thread that runs models: it packs what waits into batches, runs them one after another,
// and hands each caller its rows. There is no timer: a batch is what waits at the moment at which
// the thread is free. Each model has a lane of its own (decision 0049).
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
  using Now = std::function<Clock::time_point()>;

  struct Options {
    std::size_t max_batch_tokens = 0;
    std::size_t batch_milliseconds = 0;  // what a batch should take at most; 0 = no limit
    Now now = Clock::now;                // tests have a clock of their own; of the first lane
  };

  // Jobs of at most so many tokens are interactive where their priority is kAuto.
  static constexpr std::size_t kInteractiveTokens = 1024;
  // Batches of any model may have so many tokens: fewer would only read the weights more often.
  static constexpr std::size_t kLeastBatchTokens = 128;
  // A batch with a text of more than kPauseTokens that is expected to take longer lets interactive
  // texts pass, as long as they take no more of the time than it does itself.
  static constexpr double kLongSeconds = 0.25;

  explicit Scheduler(Now now = Clock::now);
  // With a lane, number 0.
  Scheduler(std::unique_ptr<Session> session, const Options& options);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  ~Scheduler();

  // A lane for another model. Its number is free again once it has been removed.
  LaneId add_lane(std::unique_ptr<Session> session, const Options& options);
  // Ends the lane's jobs, as shut_down(lane), and closes its session. Nobody may use the lane
  // meanwhile or later.
  void remove_lane(LaneId lane);

  // Ends all jobs of a lane, and all that come to it later, with kCancelled. Blocks until none of
  // them runs and none is being called back. Other lanes go on.
  void shut_down(LaneId lane);
  // The same of all lanes; the thread has ended then.
  void shut_down();

  // Queues a job in its lane. job.done is called exactly once; at once with kResourceExhausted for
  // a job that may not wait (see check_admission), or whose answer could never have the memory it
  // needs.
  void submit(Job job);

  // `client` as QueueOptions::client.
  QueueStatus status(std::uint64_t client = 0, LaneId lane = 0) const;
  void observe(BatchObserver observer, LaneId lane = 0);

 private:
  // A model.
  struct Lane;
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
    // Guarded by mutex_; the thread itself, which alone changes it, reads `lane` without.
    Lane* lane = nullptr;  // null: none runs
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
  void run(std::size_t level, std::vector<Part> parts);
  void run_jobs(std::size_t level, const std::vector<Part>& parts);
  std::optional<Error> run_parts(std::size_t level, std::span<const Part> parts);
  // Runs parts as one batch, keeps their results, and returns those with values that are not
  // finite.
  static std::vector<std::size_t> run_batch(Running& running, std::span<const Part> parts,
                                            const RunOptions& options);
  RunOptions run_options(std::size_t level, std::span<const Part> parts);
  void finish(std::size_t level, std::span<const std::span<const Part>> groups, Outcomes outcomes,
              double seconds);
  void end(Leaving& jobs, Clock::time_point now);
  void cancel(std::uint64_t id);
  // Of one lane, or of all where it is null.
  void end_rest(const Lane* lane);
  void called_back(Lane& lane) noexcept;

  // Precondition of these: mutex_ is held.
  // Empty without memory. Those whose turn it was have left then.
  std::vector<Part> take_batch(std::size_t level, Leaving& leaving);
  std::vector<Waiting> take_waiting(std::size_t level, const Lane& lane, Clock::time_point now);
  std::vector<Part> begin_batch(std::size_t level, std::vector<Waiting>& batch,
                                Clock::time_point now, Leaving& leaving);
  void release(std::size_t level) noexcept;
  void drop(std::uint64_t id, std::optional<Error> error, Leaving& leaving) noexcept;
  void leave_batches(Pending& pending) noexcept;
  std::size_t running_tokens(const Lane& lane) const;
  std::size_t running_ahead(const Lane& lane, bool bulk) const;
  std::optional<Error> start(Pending& pending, Clock::time_point now);
  void remove_late(Clock::time_point now, Leaving& leaving);
  PendingPtr remove(std::uint64_t id) noexcept;
  void note_waiting() noexcept;
  void note_cost(const Lane& lane) noexcept;
  bool is_quiet(const Lane& lane) const noexcept;
  QueueLoad load_for(const Lane& lane, std::uint64_t client, bool bulk) const;
  LoadElsewhere load_elsewhere(const Lane& lane, std::uint64_t client, bool bulk) const;
  void enqueue(const PendingPtr& pending, bool bulk, std::vector<std::uint32_t> tokens);
  double running_seconds() const;
  static double seconds_of(const Lane& lane, std::size_t tokens);

  const Now now_;

  // Of the batch at kBatch; used by the scheduler's thread alone.
  Clock::time_point batch_start_;
  double aside_seconds_ = 0;
  bool lets_pass_ = false;

  // Whether interactive texts wait: what a pause costs where none do.
  std::atomic<bool> interactive_waits_ = false;

  std::array<Running, kLevels> running_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::condition_variable quiet_;             // a batch has ended, or a job has been called back
  std::vector<std::unique_ptr<Lane>> lanes_;  // by number; null: free
  bool weighs_lanes_ = false;                 // there has been more than one
  FairQueue queue_;
  std::map<std::uint64_t, PendingPtr> jobs_;
  std::set<std::pair<Clock::time_point, std::uint64_t>> deadlines_;  // of jobs_ that have one
  std::uint64_t next_id_ = 1;
  bool stopping_ = false;

  std::once_flag joined_;
  std::thread thread_;
};

}  // namespace nestvec
