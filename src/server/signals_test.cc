// SPDX-License-Identifier: Apache-2.0
#include "server/signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <future>

namespace nestvec {
namespace {

constexpr std::chrono::seconds kSoon{10};

bool is_blocked(int number) {
  sigset_t set;
  pthread_sigmask(SIG_SETMASK, nullptr, &set);
  return sigismember(&set, number) == 1;
}

TEST(SignalThread, CallsForEachSignal) {
  const BlockedSignals blocked;
  std::promise<int> stopped;
  std::promise<void> reloaded;
  const SignalThread signals([&](int number) { stopped.set_value(number); },
                             [&] { reloaded.set_value(); });
  ::kill(::getpid(), SIGHUP);
  EXPECT_EQ(reloaded.get_future().wait_for(kSoon), std::future_status::ready);
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(stopped.get_future().get(), SIGTERM);
}

TEST(SignalThread, SignalsWaitForTheThread) {
  const BlockedSignals blocked;
  ::kill(::getpid(), SIGINT);
  std::promise<int> stopped;
  const SignalThread signals([&](int number) { stopped.set_value(number); }, [] {});
  EXPECT_EQ(stopped.get_future().get(), SIGINT);
}

TEST(BlockedSignals, GivesThemBack) {
  EXPECT_FALSE(is_blocked(SIGTERM));
  {
    const BlockedSignals blocked;
    EXPECT_TRUE(is_blocked(SIGTERM) && is_blocked(SIGINT) && is_blocked(SIGHUP));
    EXPECT_FALSE(is_blocked(SIGQUIT));
  }
  EXPECT_FALSE(is_blocked(SIGTERM));
}

TEST(SignalThreadDeathTest, TheSecondStopEndsTheProcess) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        const BlockedSignals blocked;
        const SignalThread signals([](int) { ::kill(::getpid(), SIGINT); }, [] {});
        ::kill(::getpid(), SIGTERM);
        std::this_thread::sleep_for(kSoon);
      },
      testing::ExitedWithCode(128 + SIGINT), "");
}

}  // namespace
}  // namespace nestvec
