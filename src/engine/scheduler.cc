// SPDX-License-Identifier: Apache-2.0
// The callers' side: what comes into the queue, and what leaves it before its time.
#include "engine/scheduler.h"

#include <new>
#include <utility>

#include "base/out_of_memory.h"
#include "base/seconds.h"
#include "base/start_thread.h"
#include "engine/scheduler_pending.h"

namespace nestvec {
namespace {

Error unloaded() { return Error(ErrorCode::kCancelled, "the model is being unloaded"); }

std::vector<std::uint32_t> lengths_of(const Job& job, std::size_t& tokens) {
  std::vector<std::uint32_t> lengths;
  lengths.reserve(job.sequences.size());
  for (const Sequence& sequence : job.sequences) {
    lengths.push_back(static_cast<std::uint32_t>(sequence.ids.size()));
    tokens += sequence.ids.size();
  }
  return lengths;
}

void refuse_impossible(const Job& job, std::size_t width) {
  if (!job.queue.memory) return;
  const std::size_t bytes = job.output_bytes(width) + job.answer_bytes;
  if (job.queue.memory->could_hold(bytes)) return;
  throw Error(no_memory_for_answer(*job.queue.memory, bytes, 0));
}

}  // namespace

std::optional<Error> ended_by(const RunControl& control, Scheduler::Clock::time_point now) {
  if (control.deadline && *control.deadline <= now) {
    return Error(ErrorCode::kDeadlineExceeded, "the deadline passed before the work was done");
  }
  if (!control.stop.stop_requested()) return std::nullopt;
  return Error(ErrorCode::kCancelled, "cancelled by the caller");
}

Scheduler::Scheduler(std::unique_ptr<Session> session, const Options& options)
    : session_(std::move(session)),
      options_(options),
      thread_(start_thread("the thread of the model", [this] { work(); })) {}

Scheduler::~Scheduler() { shut_down(); }

void Scheduler::shut_down() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (Running& running : running_) running.stop.request_stop();
  }
  wake_.notify_all();
  std::call_once(joined_, [this] { thread_.join(); });
  // Their stop callbacks take the mutex, so the jobs must not end under it.
  std::map<std::uint64_t, PendingPtr> jobs;
  {
    const std::lock_guard lock(mutex_);
    jobs.swap(jobs_);
    deadlines_.clear();
    output_bytes_ = 0;
    for (const auto& [id, pending] : jobs) queue_.remove(id);
    note_waiting();
  }
  for (const auto& [id, pending] : jobs) pending->job.done(made_error(unloaded));
}

void Scheduler::observe(BatchObserver observer) {
  auto shared = std::make_shared<const BatchObserver>(std::move(observer));
  const std::lock_guard lock(mutex_);
  observer_ = std::move(shared);
}

double Scheduler::expected_seconds(std::size_t tokens) const {
  const double rate = rate_.tokens_per_second();
  return rate > 0 ? static_cast<double>(tokens) / rate : 0;
}

QueueStatus Scheduler::status(std::uint64_t client) const {
  const std::lock_guard lock(mutex_);
  QueueStatus status;
  status.texts = queue_.size();
  status.tokens = queue_.tokens();
  status.running_tokens = running_tokens();
  status.tokens_per_second = rate_.tokens_per_second();
  status.expected_seconds = expected_seconds(status.tokens + status.running_tokens);
  status.output_bytes = output_bytes_;
  status.clients = queue_.load(false).clients + queue_.load(true).clients;
  status.client_tokens = queue_.tokens_of(client, false) + queue_.tokens_of(client, true);
  return status;
}

QueueLoad Scheduler::load_for(std::uint64_t client, bool bulk) const {
  QueueLoad load;
  load.same = queue_.load(bulk);
  load.other = queue_.load(!bulk);
  load.own = queue_.tokens_of(client, bulk);
  // Interactive texts need not wait for a long batch that pauses.
  load.running = !bulk && session_->pauses() ? 0 : running_tokens();
  load.batch = options_.max_batch_tokens;
  load.tokens_per_second = rate_.proven_tokens_per_second();
  return load;
}

// All of it, or nothing where memory runs out.
void Scheduler::enqueue(const PendingPtr& pending, bool bulk, std::vector<std::uint32_t> tokens) {
  const std::uint64_t id = pending->id = next_id_++;
  const RunControl& control = pending->job.control;
  jobs_.emplace(id, pending);
  try {
    if (control.deadline) deadlines_.emplace(*control.deadline, id);
    queue_.push(pending->job.queue.client, bulk, id, std::move(tokens), pending->queued);
    note_waiting();
  } catch (...) {
    remove(id);
    throw;
  }
}

void Scheduler::submit(Job job) {
  PendingPtr pending;
  try {
    pending = std::make_shared<Pending>(options_.now());
  } catch (const std::bad_alloc&) {
    return job.done(out_of_memory());
  }
  pending->take(std::move(job));
  try {
    std::size_t tokens = 0;
    std::vector<std::uint32_t> lengths = lengths_of(pending->job, tokens);
    const QueueOptions& queue = pending->job.queue;
    const bool bulk = queue.priority == Priority::kBulk ||
                      (queue.priority == Priority::kAuto && tokens > kInteractiveTokens);
    if (auto error = ended_by(pending->job.control, pending->queued)) throw Error(*error);
    refuse_impossible(pending->job, session_->width());
    const std::lock_guard lock(mutex_);
    if (stopping_) throw unloaded();
    check_admission(queue, bulk, tokens, load_for(queue.client, bulk));
    enqueue(pending, bulk, std::move(lengths));
  } catch (Error& error) {
    pending->job.done(std::move(error));
    return;
  } catch (const std::bad_alloc&) {
    pending->job.done(out_of_memory());
    return;
  }
  wake_.notify_one();
  // Without the lock: a stop that was requested meanwhile calls back from here.
  const std::stop_token& stop = pending->job.control.stop;
  if (stop.stop_possible()) {
    pending->on_stop.emplace(stop, [this, id = pending->id] { cancel(id); });
  }
}

void Scheduler::note_waiting() noexcept {
  interactive_waits_.store(queue_.load(false).texts > 0, std::memory_order_relaxed);
}

Scheduler::PendingPtr Scheduler::remove(std::uint64_t id) noexcept {
  const auto entry = jobs_.find(id);
  if (entry == jobs_.end()) return nullptr;
  PendingPtr pending = std::move(entry->second);
  jobs_.erase(entry);
  if (pending->job.control.deadline) deadlines_.erase({*pending->job.control.deadline, id});
  output_bytes_ -= pending->output_bytes;
  queue_.remove(id);
  note_waiting();
  return pending;
}

std::size_t Scheduler::running_tokens() const {
  std::size_t tokens = 0;
  for (const Running& running : running_) tokens += running.tokens;
  return tokens;
}

// A batch of which nobody wants a row any more stops.
void Scheduler::leave_batches(Pending& pending) noexcept {
  for (std::size_t level = 0; level < kLevels; ++level) {
    const bool was_in = std::exchange(pending.in_batch[level], 0) > 0;
    if (was_in && --running_[level].jobs == 0) running_[level].stop.request_stop();
  }
}

// Of a job that has left before, nothing.
void Scheduler::drop(std::uint64_t id, std::optional<Error> error, Leaving& leaving) noexcept {
  PendingPtr pending = remove(id);
  if (pending) leave_batches(*pending);
  leaving.add(std::move(pending), std::move(error));
}

void Scheduler::cancel(std::uint64_t id) {
  PendingPtr pending;
  {
    const std::lock_guard lock(mutex_);
    pending = remove(id);
    if (!pending) return;
    leave_batches(*pending);
  }
  pending->job.done(made_error([&] { return *ended_by(pending->job.control, options_.now()); }));
}

void Scheduler::remove_late(Clock::time_point now, Leaving& leaving) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const std::uint64_t id = deadlines_.begin()->second;
    std::optional<Error> error =
        ended_by(jobs_.at(id)->job.control, now);  // the last that may fail
    drop(id, std::move(error), leaving);
  }
}

}  // namespace nestvec
