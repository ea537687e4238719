// SPDX-License-Identifier: Apache-2.0
#include "engine/admission.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "nestvec/error.h"

namespace nestvec {
namespace {

constexpr bool kInteractive = false;
constexpr bool kBulk = true;

// How long a call is to stay away; nothing for one that is let in; 0 for one that may never come.
std::optional<double> retry(const QueueOptions& limits, bool bulk, std::size_t tokens,
                            const QueueLoad& load) {
  try {
    check_admission(limits, bulk, tokens, load);
    return std::nullopt;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
    return static_cast<double>(error.detail().retry_after.count()) / 1e3;
  }
}

constexpr auto kIn = std::nullopt;
const QueueOptions kThousand{.max_tokens = 1000};

TEST(Admission, WithoutLimitsEverybodyComesIn) {
  EXPECT_EQ(retry({}, kBulk, 1 << 30, {.same = {9, 1 << 30, 3}, .own = 1 << 29}), kIn);
}

TEST(Admission, OneClientAloneHasHalfOfTheQueue) {
  EXPECT_EQ(retry(kThousand, kInteractive, 500, {}), kIn);
  EXPECT_EQ(retry(kThousand, kInteractive, 501, {}), 0);
  EXPECT_EQ(retry(kThousand, kInteractive, 100, {.same = {4, 400, 1}, .own = 400}), kIn);
  EXPECT_NE(retry(kThousand, kInteractive, 101, {.same = {4, 400, 1}, .own = 400}), kIn);
}

TEST(Admission, TheNextClientFindsRoom) {
  const QueueLoad hog{.same = {5, 500, 1}};
  EXPECT_EQ(retry(kThousand, kInteractive, 250, hog), kIn);
  EXPECT_NE(retry(kThousand, kInteractive, 251, hog), kIn);
  const QueueLoad two{.same = {10, 750, 2}};
  EXPECT_EQ(retry(kThousand, kInteractive, 125, two), kIn);
}

TEST(Admission, BulkLeavesAQuarterToInteractiveCalls) {
  EXPECT_EQ(retry(kThousand, kBulk, 375, {}), kIn);
  EXPECT_EQ(retry(kThousand, kBulk, 376, {}), 0);
  const QueueLoad full{.other = {50, 750, 50}};  // bulk, as interactive ones see it
  EXPECT_EQ(retry(kThousand, kInteractive, 125, full), kIn);
  // Interactive calls in bulk's part keep bulk out.
  EXPECT_NE(retry(kThousand, kBulk, 30, {.other = {50, 950, 50}}), kIn);
}

TEST(Admission, AnEmptyQueueTakesABatch) {
  const QueueOptions tiny{.max_tokens = 1};
  EXPECT_EQ(retry(tiny, kBulk, 64, {.batch = 64}), kIn);
  EXPECT_EQ(retry(tiny, kBulk, 65, {.batch = 64}), 0);
  EXPECT_NE(retry(tiny, kBulk, 64, {.same = {1, 1, 1}, .batch = 64}), kIn);
}

TEST(Admission, ACallThatCouldNeverComeInIsToldTheFigures) {
  try {
    check_admission(kThousand, kBulk, 2000, {.batch = 10});
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "the call has 2000 tokens, and a queue of 1000 (max_queue_tokens) takes at most "
                 "375 at once; send fewer texts in a call, or raise max_queue_tokens");
  }
}

// 400 own tokens of 500; another 150 want 100 more than there is, at 100 tokens/s. What is served
// of the client itself makes room twice.
TEST(Admission, RetryAfterIsWhatTheClientItselfMustWait) {
  QueueLoad load{.same = {4, 400, 1}, .own = 400, .tokens_per_second = 100};
  EXPECT_NEAR(*retry(kThousand, kInteractive, 200, load), 1.0, 1e-9);  // 200 over, twice 100/s
  EXPECT_NEAR(*retry(kThousand, kInteractive, 350, load), 2.5, 1e-9);
  load = {.same = {8, 800, 2}, .own = 400, .tokens_per_second = 100};
  EXPECT_NEAR(*retry(kThousand, kInteractive, 100, load), 400 / 150.0, 1e-3);
}

TEST(Admission, AnotherClientsQueueIsNoWait) {
  const QueueOptions limits{.max_seconds = 30};
  const QueueLoad hog{.same = {2048, 524'288, 1}, .tokens_per_second = 1500};
  EXPECT_EQ(retry(limits, kBulk, 100, hog), kIn);
  EXPECT_EQ(retry(limits, kBulk, 100'000, hog), kIn);
}

TEST(Admission, AClientsOwnQueueIs) {
  const QueueOptions limits{.max_seconds = 30};
  QueueLoad load{.same = {100, 60'000, 1}, .own = 60'000, .tokens_per_second = 1500};
  EXPECT_NEAR(*retry(limits, kBulk, 1, load), 10, 1e-9);  // 40 s of work
  load.same = {200, 120'000, 2};                          // at half of the rate
  EXPECT_NEAR(*retry(limits, kBulk, 1, load), 50, 1e-9);
  load.own = 20'000;
  EXPECT_EQ(retry(limits, kBulk, 1, load), kIn);
}

TEST(Admission, ManyClientsWithLongTextsAreAWaitForTheNext) {
  const QueueOptions limits{.max_seconds = 30};
  QueueLoad load{.same = {10, 80'000, 10}, .tokens_per_second = 1000};
  EXPECT_NEAR(*retry(limits, kBulk, 10, load), 50, 1e-9);
  load.same = {1000, 80'000, 10};  // of short texts
  EXPECT_EQ(retry(limits, kBulk, 10, load), kIn);
}

TEST(Admission, BulkWaitsForInteractiveCallsAndForTheRunningBatch) {
  const QueueOptions limits{.max_seconds = 30};
  QueueLoad load{.same = {1, 10, 1}, .other = {500, 35'000, 9}, .tokens_per_second = 1000};
  EXPECT_NE(retry(limits, kBulk, 10, load), kIn);
  load = {.same = {1, 10, 1}, .running = 35'000, .tokens_per_second = 1000};
  EXPECT_NE(retry(limits, kBulk, 10, load), kIn);
  load.same = {};  // the first of its class waits for the running batch whatever it takes
  EXPECT_EQ(retry(limits, kBulk, 10, load), kIn);
}

TEST(Admission, WithoutARateNobodyIsLate) {
  EXPECT_EQ(retry({.max_seconds = 1}, kBulk, 10, {.same = {9, 1 << 20, 1}, .own = 1 << 20}), kIn);
  EXPECT_EQ(retry(kThousand, kBulk, 100, {.same = {9, 740, 9}}), 1.0);
}

}  // namespace
}  // namespace nestvec
