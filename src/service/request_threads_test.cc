// SPDX-License-Identifier: Apache-2.0
#include "service/request_threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace nestvec {
namespace {

TEST(RequestThreads, DoesAllWorkBeforeItEnds) {
  std::atomic<int> done = 0;
  {
    RequestThreads threads(3);
    EXPECT_EQ(threads.threads(), 3u);
    for (int i = 0; i < 500; ++i) {
      EXPECT_TRUE(threads.try_post([&] {
        ++done;
        threads.post([&] { ++done; });
      }));
    }
  }
  EXPECT_EQ(done, 1000);
}

TEST(RequestThreads, FinishesWhatWasBegunFirst) {
  std::string order;
  {
    std::mutex gate;
    std::unique_lock closed(gate);
    RequestThreads threads(1, 2);
    threads.post([&] { const std::lock_guard wait(gate); });
    while (threads.try_post([&] { order += 'n'; })) {
    }
    threads.post([&] { order += 'b'; });
    closed.unlock();
  }
  EXPECT_TRUE(order == "bnn" || order == "bbnn") << order;
}

TEST(RequestThreads, ClientsTakeTurns) {
  std::string order;
  {
    std::mutex gate;
    std::unique_lock closed(gate);
    RequestThreads threads(1);
    std::atomic<bool> begun = false;
    threads.post([&] {
      begun = true;
      const std::lock_guard wait(gate);
    });
    while (!begun) std::this_thread::yield();
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(threads.try_post([&] { order += 'a'; }, 1));
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(threads.try_post([&] { order += 'b'; }, 2));
    EXPECT_TRUE(threads.try_post([&] { order += 'c'; }, 3));
    closed.unlock();
  }
  EXPECT_EQ(order, "abcabaa");
}

TEST(RequestThreads, OneClientLeavesPlacesForOthers) {
  std::mutex gate;
  std::unique_lock closed(gate);
  RequestThreads threads(1, 100);
  std::atomic<bool> begun = false;
  threads.post([&] {
    begun = true;
    const std::lock_guard wait(gate);
  });
  while (!begun) std::this_thread::yield();
  int taken = 0;
  while (threads.try_post([] {}, 1)) ++taken;
  EXPECT_EQ(taken, 75);
  for (std::uint64_t client = 2; client < 27; ++client) {
    EXPECT_TRUE(threads.try_post([] {}, client));
  }
  EXPECT_FALSE(threads.try_post([] {}, 99));
  closed.unlock();
}

}  // namespace
}  // namespace nestvec
