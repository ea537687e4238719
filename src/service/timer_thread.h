// SPDX-License-Identifier: Apache-2.0
// Calls functions later (Service::after).
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>

#include "service/alarm.h"

namespace nestvec {

// One thread, on which the functions run: they must be short and must not throw. Safe for
// concurrent use.
class TimerThread {
 public:
  // Throws Error kResourceExhausted where no thread can be started.
  TimerThread();
  TimerThread(const TimerThread&) = delete;
  TimerThread& operator=(const TimerThread&) = delete;
  // Drops what has not come yet; waits for a function that runs.
  ~TimerThread();

  // Calls `work` once, after that time, unless the alarm ends before: nothing of it stays then. The
  // alarm may outlive the timer. Does not block.
  [[nodiscard]] Alarm after(std::chrono::milliseconds wait, std::function<void()> work);

  // How many calls are to come.
  std::size_t waiting() const;

 private:
  struct State;

  const std::shared_ptr<State> state_;  // of alarms, too
  std::thread thread_;
};

}  // namespace nestvec
