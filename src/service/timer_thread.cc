// SPDX-License-Identifier: Apache-2.0
#include "service/timer_thread.h"

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <mutex>
#include <utility>

#include "base/start_thread.h"
#include "base/thread_signals.h"

namespace nestvec {

struct TimerThread::State {
  using Clock = std::chrono::steady_clock;
  using Key = std::pair<Clock::time_point, std::uint64_t>;  // when, and which of those
  using Waiting = std::map<Key, std::function<void()>>;

  void run();
  void take_back(const Key& key);

  std::mutex mutex;  // guards what follows
  std::condition_variable wake;
  Waiting waiting;
  std::uint64_t last_number = 0;
  bool stopping = false;
};

TimerThread::TimerThread()
    : state_(std::make_shared<State>()),
      thread_(start_thread("the thread of deadlines", [state = state_.get()] { state->run(); })) {}

TimerThread::~TimerThread() {
  State::Waiting dropped;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    dropped.swap(state_->waiting);
  }
  state_->wake.notify_all();
  thread_.join();
}

Alarm TimerThread::after(std::chrono::milliseconds wait, std::function<void()> work) {
  State::Key key{State::Clock::now() + wait, 0};
  bool is_first = false;
  {
    const std::lock_guard lock(state_->mutex);
    key.second = ++state_->last_number;
    const auto place = state_->waiting.emplace(key, std::move(work)).first;
    is_first = place == state_->waiting.begin();
  }
  if (is_first) state_->wake.notify_all();
  return Alarm([state = std::weak_ptr(state_), key] {
    if (const auto alive = state.lock()) alive->take_back(key);
  });
}

std::size_t TimerThread::waiting() const {
  const std::lock_guard lock(state_->mutex);
  return state_->waiting.size();
}

void TimerThread::State::take_back(const Key& key) {
  Waiting::node_type dropped;  // what the function holds ends after the lock
  const std::lock_guard lock(mutex);
  dropped = waiting.extract(key);
}

void TimerThread::State::run() {
  block_signals_in_this_thread();
  std::unique_lock lock(mutex);
  while (!stopping) {
    if (waiting.empty()) {
      wake.wait(lock);
    } else if (const Clock::time_point next = waiting.begin()->first.first; next > Clock::now()) {
      wake.wait_until(lock, next);
    } else {
      auto due = waiting.extract(waiting.begin());
      lock.unlock();
      try {
        due.mapped()();
      } catch (const std::exception&) {
        // No memory to end a request at its deadline: the model ends it.
      }
      due = {};  // what the function holds ends here, too
      lock.lock();
    }
  }
}

}  // namespace nestvec
