// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <algorithm>
#include <string>

#include "base/start_thread.h"

namespace nestvec {
namespace {

// Tells the core that this is a wait, so that a hyperthread beside it gets its share.
void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");  // `yield` does nothing on most, and this takes about as long as x86's
#else
  std::this_thread::yield();
#endif
}

// After so many pauses (some 100 us) a waiting thread lets others have its core in between: there
// may be fewer cores than threads.
constexpr int kPausesBeforeYield = 4000;

}  // namespace

ThreadPool::ThreadPool(std::size_t threads)
    : runs_(std::clamp<std::size_t>(threads, 1, kMaxThreads)) {
  threads = runs_.size();
  workers_.reserve(threads);
  try {
    for (std::size_t i = 1; i < threads; ++i) {
      workers_.push_back(
          start_thread("compute thread " + std::to_string(i + 1) + " of " + std::to_string(threads),
                       [this, i] { work(i); }));
    }
  } catch (...) {
    end();
    throw;
  }
}

ThreadPool::~ThreadPool() { end(); }

void ThreadPool::end() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

ThreadPool::Hot::Hot(ThreadPool& pool) : pool_(pool) {
  {
    const std::lock_guard lock(pool_.mutex_);
    was_hot_ = pool_.hot_.exchange(true);
  }
  pool_.wake_.notify_all();
}

ThreadPool::Hot::~Hot() { pool_.hot_ = was_hot_; }

void ThreadPool::help(std::size_t thread) {
  std::uint64_t ticket = ticket_.load(std::memory_order_acquire);
  while (true) {
    const auto index = static_cast<std::uint32_t>(ticket);
    // Whoever sees the next loop's count also sees that this ticket is over, and fails below.
    const std::size_t count = count_.load(std::memory_order_acquire);
    void* const callable = callable_.load(std::memory_order_relaxed);
    const Call call = call_.load(std::memory_order_relaxed);
    if (index == kClosed || index >= count) return;
    // Failing, it loads the ticket anew.
    if (!ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acquire,
                                       std::memory_order_acquire)) {
      continue;
    }
    call(callable, index, thread);
    finished_.fetch_add(1, std::memory_order_release);
    ticket = ticket_.load(std::memory_order_acquire);
  }
}

void ThreadPool::run(std::size_t count, void* callable, Call call) {
  if (workers_.empty() || count <= 1 || count >= kClosed) {
    for (std::size_t i = 0; i < count; ++i) call(callable, i, 0);
    return;
  }
  const std::uint64_t loop = (ticket_.load(std::memory_order_relaxed) >> 32) + 1;
  ticket_.store(loop << 32 | kClosed, std::memory_order_seq_cst);
  count_.store(count, std::memory_order_release);  // not before the ticket is closed
  callable_.store(callable, std::memory_order_relaxed);
  call_.store(call, std::memory_order_relaxed);
  finished_.store(0, std::memory_order_relaxed);
  ticket_.store(loop << 32, std::memory_order_release);
  help(0);
  for (int pauses = 0; finished_.load(std::memory_order_acquire) != count;) {
    if (++pauses < kPausesBeforeYield) {
      pause();
    } else {
      std::this_thread::yield();
    }
  }
}

void ThreadPool::work(std::size_t thread) {
  while (true) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return hot_ || stopping_; });
      if (stopping_) return;
    }
    int pauses = 0;
    std::uint64_t seen = kClosed;
    while (hot_.load(std::memory_order_relaxed)) {
      const std::uint64_t ticket = ticket_.load(std::memory_order_acquire);
      if (ticket != seen && static_cast<std::uint32_t>(ticket) != kClosed) {
        help(thread);
        seen = ticket_.load(std::memory_order_relaxed);
        pauses = 0;
      } else if (++pauses < kPausesBeforeYield) {
        pause();
      } else {
        std::this_thread::yield();
      }
    }
  }
}

}  // namespace nestvec
