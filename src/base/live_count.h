// SPDX-License-Identifier: Apache-2.0
// How many of something are alive, and a wait until none is.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>

namespace nestvec {

// Safe for concurrent use.
class LiveCount {
 public:
  // Counts one while it lives. Movable; the LiveCount must outlive it.
  class Share {
   public:
    Share() = default;
    explicit Share(LiveCount& count) : count_(&count) { count.add(); }
    Share(Share&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
    Share& operator=(Share&& other) noexcept {
      if (this != &other) {
        release();
        count_ = std::exchange(other.count_, nullptr);
      }
      return *this;
    }
    ~Share() { release(); }
    void release() {
      if (LiveCount* count = std::exchange(count_, nullptr)) count->remove();
    }

   private:
    LiveCount* count_ = nullptr;
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
