// SPDX-License-Identifier: Apache-2.0
#include "engine/vector_cache.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

Sequence sequence(std::vector<std::uint32_t> ids, std::int32_t task = kNoTask) {
  const auto size = static_cast<std::uint32_t>(ids.size());
  return {std::move(ids), task, {{0, size}}};
}

TEST(VectorCache, FindsWhatIsEqualInEveryPart) {
  VectorCache cache(1 << 20);
  const std::vector<float> row = {1, 2, 3};
  std::vector<float> out(3);
  EXPECT_FALSE(cache.find(sequence({1, 2, 3}), out));
  cache.insert(sequence({1, 2, 3}), row);
  EXPECT_TRUE(cache.find(sequence({1, 2, 3}), out));
  EXPECT_EQ(out, row);
  EXPECT_FALSE(cache.find(sequence({1, 2, 3}, 0), out));
  EXPECT_FALSE(cache.find(sequence({1, 2}), out));
  Sequence cls = sequence({1, 2, 3});
  cls.spans = {{0, 1}};
  EXPECT_FALSE(cache.find(cls, out));
  EXPECT_EQ(cache.status().hits, 1u);
  EXPECT_EQ(cache.status().misses, 4u);
}

TEST(VectorCache, ForgetsWhatWasNotUsedForLongestAndKeepsItsBound) {
  constexpr std::uint64_t kBytes = 4096;
  VectorCache cache(kBytes);
  const std::vector<float> row(16, 1.0f);
  std::vector<float> out(16);
  for (std::uint32_t i = 0; i < 100; ++i) {
    cache.insert(sequence({i, i}), row);
    EXPECT_TRUE(cache.find(sequence({0, 0}), out));  // stays, because it is used
    EXPECT_LE(cache.status().bytes, kBytes);
  }
  EXPECT_TRUE(cache.find(sequence({99, 99}), out));
  EXPECT_FALSE(cache.find(sequence({50, 50}), out));
  EXPECT_GT(cache.status().entries, 5u);
}

TEST(VectorCache, KeepsNothingThatIsLargerThanItself) {
  VectorCache cache(64);
  cache.insert(sequence({1}), std::vector<float>(100));
  EXPECT_EQ(cache.status().entries, 0u);
  EXPECT_EQ(cache.status().bytes, 0u);
}

}  // namespace
}  // namespace nestvec
