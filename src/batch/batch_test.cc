// SPDX-License-Identifier: Apache-2.0
// Packed batches and the division of a call into batches.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "batch/batch_plan.h"
#include "batch/packed_batch.h"

namespace nestvec {
namespace {

TEST(PackedBatch, SequencesLieBehindOneAnother) {
  PackedBatch batch;
  batch.add({{10, 11, 12}, 2, {{0, 3}, {1, 2}}});
  batch.add({{20}, kNoTask, {{0, 1}}});
  EXPECT_EQ(batch.ids, (std::vector<std::uint32_t>{10, 11, 12, 20}));
  EXPECT_EQ(batch.offsets, (std::vector<std::uint32_t>{0, 3, 4}));
  EXPECT_EQ(batch.tasks, (std::vector<std::int32_t>{2, kNoTask}));
  ASSERT_EQ(batch.spans.size(), 3u);
  EXPECT_EQ(batch.spans[1].begin, 1u);
  EXPECT_EQ(batch.spans[2].begin, 3u);
  EXPECT_EQ(batch.spans[2].end, 4u);
  EXPECT_EQ(batch.max_length(), 3u);
  batch.clear();
  EXPECT_EQ(batch.sequences(), 0u);
  EXPECT_EQ(batch.max_length(), 0u);
}

TEST(PlanBatches, EverySequenceOnceWithinTheBudget) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    const std::size_t budget = 1 + random() % 100;
    std::vector<std::size_t> lengths(random() % 50);
    for (std::size_t& length : lengths) length = 1 + random() % 120;
    std::vector<int> seen(lengths.size(), 0);
    std::size_t previous = SIZE_MAX;
    for (const std::vector<std::size_t>& batch : plan_batches(lengths, budget)) {
      ASSERT_FALSE(batch.empty());
      std::size_t tokens = 0;
      for (const std::size_t index : batch) {
        ++seen[index];
        tokens += lengths[index];
        EXPECT_LE(lengths[index], previous);
        previous = lengths[index];
      }
      EXPECT_TRUE(tokens <= budget || batch.size() == 1) << tokens << " over " << budget;
    }
    EXPECT_TRUE(std::all_of(seen.begin(), seen.end(), [](int count) { return count == 1; }));
  }
}

TEST(PlanBatches, FillsABatchBeforeItOpensAnother) {
  const std::vector<std::size_t> lengths = {4, 4, 4, 4};
  EXPECT_EQ(plan_batches(lengths, 8), (std::vector<std::vector<std::size_t>>{{0, 1}, {2, 3}}));
}

}  // namespace
}  // namespace nestvec
