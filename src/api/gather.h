// SPDX-License-Identifier: Apache-2.0
// Several asynchronous results as one, without a thread that waits.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "nestvec/error.h"

namespace nestvec {

// Collects `count` parts, in any order and from any threads. The first error stands for all and
// stops the others. Keep it by shared_ptr in the callback of each part. Safe for concurrent use.
template <typename T>
class Gather {
 public:
  // Called once, by whoever brings the last part or the first error. Must not throw.
  using Done = std::function<void(Result<std::vector<T>>)>;

  // Precondition: count > 0. `outer` stops the parts, too: the client has gone.
  Gather(std::size_t count, std::stop_token outer, Done done)
      : parts_(count),
        missing_(count),
        done_(std::move(done)),
        forward_(std::move(outer), [this] { stop_all(); }) {}

  // For the options of every part.
  std::stop_token stop() const { return stop_.get_token(); }

  void put(std::size_t index, Result<T> part) {
    std::unique_lock lock(mutex_);
    if (!done_) return;  // an earlier part has failed
    if (part.ok()) {
      parts_[index] = std::move(part).value();
      if (--missing_ > 0) return;
      const Done done = std::exchange(done_, nullptr);
      std::vector<T> values;
      values.reserve(parts_.size());
      for (std::optional<T>& value : parts_) values.push_back(std::move(*value));
      lock.unlock();
      done(std::move(values));
      return;
    }
    const Done done = std::exchange(done_, nullptr);
    lock.unlock();
    done(part.error());
    stop_all();
  }

 private:
  // On a copy: parts that end at once may release the last reference to this object.
  void stop_all() {
    std::stop_source stop = stop_;
    stop.request_stop();
  }

  std::mutex mutex_;  // guards parts_, missing_, done_
  std::vector<std::optional<T>> parts_;
  std::size_t missing_;
  Done done_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> forward_;  // last: it may run at once
};

}  // namespace nestvec
