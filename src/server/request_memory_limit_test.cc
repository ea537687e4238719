// SPDX-License-Identifier: Apache-2.0
#include "server/request_memory_limit.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

TEST(RequestMemoryLimit, IsWhatTheBudgetLeavesWithinBounds) {
  const auto bytes = [](const RequestMemoryFacts& facts) {
    return decide_request_memory(facts).bytes;
  };
  EXPECT_EQ(bytes({}), 1024 * kMiB);
  EXPECT_EQ(bytes({0, 1000 * kMiB, 700 * kMiB}), 300 * kMiB);
  EXPECT_EQ(bytes({0, 9000 * kMiB, 700 * kMiB}), 1024 * kMiB);
  EXPECT_EQ(bytes({0, 700 * kMiB, 699 * kMiB}), 64 * kMiB);
  EXPECT_EQ(bytes({0, 700 * kMiB, 800 * kMiB}), 64 * kMiB);
  EXPECT_EQ(bytes({2000 * kMiB, 1000 * kMiB, 700 * kMiB}), 2000 * kMiB);
}

TEST(RequestMemoryLimit, WarnsWhereLessIsLeft) {
  EXPECT_EQ(decide_request_memory({0, 1000 * kMiB, 700 * kMiB}).warning, "");
  EXPECT_EQ(decide_request_memory({0, 0, 700 * kMiB}).warning, "");
  const std::string least = decide_request_memory({0, 700 * kMiB, 690 * kMiB}).warning;
  EXPECT_NE(least.find("64 MiB"), std::string::npos) << least;
  EXPECT_NE(least.find("leaves 10 MiB"), std::string::npos) << least;
  EXPECT_NE(decide_request_memory({2000 * kMiB, 1000 * kMiB, 700 * kMiB}).warning, "");
}

}  // namespace
}  // namespace nestvec
