// SPDX-License-Identifier: Apache-2.0
// Several asynchronous results as one, without a thread that waits.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "base/out_of_memory.h"
#include "nestvec/model.h"
#include "service/call_failure.h"
#include "service/service.h"

namespace nestvec {

// Collects `count` parts, in any order and from any threads. The first error stands for all and
// stops the others. Keep it by shared_ptr in the callback of each part. Safe for concurrent use.
template <typename T>
class Gather {
 public:
  // Called once, by whoever brings the last part or the first error. Must be short, must not throw.
  using Done = std::function<void(Result<std::vector<T>>)>;

  // Precondition: count > 0. `outer` stops the parts, too: the client has gone. `post` is where
  // stops are requested, because the thread that brings an error may be the model's own.
  Gather(std::size_t count, Executor post, const std::stop_token& outer, Done done)
      : parts_(count),
        missing_(count),
        done_(std::move(done)),
        request_stop_([stop = stop_, post = std::move(post)] {
          try {
            post([stop]() mutable { stop.request_stop(); });
          } catch (const std::bad_alloc&) {
            // The parts are computed to their end then.
          }
        }),
        client_gone_(outer, request_stop_) {
    if (outer.stop_requested()) stop_.request_stop();  // before there is any part
  }

  // For the options of every part.
  std::stop_token stop() const { return stop_.get_token(); }

  // Whether it has called `done`: what has not begun need not begin.
  bool ended() const {
    const std::lock_guard lock(mutex_);
    return !done_;
  }

  // What is to come for it, which ends with it. For one thread, before there is any part.
  void keep(Alarm alarm) { alarm_ = std::move(alarm); }

  void put(std::size_t index, Result<T> part) {
    if (!part.ok()) return fail(part.error());
    std::unique_lock lock(mutex_);
    if (!done_) return;  // an earlier part has failed
    parts_[index] = std::move(part).value();
    if (--missing_ > 0) return;
    const Done done = std::exchange(done_, nullptr);
    lock.unlock();
    std::vector<T> values;
    try {
      values.reserve(parts_.size());
    } catch (const std::bad_alloc&) {
      return done(out_of_memory());
    }
    for (std::optional<T>& value : parts_) values.push_back(std::move(*value));
    done(std::move(values));
  }

  // Ends it with an error, unless it has ended.
  void fail(const Error& error) {
    std::unique_lock lock(mutex_);
    if (!done_) return;
    const Done done = std::exchange(done_, nullptr);
    lock.unlock();
    done(copy_of(error));
    request_stop_();
  }

 private:
  mutable std::mutex mutex_;  // guards parts_, missing_, done_
  std::vector<std::optional<T>> parts_;
  std::size_t missing_;
  Done done_;
  std::stop_source stop_;
  std::function<void()> request_stop_;
  std::stop_callback<std::function<void()>> client_gone_;
  Alarm alarm_;
};

// The options of part `index` of a request. Every part must fit into its client's share of the
// queue; the wait behind the client's earlier calls is that of the first.
template <typename Options, typename T>
Options part_options(const Options& options, std::size_t index, const Gather<T>& gather) {
  Options part = options;
  part.stop = gather.stop();
  if (index > 0) part.queue.max_seconds = 0;
  return part;
}

// Ends it at the deadline, if there is one.
template <typename T>
void end_at_deadline(const Timer& after,
                     const std::optional<std::chrono::steady_clock::time_point>& deadline,
                     const std::shared_ptr<Gather<T>>& gather) {
  if (!deadline || !after) return;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
  gather->keep(after(
      std::max(left, std::chrono::milliseconds(0)), [weak = std::weak_ptr<Gather<T>>(gather)] {
        const std::shared_ptr<Gather<T>> alive = weak.lock();
        if (!alive) return;
        alive->fail(Error(ErrorCode::kDeadlineExceeded,
                          "the deadline passed before the request was done; send less, or "
                          "allow more"));
      }));
}

}  // namespace nestvec
