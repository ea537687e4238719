// SPDX-License-Identifier: Apache-2.0
// How many there are of something, and a wait until there is none.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>

namespace nestvec {

// Safe for concurrent use.
class Gauge {
 public:
  // Counts one while it lives. Movable; the gauge must outlive it.
  class Share {
   public:
    Share() = default;
    explicit Share(Gauge& gauge) : gauge_(&gauge) { gauge.add(); }
    Share(Share&& other) noexcept : gauge_(std::exchange(other.gauge_, nullptr)) {}
    Share& operator=(Share&& other) noexcept {
      if (this != &other) {
        release();
        gauge_ = std::exchange(other.gauge_, nullptr);
      }
      return *this;
    }
    ~Share() { release(); }
    void release() {
      if (Gauge* gauge = std::exchange(gauge_, nullptr)) gauge->remove();
    }

   private:
    Gauge* gauge_ = nullptr;
  };

  std::size_t count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }

  // Blocks until the count is 0, and returns true, or until `deadline`.
  bool wait_for_none(std::chrono::steady_clock::time_point deadline) const {
    std::unique_lock lock(mutex_);
    return none_.wait_until(lock, deadline, [this] { return count_ == 0; });
  }

 private:
  void add() {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void remove() {
    const std::lock_guard lock(mutex_);
    if (--count_ == 0) none_.notify_all();
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable none_;
  std::size_t count_ = 0;
};

}  // namespace nestvec
