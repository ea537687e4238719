// SPDX-License-Identifier: Apache-2.0
#include "service/gather.h"

#include <gtest/gtest.h>

#include <thread>

namespace nestvec {
namespace {

using Parts = std::vector<int>;

void run_now(const std::function<void()>& work) { work(); }

struct Seen {
  int calls = 0;
  std::optional<Result<Parts>> result;
};

std::shared_ptr<Gather<int>> gather_into(Seen& seen, std::size_t count,
                                         const std::stop_token& outer = {}) {
  return std::make_shared<Gather<int>>(count, run_now, outer, [&seen](Result<Parts> result) {
    ++seen.calls;
    seen.result = std::move(result);
  });
}

TEST(Gather, KeepsTheOrderOfParts) {
  Seen seen;
  const auto gather = gather_into(seen, 3);
  gather->put(2, 30);
  gather->put(0, 10);
  EXPECT_EQ(seen.calls, 0);
  gather->put(1, 20);
  EXPECT_EQ(seen.calls, 1);
  EXPECT_EQ(seen.result->value(), (Parts{10, 20, 30}));
  EXPECT_FALSE(gather->stop().stop_requested());
}

TEST(Gather, TheFirstErrorStandsForAllAndStopsThem) {
  Seen seen;
  const auto gather = gather_into(seen, 3);
  gather->put(0, 10);
  EXPECT_FALSE(gather->stop().stop_requested());
  gather->put(1, Error(ErrorCode::kInternal, "first"));
  gather->put(2, Error(ErrorCode::kCancelled, "second"));
  EXPECT_EQ(seen.calls, 1);
  EXPECT_STREQ(seen.result->error().what(), "first");
  EXPECT_TRUE(gather->stop().stop_requested());
}

TEST(Gather, PassesOnThatTheClientHasGone) {
  Seen seen;
  std::stop_source client;
  const auto gather = gather_into(seen, 1, client.get_token());
  EXPECT_FALSE(gather->stop().stop_requested());
  client.request_stop();
  EXPECT_TRUE(gather->stop().stop_requested());
}

TEST(Gather, APartMayEndBecauseOfTheStopItself) {
  Seen seen;
  std::stop_source client;
  auto gather = gather_into(seen, 1, client.get_token());
  const std::stop_token stop = gather->stop();
  std::optional<std::stop_callback<std::function<void()>>> part;
  part.emplace(stop, [gather = std::move(gather)] {
    gather->put(0, Error(ErrorCode::kCancelled, "stopped"));
  });
  client.request_stop();
  part.reset();
  EXPECT_EQ(seen.calls, 1);
}

TEST(Gather, PartsComeFromManyThreads) {
  constexpr std::size_t kParts = 64;
  Seen seen;
  const auto gather = gather_into(seen, kParts);
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < kParts; ++i) {
    threads.emplace_back([gather, i] { gather->put(i, static_cast<int>(i)); });
  }
  threads.clear();
  ASSERT_EQ(seen.calls, 1);
  for (std::size_t i = 0; i < kParts; ++i) EXPECT_EQ(seen.result->value()[i], static_cast<int>(i));
}

TEST(Gather, EndsAtTheDeadline) {
  std::vector<std::function<void()>> timers;
  Seen seen;
  const auto gather = gather_into(seen, 1);
  const Timer after = [&timers](std::chrono::milliseconds, std::function<void()> work) {
    timers.push_back(std::move(work));
    return Alarm();
  };
  end_at_deadline(after, std::nullopt, gather);
  EXPECT_TRUE(timers.empty());
  end_at_deadline(after, std::chrono::steady_clock::now(), gather);
  ASSERT_EQ(timers.size(), 1u);
  timers.front()();
  EXPECT_EQ(seen.calls, 1);
  EXPECT_EQ(seen.result->error().code(), ErrorCode::kDeadlineExceeded);
  EXPECT_TRUE(gather->stop().stop_requested());
}

TEST(Gather, TakesItsDeadlineBackWhenItIsDone) {
  int taken_back = 0;
  Seen seen;
  auto gather = gather_into(seen, 1);
  const Timer after = [&taken_back](std::chrono::milliseconds, const std::function<void()>&) {
    return Alarm([&taken_back] { ++taken_back; });
  };
  end_at_deadline(after, std::chrono::steady_clock::now() + std::chrono::hours(24), gather);
  gather->put(0, 1);
  EXPECT_EQ(seen.calls, 1);
  gather.reset();
  EXPECT_EQ(taken_back, 1);
}

}  // namespace
}  // namespace nestvec
