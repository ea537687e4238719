// SPDX-License-Identifier: Apache-2.0
// Calls functions later (Service::after).
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace nestvec {

// One thread, on which the functions run: they must be short and must not throw. Safe for
// concurrent use.
class TimerThread {
 public:
  TimerThread();
  TimerThread(const TimerThread&) = delete;
  TimerThread& operator=(const TimerThread&) = delete;
  // Drops what has not come yet; waits for a function that runs.
  ~TimerThread();

  // Calls `work` once, after that time. Does not block.
  void after(std::chrono::milliseconds wait, std::function<void()> work);

 private:
  using Clock = std::chrono::steady_clock;
  void run();

  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::multimap<Clock::time_point, std::function<void()>> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace nestvec
