// SPDX-License-Identifier: Apache-2.0
#include "service/request_threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>

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

}  // namespace
}  // namespace nestvec
