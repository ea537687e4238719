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
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(threads.try_post([&] { order += 'a'; }, {1}));
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(threads.try_post([&] { order += 'b'; }, {2}));
    EXPECT_TRUE(threads.try_post([&] { order += 'c'; }, {3}));
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
  while (threads.try_post([] {}, {1})) ++taken;
  EXPECT_EQ(taken, 75);
  for (std::uint64_t client = 2; client < 27; ++client) {
    EXPECT_TRUE(threads.try_post([] {}, {client}));
  }
  EXPECT_FALSE(threads.try_post([] {}, {99}));
  closed.unlock();
}

// Keeps the only thread of a pool busy, so that what comes meanwhile waits.
class Blocked {
 public:
  explicit Blocked(RequestThreads& threads) {
    threads.post([this] {
      begun_ = true;
      const std::lock_guard wait(gate_);
    });
    while (!begun_) std::this_thread::yield();
  }
  void open() { closed_.unlock(); }

 private:
  std::mutex gate_;
  std::unique_lock<std::mutex> closed_{gate_};
  std::atomic<bool> begun_ = false;
};

TEST(RequestThreads, WhatWaitedTakesItsTurnAndIsNeverRefused) {
  std::string order;
  {
    RequestThreads threads(1, 2);
    Blocked blocked(threads);
    for (int i = 0; i < 4; ++i) threads.post([&] { order += 'a'; }, {1});
    EXPECT_TRUE(threads.try_post([&] { order += 'b'; }, {2}));
    EXPECT_TRUE(threads.try_post([&] { order += 'A'; }, {1}));
    EXPECT_FALSE(threads.try_post([&] { order += 'c'; }, {3}));
    blocked.open();
  }
  EXPECT_EQ(order, "abaaaA");
}

TEST(RequestThreads, LongRequestsLetShortOnesPass) {
  std::string order;
  {
    RequestThreads threads(1);
    Blocked blocked(threads);
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(threads.try_post([&] { order += 'L'; }, {1, true}));
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(threads.try_post([&] { order += 's'; }, {1, false}));
    blocked.open();
  }
  EXPECT_EQ(order, "sLsLLL");
}

TEST(RequestThreads, OneThreadIsKeptFromLongRequests) {
  std::atomic<int> running_long = 0;
  std::atomic<int> done = 0;
  {
    std::mutex gate;
    std::unique_lock closed(gate);
    RequestThreads threads(2);
    for (std::uint64_t client = 0; client < 4; ++client) {
      const auto work = [&] {
        ++running_long;
        const std::lock_guard wait(gate);
        ++done;
      };
      if (client % 2 == 0) {
        threads.post(work, {client, true});
      } else {
        EXPECT_TRUE(threads.try_post(work, {client, true}));
      }
    }
    while (running_long == 0) std::this_thread::yield();
    for (int i = 0; i < 10; ++i) {
      std::atomic<bool> answered = false;
      EXPECT_TRUE(threads.try_post([&] { answered = true; }, {0}));
      while (!answered) std::this_thread::yield();
    }
    EXPECT_EQ(running_long, 1);
    closed.unlock();
  }
  EXPECT_EQ(done, 4);
}

TEST(RequestThreads, KnowsLongRequests) {
  EXPECT_FALSE(turn_of(nullptr, 65'536, false).is_long);
  EXPECT_TRUE(turn_of(nullptr, 65'537, false).is_long);
  EXPECT_TRUE(turn_of(nullptr, 100, true).is_long);
  const auto one = std::make_shared<MemoryAccount>("x", 0);
  EXPECT_EQ(turn_of(one, 1, false).client, turn_of(one, 2, true).client);
  EXPECT_NE(turn_of(one, 1, false).client, turn_of(nullptr, 1, false).client);
}

}  // namespace
}  // namespace nestvec
