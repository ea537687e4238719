// SPDX-License-Identifier: Apache-2.0
// The callers' side: what comes into the queue, and what leaves it before its time.
#include "engine/scheduler.h"

#include <algorithm>
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

Scheduler::Scheduler(Now now)
    : now_(std::move(now)), thread_(start_thread("the thread of the model", [this] { work(); })) {}

Scheduler::Scheduler(std::unique_ptr<Session> session, const Options& options)
    : Scheduler(options.now) {
  add_lane(std::move(session), options);
}

Scheduler::~Scheduler() { shut_down(); }

LaneId Scheduler::add_lane(std::unique_ptr<Session> session, const Options& options) {
  const std::lock_guard lock(mutex_);
  const auto is_free = [](const std::unique_ptr<Lane>& each) { return each == nullptr; };
  const auto free = std::ranges::find_if(lanes_, is_free);
  const auto id = static_cast<LaneId>(free - lanes_.begin());
  lanes_.reserve(id + std::size_t{1});
  auto lane = std::make_unique<Lane>(id, std::move(session), options);
  // Alone, clients share tokens.
  weighs_lanes_ = weighs_lanes_ || !std::ranges::all_of(lanes_, is_free);
  if (id == lanes_.size()) lanes_.push_back(nullptr);
  queue_.set_cost(id, 1);
  lanes_[id] = std::move(lane);
  for (const auto& each : lanes_) {
    if (each) note_cost(*each);
  }
  return id;
}

void Scheduler::remove_lane(LaneId lane) {
  shut_down(lane);
  std::unique_ptr<Lane> removed;  // its session ends without the lock
  const std::lock_guard lock(mutex_);
  removed.swap(lanes_[lane]);
}

// What has not ended by itself.
void Scheduler::end_rest(const Lane* lane) {
  Leaving leaving;
  {
    const std::lock_guard lock(mutex_);
    for (auto entry = jobs_.begin(); entry != jobs_.end();) {
      const auto [id, pending] = *entry++;
      if (lane == nullptr || pending->lane == lane) leaving.add(remove(id), std::nullopt);
    }
  }
  // Their stop callbacks take the mutex, so the jobs must not end under it.
  while (const PendingPtr pending = leaving.take()) pending->job.done(made_error(unloaded));
}

void Scheduler::shut_down() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (Running& running : running_) running.stop.request_stop();
  }
  wake_.notify_all();
  std::call_once(joined_, [this] { thread_.join(); });
  end_rest(nullptr);
}

bool Scheduler::is_quiet(const Lane& lane) const noexcept {
  return lane.calling == 0 && std::ranges::none_of(running_, [&lane](const Running& running) {
           return running.lane == &lane;
         });
}

void Scheduler::shut_down(LaneId number) {
  Lane* lane = nullptr;
  {
    std::unique_lock lock(mutex_);
    lane = lanes_[number].get();
    lane->stopping = true;
    for (Running& running : running_) {
      if (running.lane == lane) running.stop.request_stop();
    }
    for (const auto& [id, pending] : jobs_) {
      if (pending->lane == lane) queue_.remove(id);
    }
    note_waiting();
    quiet_.wait(lock, [this, lane] { return is_quiet(*lane); });
  }
  end_rest(lane);
}

void Scheduler::observe(BatchObserver observer, LaneId lane) {
  auto shared = std::make_shared<const BatchObserver>(std::move(observer));
  const std::lock_guard lock(mutex_);
  lanes_[lane]->observer = std::move(shared);
}

double Scheduler::seconds_of(const Lane& lane, std::size_t tokens) {
  const double rate = lane.rate.tokens_per_second();
  return rate > 0 ? static_cast<double>(tokens) / rate : 0;
}

// A token of a large model costs its client more of the time that all share.
void Scheduler::note_cost(const Lane& lane) noexcept {
  constexpr double kNanoseconds = 1e9;
  constexpr double kUnknownRate = 1e4;
  if (!weighs_lanes_) return;
  const double rate = lane.rate.tokens_per_second();
  const double cost = kNanoseconds / (rate > 0 ? rate : kUnknownRate);
  queue_.set_cost(lane.id, static_cast<std::uint64_t>(std::clamp(cost, 1.0, kNanoseconds)));
}

QueueStatus Scheduler::status(std::uint64_t client, LaneId lane) const {
  const std::lock_guard lock(mutex_);
  const Lane& of = *lanes_[lane];
  QueueStatus status;
  for (const bool bulk : {false, true}) {
    const ClassLoad load = queue_.load(bulk, lane);
    status.texts += load.texts;
    status.tokens += load.tokens;
    status.clients += load.clients;
    status.client_tokens += queue_.tokens_of(client, bulk, lane);
  }
  status.running_tokens = running_tokens(of);
  status.tokens_per_second = of.rate.tokens_per_second();
  // The thread is shared, so what waits for other models counts.
  for (const auto& each : lanes_) {
    if (!each) continue;
    const std::size_t waiting =
        queue_.load(false, each->id).tokens + queue_.load(true, each->id).tokens;
    status.expected_seconds += seconds_of(*each, waiting + running_tokens(*each));
  }
  status.output_bytes = of.output_bytes;
  return status;
}

// Interactive texts need not wait for a long batch that pauses.
std::size_t Scheduler::running_ahead(const Lane& lane, bool bulk) const {
  return !bulk && lane.session->pauses() ? 0 : running_tokens(lane);
}

// In tokens that this lane would run in the time of the others'; of lanes whose rate is not known,
// nothing.
LoadElsewhere Scheduler::load_elsewhere(const Lane& lane, std::uint64_t client, bool bulk) const {
  LoadElsewhere load;
  const double rate = lane.rate.proven_tokens_per_second();
  for (const auto& other : lanes_) {
    if (!other || other.get() == &lane) continue;
    const double others = other->rate.proven_tokens_per_second();
    const double factor = others > 0 ? rate / others : 0;
    const ClassLoad same = queue_.load(bulk, other->id);
    load.texts += same.texts;
    load.same += factor * static_cast<double>(same.tokens);
    load.other += factor * static_cast<double>(queue_.load(!bulk, other->id).tokens);
    load.own += factor * static_cast<double>(queue_.tokens_of(client, bulk, other->id));
    load.running += factor * static_cast<double>(running_ahead(*other, bulk));
  }
  load.clients = queue_.clients(bulk) - queue_.load(bulk, lane.id).clients;
  return load;
}

QueueLoad Scheduler::load_for(const Lane& lane, std::uint64_t client, bool bulk) const {
  QueueLoad load;
  load.same = queue_.load(bulk, lane.id);
  load.other = queue_.load(!bulk, lane.id);
  load.own = queue_.tokens_of(client, bulk, lane.id);
  load.running = running_ahead(lane, bulk);
  load.batch = lane.options.max_batch_tokens;
  load.tokens_per_second = lane.rate.proven_tokens_per_second();
  load.elsewhere = load_elsewhere(lane, client, bulk);
  return load;
}

// All of it, or nothing where memory runs out.
void Scheduler::enqueue(const PendingPtr& pending, bool bulk, std::vector<std::uint32_t> tokens) {
  const std::uint64_t id = pending->id = next_id_++;
  const RunControl& control = pending->job.control;
  jobs_.emplace(id, pending);
  try {
    if (control.deadline) deadlines_.emplace(*control.deadline, id);
    queue_.push({pending->job.queue.client, bulk, pending->lane->id}, id, std::move(tokens),
                pending->queued);
    note_waiting();
  } catch (...) {
    remove(id);
    throw;
  }
}

void Scheduler::submit(Job job) {
  PendingPtr pending;
  try {
    pending = std::make_shared<Pending>(now_());
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
    const std::lock_guard lock(mutex_);
    Lane& lane = *lanes_[pending->job.lane];
    refuse_impossible(pending->job, lane.session->width());
    if (stopping_ || lane.stopping) throw unloaded();
    check_admission(queue, bulk, tokens, load_for(lane, queue.client, bulk));
    pending->lane = &lane;
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
  interactive_waits_.store(queue_.interactive_waits(), std::memory_order_relaxed);
}

Scheduler::PendingPtr Scheduler::remove(std::uint64_t id) noexcept {
  const auto entry = jobs_.find(id);
  if (entry == jobs_.end()) return nullptr;
  PendingPtr pending = std::move(entry->second);
  jobs_.erase(entry);
  if (pending->job.control.deadline) deadlines_.erase({*pending->job.control.deadline, id});
  pending->lane->output_bytes -= pending->output_bytes;
  queue_.remove(id);
  note_waiting();
  return pending;
}

std::size_t Scheduler::running_tokens(const Lane& lane) const {
  std::size_t tokens = 0;
  for (const Running& running : running_) {
    if (running.lane == &lane) tokens += running.tokens;
  }
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
  if (!pending) return;
  leave_batches(*pending);
  ++pending->lane->calling;
  leaving.add(std::move(pending), std::move(error));
}

void Scheduler::cancel(std::uint64_t id) {
  PendingPtr pending;
  {
    const std::lock_guard lock(mutex_);
    pending = remove(id);
    if (!pending) return;
    leave_batches(*pending);
    ++pending->lane->calling;
  }
  pending->job.done(made_error([&] { return *ended_by(pending->job.control, now_()); }));
  called_back(*pending->lane);
}

// Nothing of the lane may be used any more by whoever calls this.
void Scheduler::called_back(Lane& lane) noexcept {
  const std::lock_guard lock(mutex_);
  --lane.calling;
  quiet_.notify_all();
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
