// SPDX-License-Identifier: Apache-2.0
// The scheduler's own thread: batch after batch, from the queue to the callers.
#include <algorithm>
#include <new>

#include "base/out_of_memory.h"
#include "base/seconds.h"
#include "engine/scheduler.h"
#include "engine/scheduler_pending.h"
#include "output/vector.h"

namespace nestvec {

void Scheduler::work() {
  while (true) {
    const std::vector<Part> parts = next_batch();
    if (parts.empty()) return;
    run(parts);
  }
}

void Scheduler::end(const std::vector<Ended>& jobs) const {
  for (const Ended& job : jobs) job.pending->job.done(*job.error);
}

std::vector<Scheduler::Part> Scheduler::next_batch() {
  std::vector<Part> parts;
  bool stopping = false;
  while (parts.empty() && !stopping) {
    std::vector<Ended> ended;
    {
      std::unique_lock lock(mutex_);
      if (queue_.empty()) queue_.forget_served();
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      stopping = stopping_;
      const Clock::time_point now = options_.now();
      if (!stopping) remove_late(now, ended);
      if (!stopping) parts = take_batch(now, ended);
    }
    end(ended);
  }
  return parts;
}

std::size_t Scheduler::batch_tokens() const {
  const double rate = rate_.tokens_per_second();
  const double aim = rate * static_cast<double>(options_.batch_milliseconds) / 1e3;
  const std::size_t most = options_.max_batch_tokens;
  if (options_.batch_milliseconds == 0 || aim >= static_cast<double>(most)) return most;
  // Before the first batch nothing is known, and a short one finds out soonest.
  return std::min(most, std::max(kLeastBatchTokens, static_cast<std::size_t>(aim)));
}

// Takes the memory of a job's answer before its first sequence runs.
std::optional<Error> Scheduler::start(Pending& pending, Clock::time_point now) {
  if (pending.started) return std::nullopt;
  const std::size_t bytes = pending.job.output_bytes(width()) + pending.job.answer_bytes;
  std::optional<MemoryShare> share = MemoryShare::take(pending.job.queue.memory, bytes);
  if (!share) {
    return no_memory_for_answer(*pending.job.queue.memory, bytes,
                                expected_seconds(running_tokens_));
  }
  pending.output.memory = std::move(*share);
  pending.output.sequences.resize(pending.job.sequences.size());
  pending.started = now;
  return std::nullopt;
}

std::vector<Scheduler::Part> Scheduler::take_batch(Clock::time_point now,
                                                   std::vector<Ended>& ended) {
  std::vector<Waiting> batch = queue_.take(batch_tokens(), now);
  std::stable_sort(batch.begin(), batch.end(),
                   [](const Waiting& a, const Waiting& b) { return a.job < b.job; });
  std::vector<Part> parts;
  running_jobs_ = 0;
  running_tokens_ = 0;
  running_stop_ = std::stop_source();
  for (const Waiting& waiting : batch) {
    const auto entry = jobs_.find(waiting.job);
    if (entry == jobs_.end()) continue;  // one that could not start
    const PendingPtr pending = entry->second;
    // A stop may come before submit() has told whom to call.
    std::optional<Error> error = ended_by(pending->job.control, now);
    if (!error) error = start(*pending, now);
    if (error) {
      ended.push_back({remove(pending->id), std::move(error)});
      continue;
    }
    if (pending->in_batch++ == 0) ++running_jobs_;
    running_tokens_ += waiting.tokens;
    parts.push_back({pending, waiting.index});
  }
  return parts;
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
  return (output.rows.size() + output.tokens.size()) * sizeof(float);
}

}  // namespace

void Scheduler::run(const std::vector<Part>& parts) {
  const Clock::time_point start = options_.now();
  retried_ = 0;
  const auto groups = by_job(parts);
  Outcomes outcomes(groups.size(), run_parts(parts));
  // One job must not fail for what another brought.
  if (groups.size() > 1 && outcomes[0] && !asked_for(*outcomes[0])) {
    std::transform(groups.begin(), groups.end(), outcomes.begin(),
                   [this](std::span<const Part> group) { return run_parts(group); });
  }
  finish(parts, outcomes, seconds_between(start, options_.now()));
}

RunOptions Scheduler::run_options(std::span<const Part> parts) {
  RunOptions options;
  options.want_tokens = std::any_of(parts.begin(), parts.end(),
                                    [](const Part& part) { return part.job->job.want_tokens; });
  const bool one_job = parts.front().job == parts.back().job;
  if (one_job) options.control.deadline = parts.front().job->job.control.deadline;
  const std::lock_guard lock(mutex_);
  options.control.stop = running_stop_.get_token();
  return options;
}

std::optional<Error> Scheduler::run_parts(std::span<const Part> parts) {
  try {
    RunOptions options = run_options(parts);
    std::vector<std::size_t> overflowed = run_batch(parts, options);
    // What left the range of the graph's arithmetic gets a second chance in fp32, alone.
    options.full_precision = true;
    for (const std::size_t i : overflowed) run_batch(parts.subspan(i, 1), options);
    retried_ += overflowed.size();
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  } catch (const std::exception& error) {
    return Error(ErrorCode::kInternal, std::string("the run of the model failed: ") + error.what());
  }
}

std::vector<std::size_t> Scheduler::run_batch(std::span<const Part> parts,
                                              const RunOptions& options) {
  batch_.clear();
  for (const Part& part : parts) batch_.add(part.job->job.sequences[part.index]);
  session_->run(batch_, options, output_);
  const std::size_t width = session_->width();
  std::vector<std::size_t> overflowed;
  const float* row = output_.rows.data();
  const float* token = output_.tokens.data();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    Pending& pending = *parts[i].job;
    const Sequence& sequence = pending.job.sequences[parts[i].index];
    SequenceOutput& result = pending.output.sequences[parts[i].index];
    const std::size_t rows = sequence.spans.size() * width;
    const std::size_t tokens = options.want_tokens ? sequence.ids.size() * width : 0;
    result.rows.assign(row, row + rows);
    if (pending.job.want_tokens) result.tokens.assign(token, token + tokens);
    if (!all_finite(result.rows) || !all_finite(result.tokens)) overflowed.push_back(i);
    row += rows;
    token += tokens;
  }
  // [T, width] is not kept for a later batch that may want no tokens.
  if (options.want_tokens) output_.tokens = {};
  return overflowed;
}

// Takes the jobs that have ended from the scheduler and calls them back.
void Scheduler::finish(const std::vector<Part>& parts, const Outcomes& outcomes, double seconds) {
  const Clock::time_point now = options_.now();
  std::vector<Ended> ended;
  BatchReport report{parts.size(), 0, seconds, retried_};
  BatchObserver observer;
  {
    const std::lock_guard lock(mutex_);
    report.tokens = running_tokens_;
    if (!outcomes[0]) rate_.add(running_tokens_, seconds);
    running_tokens_ = 0;
    observer = observer_;
    const auto groups = by_job(parts);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const PendingPtr& pending = groups[i].front().job;
      pending->in_batch = 0;
      pending->unfinished -= groups[i].size();
      const bool waits = jobs_.contains(pending->id);  // it may have been cancelled
      for (const Part& part : groups[i]) {
        pending->job.sequences[part.index] = {};
        if (!waits) continue;
        const std::size_t bytes = bytes_of(pending->output.sequences[part.index]);
        pending->output_bytes += bytes;
        output_bytes_ += bytes;
      }
      if (pending->unfinished > 0 && !outcomes[i]) continue;
      if (remove(pending->id)) ended.push_back({pending, outcomes[i]});
    }
  }
  if (observer) observer(report);
  for (const auto& [pending, error] : ended) {
    if (error) {
      pending->job.done(*error);
      continue;
    }
    pending->output.queue_seconds = seconds_between(pending->queued, *pending->started);
    pending->output.compute_seconds = seconds_between(*pending->started, now);
    pending->job.done(std::move(pending->output));
  }
}

}  // namespace nestvec
