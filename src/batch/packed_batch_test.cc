// SPDX-License-Identifier: Apache-2.0
#include "batch/packed_batch.h"

#include <gtest/gtest.h>

#include <vector>

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

TEST(PackedBatchTest, TypesAreThereForAllOrForNone) {
  PackedBatch batch;
  batch.add({{1, 2}, kNoTask, {}});
  EXPECT_TRUE(batch.types.empty());
  batch.add({{3, 4, 5}, kNoTask, {}, {0, 1, 1}});
  batch.add({{6}, kNoTask, {}});
  EXPECT_EQ(batch.types, (std::vector<std::uint8_t>{0, 0, 0, 1, 1, 0}));
  batch.clear();
  batch.add({{1}, kNoTask, {}});
  EXPECT_TRUE(batch.types.empty());
}

}  // namespace
}  // namespace nestvec
