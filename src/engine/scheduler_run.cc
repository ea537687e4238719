// SPDX-License-Identifier: Apache-2.0
// The scheduler's own thread: batch after batch, from the queue to the callers.
#include <algorithm>
#include <new>
#include <utility>

#include "base/free_buffer.h"
#include "base/out_of_memory.h"
#include "base/seconds.h"
#include "engine/scheduler.h"
#include "engine/scheduler_pending.h"
#include "output/vector.h"

namespace nestvec {

void Scheduler::work() {
  while (true) {
    std::vector<Part> parts = next_batch();
    if (parts.empty()) return;
    run(kBatch, std::move(parts));
  }
}

void Scheduler::end(Leaving& jobs, Clock::time_point now) {
  while (PendingPtr pending = jobs.take()) {
    Pending& job = *pending;
    Lane& lane = *job.lane;
    if (job.error) {
      job.job.done(std::move(*job.error));
    } else {
      job.output.queue_seconds = seconds_between(job.queued, *job.started);
      job.output.compute_seconds = seconds_between(*job.started, now);
      job.job.done(std::move(job.output));
    }
    pending.reset();
    called_back(lane);
  }
}

std::vector<Scheduler::Part> Scheduler::next_batch() {
  // Without memory for a single text of what waits, all of it waits on for some.
  constexpr std::chrono::milliseconds kNoMemory{10};
  std::vector<Part> parts;
  bool stopping = false;
  while (parts.empty() && !stopping) {
    Leaving leaving;
    {
      std::unique_lock lock(mutex_);
      if (queue_.empty()) queue_.forget_served();
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (!stopping_) parts = take_batch(kBatch, leaving);
      if (!stopping_ && parts.empty() && leaving.empty()) wake_.wait_for(lock, kNoMemory);
      stopping = stopping_;
    }
    end(leaving, now_());
  }
  if (stopping) parts.clear();
  return parts;
}

std::size_t Scheduler::Lane::batch_tokens() const {
  const double aim =
      rate.tokens_per_second() * static_cast<double>(options.batch_milliseconds) / 1e3;
  const std::size_t most = options.max_batch_tokens;
  if (options.batch_milliseconds == 0 || aim >= static_cast<double>(most)) return most;
  // Before the first batch nothing is known, and a short one finds out soonest.
  return std::min(most, std::max(kLeastBatchTokens, static_cast<std::size_t>(aim)));
}

double Scheduler::running_seconds() const {
  double seconds = 0;
  for (const Running& running : running_) {
    if (running.lane != nullptr) seconds += seconds_of(*running.lane, running.tokens);
  }
  return seconds;
}

// Takes the memory of a job's answer before its first sequence runs. Why it may not, if so.
std::optional<Error> Scheduler::start(Pending& pending, Clock::time_point now) {
  try {
    if (auto error = ended_by(pending.job.control, now)) return error;
    if (pending.started) return std::nullopt;
    const std::size_t width = pending.lane->session->width();
    const std::size_t bytes = pending.job.output_bytes(width) + pending.job.answer_bytes;
    std::optional<MemoryShare> share = MemoryShare::take(pending.job.queue.memory, bytes);
    if (!share) {
      return no_memory_for_answer(*pending.job.queue.memory, bytes, running_seconds());
    }
    pending.output.memory = std::move(*share);
    pending.output.sequences.resize(pending.job.sequences.size());
    pending.started = now;
    return std::nullopt;
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

std::vector<Waiting> Scheduler::take_waiting(std::size_t level, const Lane& lane,
                                             Clock::time_point now) {
  const std::size_t most = lane.batch_tokens();
  if (level == kBatch) return queue_.take(most, now, lane.id);
  return queue_.take_interactive(std::min(most, kPauseTokens), kPauseTokens, now, lane.id);
}

std::vector<Scheduler::Part> Scheduler::take_batch(std::size_t level, Leaving& leaving) {
  std::vector<Waiting> batch;
  std::vector<Part> parts;
  try {
    const Clock::time_point now = now_();
    remove_late(now, leaving);
    const std::optional<LaneId> turn =
        level == kBatch ? queue_.next_lane(now) : queue_.next_interactive_lane();
    if (!turn) return parts;
    Running& running = running_[level];
    running.lane = lanes_[*turn].get();
    batch = take_waiting(level, *running.lane, now);
    parts = begin_batch(level, batch, now, leaving);
  } catch (const std::bad_alloc&) {
    for (const Waiting& waiting : batch) drop(waiting.job, out_of_memory(), leaving);
  }
  if (parts.empty()) release(level);
  note_waiting();
  return parts;
}

std::vector<Scheduler::Part> Scheduler::begin_batch(std::size_t level, std::vector<Waiting>& batch,
                                                    Clock::time_point now, Leaving& leaving) {
  std::stable_sort(batch.begin(), batch.end(),
                   [](const Waiting& a, const Waiting& b) { return a.job < b.job; });
  std::vector<Part> parts;
  parts.reserve(batch.size());
  Running& running = running_[level];
  running.jobs = 0;
  running.tokens = 0;
  running.stop = std::stop_source();
  std::size_t longest = 0;
  for (const Waiting& waiting : batch) {
    const auto entry = jobs_.find(waiting.job);
    if (entry == jobs_.end()) continue;  // one that could not start
    const PendingPtr pending = entry->second;
    if (auto error = start(*pending, now)) {
      drop(waiting.job, std::move(error), leaving);
      continue;
    }
    if (pending->in_batch[level]++ == 0) ++running.jobs;
    running.tokens += waiting.tokens;
    longest = std::max(longest, waiting.tokens);
    parts.push_back({pending, waiting.index});
  }
  if (level == kBatch) lets_pass_ = running.lane->lets_pass(running.tokens, longest);
  return parts;
}

bool Scheduler::Lane::lets_pass(std::size_t tokens, std::size_t longest) const {
  return session->pauses() && longest > kPauseTokens &&
         (rate.tokens_per_second() == 0 || seconds_of(*this, tokens) > kLongSeconds);
}

// The level's batch has ended.
void Scheduler::release(std::size_t level) noexcept {
  running_[level].lane = nullptr;
  running_[level].tokens = 0;
  quiet_.notify_all();
}

bool Scheduler::may_pass() const {
  const double seconds = seconds_between(batch_start_, now_());
  return aside_seconds_ <= seconds - aside_seconds_;
}

std::vector<Scheduler::Part> Scheduler::next_aside() {
  Leaving leaving;
  std::vector<Part> parts;
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) parts = take_batch(kAside, leaving);
  }
  end(leaving, now_());
  return parts;
}

void Scheduler::let_pass() noexcept {
  while (interactive_waits_.load(std::memory_order_relaxed) && may_pass()) {
    const Clock::time_point start = now_();
    std::vector<Part> parts = next_aside();
    if (parts.empty()) return;
    run(kAside, std::move(parts));
    aside_seconds_ += seconds_between(start, now_());
  }
}

namespace {

// The parts of one job after another.
template <typename Part>
std::vector<std::span<const Part>> by_job(const std::vector<Part>& parts) {
  std::vector<std::span<const Part>> groups;
  for (std::size_t begin = 0, end = 0; begin < parts.size(); begin = end) {
    while (end < parts.size() && parts[end].job == parts[begin].job) ++end;
    groups.emplace_back(parts.data() + begin, end - begin);
  }
  return groups;
}

bool asked_for(const Error& error) {
  return error.code() == ErrorCode::kCancelled || error.code() == ErrorCode::kDeadlineExceeded;
}

std::size_t bytes_of(const SequenceOutput& output) {
  return (output.rows.size() + output.tokens.size() + output.vectors.size() +
          output.sparse.weights.size()) *
             sizeof(float) +
         output.sparse.indices.size() * sizeof(std::uint32_t);
}

// What heads gave of one sequence after another.
class SideReader {
 public:
  explicit SideReader(RunOutput& output) : output_(output) {}

  void take(const Sequence& sequence, SequenceOutput& result) {
    if (sequence.sparse.begin < sequence.sparse.end) {
      result.sparse = std::move(output_.sparse[row_++]);
    }
    const std::size_t size = (sequence.vectors.end - sequence.vectors.begin) * output_.vector_width;
    const auto begin = output_.vectors.begin() + static_cast<std::ptrdiff_t>(vector_);
    result.vectors.assign(begin, begin + static_cast<std::ptrdiff_t>(size));
    vector_ += size;
  }

 private:
  RunOutput& output_;
  std::size_t row_ = 0;
  std::size_t vector_ = 0;
};

bool is_finite(const SequenceOutput& output) {
  return all_finite(output.rows) && all_finite(output.tokens) && all_finite(output.vectors) &&
         all_finite(output.sparse.weights);
}

}  // namespace

void Scheduler::run(std::size_t level, std::vector<Part> parts) {
  try {
    run_jobs(level, parts);
  } catch (const std::bad_alloc&) {  // beside the run, in which it is an outcome
    Leaving leaving;
    {
      const std::lock_guard lock(mutex_);
      running_[level].tokens = 0;
      for (const Part& part : parts) drop(part.job->id, out_of_memory(), leaving);
    }
    end(leaving, now_());
  }
  parts.clear();
  const std::lock_guard lock(mutex_);
  release(level);
}

void Scheduler::run_jobs(std::size_t level, const std::vector<Part>& parts) {
  const Clock::time_point start = now_();
  if (level == kBatch) {
    batch_start_ = start;
    aside_seconds_ = 0;
  }
  running_[level].retried = 0;
  const auto groups = by_job(parts);
  Outcomes outcomes(groups.size(), run_parts(level, parts));
  // One job must not fail for what another brought.
  if (groups.size() > 1 && outcomes[0] && !asked_for(*outcomes[0])) {
    std::transform(groups.begin(), groups.end(), outcomes.begin(),
                   [&](std::span<const Part> group) { return run_parts(level, group); });
  }
  const double seconds = seconds_between(start, now_());
  finish(level, groups, std::move(outcomes), level == kBatch ? seconds - aside_seconds_ : seconds);
}

RunOptions Scheduler::run_options(std::size_t level, std::span<const Part> parts) {
  RunOptions options;
  if (level == kBatch && lets_pass_) options.on_pause = [this] { let_pass(); };
  options.want_tokens = std::any_of(parts.begin(), parts.end(),
                                    [](const Part& part) { return part.job->job.want_tokens; });
  const bool one_job = parts.front().job == parts.back().job;
  if (one_job) options.control.deadline = parts.front().job->job.control.deadline;
  const std::lock_guard lock(mutex_);
  options.control.stop = running_[level].stop.get_token();
  return options;
}

std::optional<Error> Scheduler::run_parts(std::size_t level, std::span<const Part> parts) {
  try {
    Running& running = running_[level];
    RunOptions options = run_options(level, parts);
    std::vector<std::size_t> overflowed = run_batch(running, parts, options);
    // What left the range of the graph's arithmetic gets a second chance in fp32, alone.
    options.full_precision = true;
    for (const std::size_t i : overflowed) run_batch(running, parts.subspan(i, 1), options);
    running.retried += overflowed.size();
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  } catch (const std::exception&) {
    // Its text may hold anything, and clients see this one.
    return Error(ErrorCode::kInternal, "the run of the model failed");
  }
}

std::vector<std::size_t> Scheduler::run_batch(Running& running, std::span<const Part> parts,
                                              const RunOptions& options) {
  running.batch.clear();
  for (const Part& part : parts) running.batch.add(part.job->job.sequences[part.index]);
  Session& session = *running.lane->session;
  session.run(running.batch, options, running.output);
  const std::size_t width = session.width();
  std::vector<std::size_t> overflowed;
  const float* row = running.output.rows.data();
  const float* token = running.output.tokens.data();
  SideReader sides(running.output);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Pending& pending = *parts[i].job;
    const Sequence& sequence = pending.job.sequences[parts[i].index];
    SequenceOutput& result = pending.output.sequences[parts[i].index];
    const std::size_t rows = sequence.spans.size() * width;
    const std::size_t tokens = options.want_tokens ? sequence.ids.size() * width : 0;
    result.rows.assign(row, row + rows);
    if (pending.job.want_tokens) result.tokens.assign(token, token + tokens);
    sides.take(sequence, result);
    if (!is_finite(result)) overflowed.push_back(i);
    row += rows;
    token += tokens;
  }
  // [T, width] is not kept for a later batch that may want no tokens.
  if (options.want_tokens) free_buffer(running.output.tokens);
  free_buffer(running.output.vectors);
  return overflowed;
}

// Takes the jobs that have ended from the scheduler and calls them back. Needs no memory before
// that.
void Scheduler::finish(std::size_t level, std::span<const std::span<const Part>> groups,
                       Outcomes outcomes, double seconds) {
  Running& running = running_[level];
  const Clock::time_point now = now_();
  Leaving leaving;
  BatchReport report{0, 0, seconds, running.retried};
  std::shared_ptr<const BatchObserver> observer;
  {
    const std::lock_guard lock(mutex_);
    report.tokens = std::exchange(running.tokens, 0);
    // What runs aside is too short to say how fast the model is.
    if (!outcomes[0] && level == kBatch) {
      running.lane->rate.add(report.tokens, seconds);
      note_cost(*running.lane);
    }
    observer = running.lane->observer;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      report.texts += groups[i].size();
      const PendingPtr& pending = groups[i].front().job;
      pending->in_batch[level] = 0;
      pending->unfinished -= groups[i].size();
      const bool waits = jobs_.contains(pending->id);  // it may have been cancelled
      for (const Part& part : groups[i]) {
        pending->job.sequences[part.index] = {};
        if (!waits) continue;
        const std::size_t bytes = bytes_of(pending->output.sequences[part.index]);
        pending->output_bytes += bytes;
        running.lane->output_bytes += bytes;
      }
      if (pending->unfinished > 0 && !outcomes[i]) continue;
      drop(pending->id, std::move(outcomes[i]), leaving);
    }
  }
  if (observer && *observer) (*observer)(report);
  end(leaving, now);
}

}  // namespace nestvec
