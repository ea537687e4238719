// SPDX-License-Identifier: Apache-2.0
// Each test sends signals to a process of its own, which has no threads but those of the test: a
// signal of a process goes to any thread that does not block it.
#include "server/signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <future>

namespace nestvec {
namespace {

constexpr std::chrono::seconds kSoon{20};
constexpr int kAsExpected = 42;

bool is_blocked(int number) {
  sigset_t set;
  pthread_sigmask(SIG_SETMASK, nullptr, &set);
  return sigismember(&set, number) == 1;
}

class SignalDeathTest : public testing::Test {
 protected:
  SignalDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

[[noreturn]] void end(bool as_expected) { std::_Exit(as_expected ? kAsExpected : EXIT_FAILURE); }

[[noreturn]] void one_of_each() {
  const BlockedSignals blocked;
  std::promise<int> stopped;
  std::promise<void> reloaded;
  const SignalThread signals([&](int number) { stopped.set_value(number); },
                             [&] { reloaded.set_value(); });
  ::kill(::getpid(), SIGHUP);
  const bool came = reloaded.get_future().wait_for(kSoon) == std::future_status::ready;
  ::kill(::getpid(), SIGTERM);
  end(came && stopped.get_future().get() == SIGTERM);
}

TEST_F(SignalDeathTest, EachIsACall) {
  EXPECT_EXIT(one_of_each(), testing::ExitedWithCode(kAsExpected), "");
}

[[noreturn]] void one_before_the_thread() {
  const BlockedSignals blocked;
  ::kill(::getpid(), SIGINT);
  std::promise<int> stopped;
  const SignalThread signals([&](int number) { stopped.set_value(number); }, [] {});
  end(stopped.get_future().get() == SIGINT);
}

TEST_F(SignalDeathTest, TheyWaitForTheThread) {
  EXPECT_EXIT(one_before_the_thread(), testing::ExitedWithCode(kAsExpected), "");
}

[[noreturn]] void two_stops() {
  const BlockedSignals blocked;
  const SignalThread signals([](int) { ::kill(::getpid(), SIGINT); }, [] {});
  ::kill(::getpid(), SIGTERM);
  std::this_thread::sleep_for(kSoon);
  end(false);
}

TEST_F(SignalDeathTest, TheSecondStopEndsTheProcess) {
  EXPECT_EXIT(two_stops(), testing::ExitedWithCode(128 + SIGINT), "");
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

}  // namespace
}  // namespace nestvec
