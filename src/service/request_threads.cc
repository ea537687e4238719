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

bool RequestThreads::try_post(Work work, std::uint64_t client) {
  constexpr std::size_t kTimes = 3;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_ >= max_new_requests_) return false;
    const auto place = places_.find(client);
    if (place == places_.end()) {
      std::list<Requests> added(1);
      added.front().client = client;
      added.front().waiting.push_back(std::move(work));
      places_.emplace(client, added.begin());
      clients_.splice(clients_.end(), added);
    } else {
      std::deque<Work>& waiting = place->second->waiting;
      if (waiting.size() >= kTimes * (max_new_requests_ - waiting_)) return false;
      waiting.push_back(std::move(work));
    }
    ++waiting_;
  }
  wake_.notify_one();
  return true;
}

// The next work, with the lock held. Allocates nothing.
RequestThreads::Work RequestThreads::take() {
  Work work;
  if (!begun_.empty()) {
    work = std::move(begun_.front());
    begun_.pop_front();
    return work;
  }
  Requests& next = clients_.front();
  work = std::move(next.waiting.front());
  next.waiting.pop_front();
  --waiting_;
  if (next.waiting.empty()) {
    places_.erase(next.client);
    clients_.pop_front();
  } else {
    clients_.splice(clients_.end(), clients_, clients_.begin());
  }
  return work;
}

void RequestThreads::run() {
  block_signals_in_this_thread();
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !begun_.empty() || waiting_ > 0; });
    if (begun_.empty() && waiting_ == 0) return;
    {
      const Work work = take();
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
