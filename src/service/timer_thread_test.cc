// SPDX-License-Identifier: Apache-2.0
#include "service/timer_thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <vector>

namespace nestvec {
namespace {

using std::chrono::milliseconds;

TEST(TimerThread, CallsInTheOrderOfTheTimesNotOfTheCalls) {
  std::vector<int> order;
  std::promise<void> done;
  TimerThread timer;
  const auto start = std::chrono::steady_clock::now();
  const Alarm third = timer.after(milliseconds(1000), [&] {
    order.push_back(3);
    done.set_value();
  });
  const Alarm first = timer.after(milliseconds(0), [&] { order.push_back(1); });
  const Alarm second = timer.after(milliseconds(10), [&] { order.push_back(2); });
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(1000));
}

TEST(TimerThread, AFunctionMayAskForAnother) {
  std::promise<void> done;
  Alarm second;
  TimerThread timer;
  const Alarm first = timer.after(
      milliseconds(1), [&] { second = timer.after(milliseconds(1), [&] { done.set_value(); }); });
  EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST(TimerThread, DropsWhatHasNotComeAtItsEnd) {
  const auto held = std::make_shared<int>(1);
  std::atomic<bool> called{false};
  {
    Alarm alarm;
    TimerThread timer;
    alarm = timer.after(std::chrono::hours(1), [&called, held] { called = true; });
  }
  EXPECT_FALSE(called);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(TimerThread, KeepsNothingOfACallThatWasTakenBack) {
  const auto held = std::make_shared<int>(1);
  TimerThread timer;
  const Alarm kept = timer.after(std::chrono::hours(2), [] {});
  for (int i = 0; i < 1000; ++i) {
    const Alarm alarm = timer.after(std::chrono::hours(1 + i % 3), [held] {});
  }
  EXPECT_EQ(timer.waiting(), 1u);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(TimerThread, AnAlarmMayEndInItsOwnCallOrAfterTheTimer) {
  std::promise<void> assigned;
  std::promise<void> done;
  auto own = std::make_unique<Alarm>();
  Alarm late;
  {
    TimerThread timer;
    *own = timer.after(milliseconds(0), [&] {
      assigned.get_future().wait();
      own.reset();
      done.set_value();
    });
    assigned.set_value();
    done.get_future().wait();
    late = timer.after(std::chrono::hours(1), [] {});
  }
  late = Alarm();
}

}  // namespace
}  // namespace nestvec
