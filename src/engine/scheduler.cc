// SPDX-License-Identifier: Apache-2.0
#include "engine/scheduler.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/seconds.h"
#include "output/vector.h"

namespace nestvec {
namespace {

using Clock = FairQueue::Clock;

std::size_t count_tokens(const Job& job) {
  std::size_t tokens = 0;
  for (const Sequence& sequence : job.sequences) tokens += sequence.ids.size();
  return tokens;
}

Error unloaded() { return Error(ErrorCode::kCancelled, "the model is being unloaded"); }

Error cancellation(const RunControl& control) {
  try {
    control.check();
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::kCancelled, "cancelled by the caller");
}

}  // namespace

struct Scheduler::Pending {
  std::uint64_t id = 0;
  Job job;
  JobOutput output;
  std::vector<std::size_t> first_row;    // [sequences]
  std::vector<std::size_t> first_token;  // [sequences]
  std::size_t unfinished = 0;            // sequences
  std::size_t in_batch = 0;              // sequences of the running batch
  Clock::time_point queued;
  std::optional<Clock::time_point> started;
  // Last, so that it ends first: its callback may be running.
  std::optional<std::stop_callback<std::function<void()>>> on_stop;

  Pending(Job&& from, std::size_t width) : job(std::move(from)), queued(Clock::now()) {
    std::size_t rows = 0;
    std::size_t tokens = 0;
    for (const Sequence& sequence : job.sequences) {
      first_row.push_back(rows);
      first_token.push_back(tokens);
      rows += sequence.spans.size();
      tokens += sequence.ids.size();
    }
    output.rows.resize(rows * width);
    if (job.want_tokens) output.tokens.resize(tokens * width);
    unfinished = job.sequences.size();
  }
};

Scheduler::Scheduler(std::unique_ptr<Session> session, const Options& options)
    : session_(std::move(session)), options_(options), thread_([this] { work(); }) {}

Scheduler::~Scheduler() { shut_down(); }

void Scheduler::shut_down() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    running_stop_.request_stop();
  }
  wake_.notify_all();
  std::call_once(joined_, [this] { thread_.join(); });
  // Their stop callbacks take the mutex, so the jobs must not end under it.
  std::map<std::uint64_t, PendingPtr> jobs;
  {
    const std::lock_guard lock(mutex_);
    jobs.swap(jobs_);
    for (const auto& [id, pending] : jobs) queue_.remove(id);
  }
  for (const auto& [id, pending] : jobs) pending->job.done(unloaded());
}

void Scheduler::observe(BatchObserver observer) {
  const std::lock_guard lock(mutex_);
  observer_ = std::move(observer);
}

double Scheduler::expected_seconds(std::size_t tokens) const {
  const double rate = rate_.tokens_per_second();
  return rate > 0 ? static_cast<double>(tokens) / rate : 0;
}

QueueStatus Scheduler::status() const {
  const std::lock_guard lock(mutex_);
  QueueStatus status;
  status.texts = queue_.size();
  status.tokens = queue_.tokens();
  status.running_tokens = running_tokens_;
  status.tokens_per_second = rate_.tokens_per_second();
  status.expected_seconds = expected_seconds(status.tokens + status.running_tokens);
  return status;
}

void Scheduler::refuse_if_full(const Job& job, std::size_t tokens) const {
  if (queue_.empty()) return;
  const QueueOptions& limits = job.queue;
  const double wait = expected_seconds(queue_.tokens() + running_tokens_);
  const bool many = limits.max_tokens > 0 && queue_.tokens() + tokens > limits.max_tokens;
  const bool late = limits.max_seconds > 0 && wait > limits.max_seconds;
  if (!many && !late) return;
  const double excess_seconds = many
                                    ? expected_seconds(queue_.tokens() + tokens - limits.max_tokens)
                                    : wait - limits.max_seconds;
  ErrorDetail detail;
  detail.retry_after =
      std::chrono::milliseconds(std::max<std::int64_t>(1000, std::llround(excess_seconds * 1e3)));
  throw Error(ErrorCode::kResourceExhausted,
              "the model is overloaded: " + std::to_string(queue_.tokens()) +
                  " tokens wait, about " + std::to_string(std::llround(std::ceil(wait))) +
                  " s of work; try again in " +
                  std::to_string((detail.retry_after.count() + 999) / 1000) + " s",
              detail);
}

void Scheduler::submit(Job job) {
  const std::size_t tokens = count_tokens(job);
  const Priority priority = job.queue.priority;
  const bool bulk =
      priority == Priority::kBulk || (priority == Priority::kAuto && tokens > kInteractiveTokens);
  const auto pending = std::make_shared<Pending>(std::move(job), session_->width());
  try {
    pending->job.control.check();
    const std::lock_guard lock(mutex_);
    if (stopping_) throw unloaded();
    refuse_if_full(pending->job, tokens);
    pending->id = next_id_++;
    jobs_.emplace(pending->id, pending);
    for (std::uint32_t i = 0; i < pending->job.sequences.size(); ++i) {
      queue_.push(pending->job.queue.client, bulk,
                  {pending->id, i, pending->job.sequences[i].ids.size()}, pending->queued);
    }
  } catch (const Error& error) {
    pending->job.done(error);
    return;
  }
  wake_.notify_one();
  // Without the lock: a stop that was requested meanwhile calls back from here.
  const std::stop_token& stop = pending->job.control.stop;
  if (stop.stop_possible()) {
    pending->on_stop.emplace(stop, [this, id = pending->id] { cancel(id); });
  }
}

Scheduler::PendingPtr Scheduler::remove(std::uint64_t id) {
  const auto entry = jobs_.find(id);
  if (entry == jobs_.end()) return nullptr;
  PendingPtr pending = std::move(entry->second);
  jobs_.erase(entry);
  return pending;
}

void Scheduler::cancel(std::uint64_t id) {
  PendingPtr pending;
  {
    const std::lock_guard lock(mutex_);
    pending = remove(id);
    if (!pending) return;
    queue_.remove(id);
    if (pending->in_batch > 0 && --running_jobs_ == 0) running_stop_.request_stop();
  }
  pending->job.done(cancellation(pending->job.control));
}

void Scheduler::work() {
  while (true) {
    const std::vector<Part> parts = next_batch();
    if (parts.empty()) return;
    run(parts);
  }
}

std::vector<Scheduler::Part> Scheduler::next_batch() {
  std::vector<PendingPtr> late;
  std::vector<Part> parts;
  bool ended = false;
  while (parts.empty() && !ended) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      ended = stopping_;
      const Clock::time_point now = Clock::now();
      if (!ended) late = remove_ended(now);
      if (!ended) parts = take_batch(now);
    }
    for (const PendingPtr& pending : late) {
      pending->job.done(cancellation(pending->job.control));
    }
    late.clear();
  }
  return parts;
}

std::vector<Scheduler::PendingPtr> Scheduler::remove_ended(Clock::time_point now) {
  std::vector<PendingPtr> ended_jobs;
  for (const auto& [id, pending] : jobs_) {
    const RunControl& control = pending->job.control;
    // A stop may come before submit() has told whom to call.
    const bool late = control.deadline && *control.deadline <= now;
    if (late || control.stop.stop_requested()) ended_jobs.push_back(pending);
  }
  for (const PendingPtr& pending : ended_jobs) {
    remove(pending->id);
    queue_.remove(pending->id);
  }
  return ended_jobs;
}

std::size_t Scheduler::batch_tokens() const {
  const double rate = rate_.tokens_per_second();
  const double aim = rate * static_cast<double>(options_.batch_milliseconds) / 1e3;
  const std::size_t most = options_.max_batch_tokens;
  if (options_.batch_milliseconds == 0 || aim >= static_cast<double>(most)) return most;
  // Before the first batch nothing is known, and a short one finds out soonest.
  return std::min(most, std::max(kLeastBatchTokens, static_cast<std::size_t>(aim)));
}

std::vector<Scheduler::Part> Scheduler::take_batch(Clock::time_point now) {
  std::vector<Waiting> batch = queue_.take(batch_tokens(), now);
  std::stable_sort(batch.begin(), batch.end(),
                   [](const Waiting& a, const Waiting& b) { return a.job < b.job; });
  std::vector<Part> parts;
  running_jobs_ = 0;
  running_tokens_ = 0;
  running_stop_ = std::stop_source();
  for (const Waiting& waiting : batch) {
    const PendingPtr& pending = jobs_.at(waiting.job);
    if (!pending->started) pending->started = now;
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

}  // namespace

void Scheduler::run(const std::vector<Part>& parts) {
  const Clock::time_point start = Clock::now();
  retried_ = 0;
  const auto groups = by_job(parts);
  Outcomes outcomes(groups.size(), run_parts(parts));
  // One job must not fail for what another brought.
  if (groups.size() > 1 && outcomes[0] && !asked_for(*outcomes[0])) {
    std::transform(groups.begin(), groups.end(), outcomes.begin(),
                   [this](std::span<const Part> group) { return run_parts(group); });
  }
  finish(parts, outcomes, seconds_between(start, Clock::now()));
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
    const std::span<const float> rows(row, sequence.spans.size() * width);
    const std::size_t values = options.want_tokens ? sequence.ids.size() * width : 0;
    const std::span<const float> tokens(token, pending.job.want_tokens ? values : 0);
    std::copy(rows.begin(), rows.end(),
              pending.output.rows.data() + pending.first_row[parts[i].index] * width);
    std::copy(tokens.begin(), tokens.end(),
              pending.output.tokens.data() + pending.first_token[parts[i].index] * width);
    if (!all_finite(rows) || !all_finite(tokens)) overflowed.push_back(i);
    row += rows.size();
    token += values;
  }
  return overflowed;
}

// Takes the jobs that have ended from the scheduler and calls them back.
void Scheduler::finish(const std::vector<Part>& parts, const Outcomes& outcomes, double seconds) {
  const Clock::time_point now = Clock::now();
  std::vector<std::pair<PendingPtr, std::optional<Error>>> ended;
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
      if (pending->unfinished > 0 && !outcomes[i]) continue;
      queue_.remove(pending->id);
      if (remove(pending->id)) ended.emplace_back(pending, outcomes[i]);
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
