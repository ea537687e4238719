// SPDX-License-Identifier: Apache-2.0
// parallel_runs: neighbouring indices on one thread, and help for those who are slow.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "base/thread_pool.h"

namespace nestvec {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kThreads[] = {1, 2, 3, 5, 8};
constexpr std::size_t kCounts[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 63, 64, 65, 1000};

// What each index was called with.
struct Calls {
  explicit Calls(std::size_t count) : times(count), thread(count) {}
  std::vector<std::atomic<int>> times;
  std::vector<std::atomic<std::size_t>> thread;
};

// The indices of the run `first` of a loop.
struct Range {
  std::size_t begin;
  std::size_t end;
};
Range run_of(std::size_t count, std::size_t runs, std::size_t run) {
  return {count * run / runs, count * (run + 1) / runs};
}

void expect_each_once(ThreadPool& pool, std::size_t count) {
  Calls calls(count);
  pool.parallel_runs(count, [&](std::size_t i, std::size_t thread) {
    ASSERT_LT(i, count);
    ASSERT_LT(thread, pool.threads());
    ++calls.times[i];
  });
  for (std::size_t i = 0; i < count; ++i) {
    EXPECT_EQ(calls.times[i], 1) << i << " of " << count << " on " << pool.threads();
  }
}

TEST(ThreadPoolRuns, CallEachIndexOnce) {
  for (const std::size_t threads : kThreads) {
    ThreadPool pool(threads);
    const ThreadPool::Hot hot(pool);
    for (const std::size_t count : kCounts) {
      for (int repeat = 0; repeat < 20; ++repeat) expect_each_once(pool, count);
    }
  }
}

TEST(ThreadPoolRuns, CallEachIndexOnceWithoutAwakeWorkers) {
  for (const std::size_t threads : kThreads) {
    ThreadPool pool(threads);
    for (const std::size_t count : kCounts) expect_each_once(pool, count);
  }
}

// Whoever walks a run, its owner or a helper, meets its indices in ascending order.
TEST(ThreadPoolRuns, AThreadMeetsTheIndicesOfARunInOrder) {
  for (const std::size_t threads : kThreads) {
    ThreadPool pool(threads);
    const ThreadPool::Hot hot(pool);
    for (const std::size_t count : kCounts) {
      std::vector<std::vector<std::size_t>> met(threads);
      pool.parallel_runs(count,
                         [&](std::size_t i, std::size_t thread) { met[thread].push_back(i); });
      for (std::size_t run = 0; run < threads; ++run) {
        const Range range = run_of(count, threads, run);
        for (const std::vector<std::size_t>& indices : met) {
          std::size_t next = range.begin;
          for (const std::size_t i : indices) {
            if (i < range.begin || i >= range.end) continue;
            EXPECT_GE(i, next) << "run " << run << " of " << threads;
            next = i + 1;
          }
        }
      }
    }
  }
}

// Alone, the caller walks all runs from their beginnings to their ends: the whole in order.
TEST(ThreadPoolRuns, TheCallerAloneWalksAllOfThemInOrder) {
  for (const std::size_t threads : kThreads) {
    ThreadPool pool(threads);
    std::vector<std::size_t> met;
    pool.parallel_runs(100, [&](std::size_t i, std::size_t thread) {
      EXPECT_EQ(thread, 0u);
      met.push_back(i);
    });
    ASSERT_EQ(met.size(), 100u);
    for (std::size_t i = 0; i < met.size(); ++i) EXPECT_EQ(met[i], i);
  }
}

// The first index of one run waits until all other indices are done, so the rest of its run can
// only be done by somebody who helps.
TEST(ThreadPoolRuns, AThreadThatIsDoneHelpsOneThatIsNot) {
  for (const std::size_t threads : {2u, 3u, 5u}) {
    constexpr std::size_t kCount = 60;
    ThreadPool pool(threads);
    const ThreadPool::Hot hot(pool);
    for (std::size_t run = 0; run < threads; ++run) {
      const Range slow = run_of(kCount, threads, run);
      std::atomic<std::size_t> done{0};
      Calls calls(kCount);
      std::atomic<bool> in_time{false};
      const Clock::time_point limit = Clock::now() + std::chrono::seconds(30);  // of a hang
      pool.parallel_runs(kCount, [&](std::size_t i, std::size_t thread) {
        calls.thread[i] = thread;
        if (i == slow.begin) {
          while (done < kCount - 1 && Clock::now() < limit) std::this_thread::yield();
          in_time = done == kCount - 1;
        }
        ++done;
      });
      EXPECT_EQ(done, kCount);
      EXPECT_TRUE(in_time);
      for (std::size_t i = slow.begin + 1; i < slow.end; ++i) {
        EXPECT_NE(calls.thread[i], calls.thread[slow.begin]) << i;
      }
    }
  }
}

// What a loop wrote is seen by the next, whoever wrote it.
TEST(ThreadPoolRuns, ManyShortLoopsFollowOneAnother) {
  for (const std::size_t count : {2u, 5u, 9u}) {  // fewer and more than there are runs
    ThreadPool pool(4);
    const ThreadPool::Hot hot(pool);
    std::vector<std::size_t> from(count, 0);
    std::vector<std::size_t> to(count, 0);
    for (std::size_t loop = 1; loop <= 20'000; ++loop) {
      pool.parallel_runs(count,
                         [&](std::size_t i, std::size_t) { to[i] = from[(i + 1) % count] + 1; });
      from.swap(to);
      for (const std::size_t value : from) ASSERT_EQ(value, loop);
    }
  }
}

TEST(ThreadPoolRuns, PoolsBecomeHotAndColdInTurns) {
  ThreadPool pool(3);
  for (int round = 0; round < 200; ++round) {
    expect_each_once(pool, 50);
    const ThreadPool::Hot hot(pool);
    expect_each_once(pool, 50);
  }
}

}  // namespace
}  // namespace nestvec
