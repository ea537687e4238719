// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <chrono>

namespace nestvec {
namespace {

TEST(ThreadPool, CallsEachIndexOnce) {
  for (const std::size_t threads : {1u, 2u, 5u}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    const ThreadPool::Hot hot(pool);
    for (const std::size_t count : {0u, 1u, 2u, 7u, 1000u}) {
      std::vector<std::atomic<int>> calls(count);
      pool.parallel_for(count, [&](std::size_t i, std::size_t thread) {
        EXPECT_LT(thread, threads);
        ++calls[i];
      });
      for (const std::atomic<int>& n : calls) EXPECT_EQ(n, 1);
    }
  }
}

// What a loop wrote is seen by the next, whoever wrote it; the loops are too short to be told apart
// by luck.
TEST(ThreadPool, ManyShortLoopsFollowOneAnother) {
  ThreadPool pool(3);
  const ThreadPool::Hot hot(pool);
  std::vector<std::size_t> from(5, 0);
  std::vector<std::size_t> to(5, 0);
  constexpr std::size_t kLoops = 50000;
  for (std::size_t loop = 1; loop <= kLoops; ++loop) {
    pool.parallel_for(from.size(),
                      [&](std::size_t i, std::size_t) { to[i] = from[(i + 1) % from.size()] + 1; });
    from.swap(to);
    for (const std::size_t value : from) ASSERT_EQ(value, loop);
  }
}

// A worker that is late with one loop must not take its next loop's size for that loop's: sizes go
// up and down, most loops are over before all workers have come, and each call must name an index
// of its own loop.
TEST(ThreadPool, LoopsOfOtherSizesFollowOneAnother) {
  constexpr std::size_t kMost = 64;
  constexpr std::size_t kLoops = 30000;
  ThreadPool pool(4);
  const ThreadPool::Hot hot(pool);
  std::vector<std::size_t> calls(kMost, 0);  // not atomic: an index belongs to one thread at a time
  std::vector<std::size_t> expected(kMost, 0);
  std::atomic<std::size_t> wrong{0};
  for (std::size_t loop = 0; loop < kLoops; ++loop) {
    const std::size_t count = 2 + loop * 7919 % (loop % 3 == 0 ? kMost - 1 : 3);
    const auto body = [&](std::size_t i, std::size_t) {
      if (i < count) {
        ++calls[i];
      } else {
        ++wrong;
      }
    };
    if (loop % 2 == 0) {
      pool.parallel_for(count, body);
    } else {
      pool.parallel_runs(count, body);
    }
    for (std::size_t i = 0; i < count; ++i) ++expected[i];
    ASSERT_EQ(calls, expected) << "loop " << loop << " of " << count;
  }
  EXPECT_EQ(wrong, 0U);
}

TEST(ThreadPool, ComputesAloneWhenNotHot) {
  ThreadPool pool(4);
  std::size_t total = 0;  // not atomic: only the caller may come here
  pool.parallel_for(100, [&](std::size_t i, std::size_t thread) {
    EXPECT_EQ(thread, 0U);
    total += i;
  });
  EXPECT_EQ(total, 4950U);
}

TEST(ThreadPool, HotWorkersTakePart) {
  ThreadPool pool(2);
  const ThreadPool::Hot hot(pool);
  std::atomic<bool> both{false};
  std::atomic<int> arrived{0};
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  // Two calls that wait for each other end early only when two threads make them.
  pool.parallel_for(2, [&](std::size_t, std::size_t) {
    ++arrived;
    while (arrived < 2 && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
    if (arrived == 2) both = true;
  });
  EXPECT_TRUE(both);
}

}  // namespace
}  // namespace nestvec
