// SPDX-License-Identifier: Apache-2.0
#include "service/request_threads.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "base/start_thread.h"
#include "base/thread_signals.h"

namespace nestvec {

RequestThreads::RequestThreads(std::size_t threads, std::size_t max_new_requests)
    : max_new_requests_(max_new_requests) {
  threads = std::max<std::size_t>(1, threads);
  threads_.reserve(threads);
  try {
    while (threads_.size() < threads) {
      threads_.push_back(start_thread("request thread " + std::to_string(threads_.size() + 1) +
                                          " of " + std::to_string(threads),
                                      [this] { run(); }));
    }
  } catch (...) {
    end();
    throw;
  }
}

RequestThreads::~RequestThreads() { end(); }

void RequestThreads::end() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void RequestThreads::post(Work work) {
  {
    const std::lock_guard lock(mutex_);
    begun_.push_back(std::move(work));
  }
  wake_.notify_one();
}

bool RequestThreads::try_post(Work work) {
  {
    const std::lock_guard lock(mutex_);
    if (new_requests_.size() >= max_new_requests_) return false;
    new_requests_.push_back(std::move(work));
  }
  wake_.notify_one();
  return true;
}

void RequestThreads::run() {
  block_signals_in_this_thread();
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !begun_.empty() || !new_requests_.empty(); });
    std::deque<Work>& queue = begun_.empty() ? new_requests_ : begun_;
    if (queue.empty()) return;
    {
      const Work work = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      try {
        work();
      } catch (const std::exception&) {
        // No memory to say so: the end of the work, which holds its request's reply, answers it.
      }
    }  // what the work held is let go before the lock is taken
    lock.lock();
  }
}

}  // namespace nestvec
