// SPDX-License-Identifier: Apache-2.0
// For tests: an executor that does what a test tells it to do.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <new>
#include <utility>

namespace nestvec {

// Work waits until the test runs it.
class ManualThreads {
 public:
  void post(std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    if (full) throw std::bad_alloc();
    queue_.push_back(std::move(work));
    changed_.notify_all();
  }
  void run_one() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !queue_.empty(); });
    const std::function<void()> work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
  }
  // Returns whether there was something.
  bool try_run_one() {
    {
      const std::lock_guard lock(mutex_);
      if (queue_.empty()) return false;
    }
    run_one();
    return true;
  }
  void drop_all() {
    std::deque<std::function<void()>> dropped;
    const std::lock_guard lock(mutex_);
    dropped.swap(queue_);
  }

  std::atomic<bool> full{false};

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
};

}  // namespace nestvec
