// SPDX-License-Identifier: Apache-2.0
#include "server/signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <future>

namespace nestvec {
namespace {

constexpr std::chrono::seconds kSoon{10};

TEST(SignalThread, CallsForEachSignal) {
  SignalThread signals;
  std::promise<void> stopped;
  std::promise<void> reloaded;
  signals.start([&] { stopped.set_value(); }, [&] { reloaded.set_value(); });
  ::kill(::getpid(), SIGHUP);
  EXPECT_EQ(reloaded.get_future().wait_for(kSoon), std::future_status::ready);
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(stopped.get_future().wait_for(kSoon), std::future_status::ready);
}

TEST(SignalThread, SignalsWaitForTheStart) {
  SignalThread signals;
  ::kill(::getpid(), SIGINT);
  std::promise<void> stopped;
  signals.start([&] { stopped.set_value(); }, [] {});
  EXPECT_EQ(stopped.get_future().wait_for(kSoon), std::future_status::ready);
}

TEST(SignalThread, GivesTheSignalsBack) {
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  EXPECT_EQ(sigismember(&before, SIGTERM), 0);
  {
    const SignalThread signals;
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    EXPECT_EQ(sigismember(&blocked, SIGTERM), 1);
  }
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  EXPECT_EQ(sigismember(&after, SIGTERM), 0);
}

TEST(SignalThreadDeathTest, TheSecondStopEndsTheProcess) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        SignalThread signals;
        signals.start([] { ::kill(::getpid(), SIGINT); }, [] {});
        ::kill(::getpid(), SIGTERM);
        std::this_thread::sleep_for(kSoon);
      },
      testing::ExitedWithCode(128 + SIGINT), "");
}

}  // namespace
}  // namespace nestvec
