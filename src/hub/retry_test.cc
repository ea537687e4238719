// SPDX-License-Identifier: Apache-2.0
#include "hub/retry.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Backoff, DoublesUpToALimitWithJitter) {
  RetryPolicy policy;
  policy.first_delay = milliseconds(100);
  policy.longest_delay = milliseconds(1000);
  std::minstd_rand random(1);
  const std::array<int, 7> whole = {100, 200, 400, 800, 1000, 1000, 1000};
  for (std::size_t failures = 1; failures <= whole.size(); ++failures) {
    milliseconds least = policy.longest_delay;
    milliseconds most{0};
    for (int i = 0; i < 1000; ++i) {
      const milliseconds delay = backoff_delay(policy, failures, random);
      least = std::min(least, delay);
      most = std::max(most, delay);
    }
    const int limit = whole[failures - 1];
    EXPECT_GE(least.count(), limit / 2);
    EXPECT_LE(most.count(), limit);
    EXPECT_GT((most - least).count(), limit / 3) << "no jitter";
  }
  EXPECT_LE(backoff_delay(policy, 1'000'000, random), policy.longest_delay);
}

TEST(RetryAfter, IsSecondsOrADate) {
  EXPECT_EQ(parse_retry_after("0", 0), seconds(0));
  EXPECT_EQ(parse_retry_after("120", 0), seconds(120));
  // RFC 9110's own example date is 784111777 in Unix time.
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784'111'770), seconds(7));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784'111'790), seconds(0));
  for (const char* header : {"", "soon", "-5", "1.5", "12 s"}) {
    EXPECT_EQ(parse_retry_after(header, 0), std::nullopt) << header;
  }
}

}  // namespace
}  // namespace nestvec
