// SPDX-License-Identifier: Apache-2.0
#include "service/timer_thread.h"

#include <utility>

namespace nestvec {

TimerThread::TimerThread() : thread_([this] { run(); }) {}

TimerThread::~TimerThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void TimerThread::after(std::chrono::milliseconds wait, std::function<void()> work) {
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    const auto place = waiting_.emplace(Clock::now() + wait, std::move(work));
    is_first = place == waiting_.begin();
  }
  if (is_first) wake_.notify_all();
}

void TimerThread::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (waiting_.empty()) {
      wake_.wait(lock);
    } else if (const Clock::time_point next = waiting_.begin()->first; next > Clock::now()) {
      wake_.wait_until(lock, next);
    } else {
      auto due = waiting_.extract(waiting_.begin());
      lock.unlock();
      due.mapped()();
      due = {};  // what the function holds ends here, too
      lock.lock();
    }
  }
}

}  // namespace nestvec
