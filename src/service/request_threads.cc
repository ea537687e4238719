// SPDX-License-Identifier: Apache-2.0
#include "service/request_threads.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "base/start_thread.h"
#include "base/thread_signals.h"
#include "service/request_memory.h"

namespace nestvec {

RequestTurn turn_of(const std::shared_ptr<MemoryAccount>& client, std::size_t bytes, bool packed) {
  return {reinterpret_cast<std::uintptr_t>(client.get()), packed || bytes > RequestMemory::kSmall};
}

RequestThreads::RequestThreads(std::size_t threads, std::size_t max_new_requests)
    : max_new_requests_(max_new_requests), most_long_(std::max<std::size_t>(2, threads) - 1) {
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

void RequestThreads::post(Work work, RequestTurn turn) {
  {
    const std::lock_guard lock(mutex_);
    (turn.is_long ? long_ : short_)
        .add(turn.client, {.work = std::move(work), .is_long = turn.is_long});
  }
  wake_.notify_one();
}

bool RequestThreads::try_post(Work work, RequestTurn turn) {
  constexpr std::size_t kTimes = 3;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_ >= max_new_requests_) return false;
    const std::size_t own = short_.new_of(turn.client) + long_.new_of(turn.client);
    if (own >= kTimes * (max_new_requests_ - waiting_)) return false;
    (turn.is_long ? long_ : short_)
        .add(turn.client, {.work = std::move(work), .is_new = true, .is_long = turn.is_long});
    ++waiting_;
  }
  wake_.notify_one();
  return true;
}

std::size_t RequestThreads::Turns::new_of(std::uint64_t client) const {
  const auto place = places_.find(client);
  return place == places_.end() ? 0 : place->second->is_new;
}

void RequestThreads::Turns::add(std::uint64_t client, Entry entry) {
  const bool is_new = entry.is_new;
  const auto place = places_.find(client);
  if (place != places_.end()) {
    place->second->waiting.push_back(std::move(entry));
    if (is_new) ++place->second->is_new;
    return;
  }
  std::list<Client> added(1);
  added.front().number = client;
  added.front().waiting.push_back(std::move(entry));
  if (is_new) ++added.front().is_new;
  places_.emplace(client, added.begin());
  clients_.splice(clients_.end(), added);
}

RequestThreads::Entry RequestThreads::Turns::take() {
  Client& next = clients_.front();
  Entry entry = std::move(next.waiting.front());
  next.waiting.pop_front();
  if (entry.is_new) --next.is_new;
  if (next.waiting.empty()) {
    places_.erase(next.number);
    clients_.pop_front();
  } else {
    clients_.splice(clients_.end(), clients_, clients_.begin());
  }
  return entry;
}

// What is next. Allocates nothing. Precondition: may_take().
RequestThreads::Entry RequestThreads::take() {
  if (!begun_.empty()) {
    Entry entry{.work = std::move(begun_.front())};
    begun_.pop_front();
    return entry;
  }
  const bool takes_long = may_take_long() && (long_is_next_ || short_.empty());
  Entry entry = (takes_long ? long_ : short_).take();
  long_is_next_ = !takes_long;
  if (takes_long) ++running_long_;
  if (entry.is_new) --waiting_;
  return entry;
}

void RequestThreads::run() {
  block_signals_in_this_thread();
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return may_take() || (stopping_ && is_empty()); });
    if (!may_take()) return;
    bool was_long = false;
    {
      const Entry entry = take();
      was_long = entry.is_long;
      if (stopping_ && is_empty()) wake_.notify_all();
      lock.unlock();
      try {
        entry.work();
      } catch (const std::exception&) {
        // No memory to say so: the end of the work, which holds its request's reply, answers it.
      }
    }  // what the work held is let go before the lock is taken
    lock.lock();
    if (!was_long) continue;
    --running_long_;
    if (may_take_long()) wake_.notify_one();
  }
}

}  // namespace nestvec
