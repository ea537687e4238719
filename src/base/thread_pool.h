// SPDX-License-Identifier: Apache-2.0
// The threads that compute: one pool for all operators of all models of a runtime.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace nestvec {

// parallel_for and Hot are for one thread at a time, the one that runs the model.
class ThreadPool {
 public:
  // `threads` counts the caller: 1 starts none. At most kMaxThreads. Throws Error
  // kResourceExhausted where one cannot be started.
  explicit ThreadPool(std::size_t threads);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  std::size_t threads() const noexcept { return workers_.size() + 1; }

  // Calls body(index, thread) for each index below `count`, the lower first, on the caller and on
  // the workers that are awake, and returns when all calls have. thread < threads(). `body` must
  // not throw.
  template <class Body>
  void parallel_for(std::size_t count, Body&& body) {
    using Callable = std::remove_reference_t<Body>;
    run(count, const_cast<void*>(static_cast<const void*>(&body)),
        [](void* callable, std::size_t index, std::size_t thread) {
          (*static_cast<Callable*>(callable))(index, thread);
        });
  }

  // The same, but each thread walks a run of neighbouring indices from its beginning to its end,
  // and then helps others with theirs: for calls that prepare for their next neighbour.
  template <class Body>
  void parallel_runs(std::size_t count, Body&& body) {
    const std::size_t runs = runs_.size();
    for (std::size_t i = 0; i < runs; ++i) {
      runs_[i].next.store(count * i / runs, std::memory_order_relaxed);
      runs_[i].end = count * (i + 1) / runs;
    }
    parallel_for(runs, [&](std::size_t first, std::size_t thread) {
      for (std::size_t i = 0; i < runs; ++i) {
        Run& run = runs_[(first + i) % runs];
        for (std::size_t index; (index = run.take()) < run.end;) body(index, thread);
      }
    });
  }

  // While one lives, workers wait for the next loop awake (some 100 ns away instead of some 10 us);
  // without one they sleep and the caller computes alone. One may live within another.
  class Hot {
   public:
    explicit Hot(ThreadPool& pool);
    Hot(const Hot&) = delete;
    Hot& operator=(const Hot&) = delete;
    ~Hot();

   private:
    ThreadPool& pool_;
    bool was_hot_ = false;
  };

  static constexpr std::size_t kMaxThreads = 1024;

 private:
  // Indices that are left of a run.
  struct alignas(64) Run {
    std::size_t take() { return next.fetch_add(1, std::memory_order_relaxed); }
    std::atomic<std::size_t> next{0};
    std::size_t end = 0;
  };

  using Call = void (*)(void* callable, std::size_t index, std::size_t thread);

  void run(std::size_t count, void* callable, Call call);
  void end();
  void work(std::size_t thread);
  // Takes and makes calls of the current loop until none is left.
  void help(std::size_t thread);

  // The loop's number in the upper half, the next index in the lower; kClosed between loops. A call
  // belongs to whoever moves the index on, and while one is not finished its loop is not either, so
  // the fields below are those of the loop that the ticket named.
  static constexpr std::uint32_t kClosed = 0xffffffff;
  alignas(64) std::atomic<std::uint64_t> ticket_{kClosed};
  std::atomic<std::size_t> count_{0};
  std::atomic<void*> callable_{nullptr};
  std::atomic<Call> call_{nullptr};
  alignas(64) std::atomic<std::size_t> finished_{0};

  alignas(64) std::atomic<bool> hot_{false};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> workers_;
  std::vector<Run> runs_;  // one a thread
};

}  // namespace nestvec
