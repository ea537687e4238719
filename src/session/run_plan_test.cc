// SPDX-License-Identifier: Apache-2.0
#include "session/run_plan.h"

#include <gtest/gtest.h>

#include <random>

namespace nestvec {
namespace {

PackedBatch batch_of(const std::vector<std::pair<std::size_t, std::int32_t>>& sequences) {
  PackedBatch batch;
  for (const auto& [length, task] : sequences) {
    batch.add({std::vector<std::uint32_t>(length, 5), task, {}});
  }
  return batch;
}

TEST(PlanRuns, WithoutAMaskLengthsAreEqualAndTasksMix) {
  const PackedBatch batch = batch_of({{3, 0}, {5, 1}, {3, 2}, {5, kNoTask}});
  const std::vector<GraphRun> runs = plan_runs(batch, {});
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].length, 5u);
  EXPECT_EQ(runs[0].sequences, (std::vector<std::uint32_t>{1, 3}));
  EXPECT_EQ(runs[1].sequences, (std::vector<std::uint32_t>{0, 2}));
}

TEST(PlanRuns, OneTaskARunSeparatesTasks) {
  const PackedBatch batch = batch_of({{3, 1}, {3, 0}, {3, 1}});
  const std::vector<GraphRun> runs = plan_runs(batch, {.can_pad = true, .one_task_a_run = true});
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].task, 0);
  EXPECT_EQ(runs[1].sequences, (std::vector<std::uint32_t>{0, 2}));
}

TEST(PlanRuns, FixedSizesBoundTheRuns) {
  const PackedBatch batch = batch_of({{3, 0}, {8, 0}, {1, 0}});
  std::vector<GraphRun> runs = plan_runs(batch, {.can_pad = true, .max_rows = 2, .length = 8});
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].sequences, (std::vector<std::uint32_t>{1, 0}));
  EXPECT_EQ(runs[1].sequences, (std::vector<std::uint32_t>{2}));
  for (const GraphRun& run : runs) EXPECT_EQ(run.length, 8u);
  runs = plan_runs(batch, {.can_pad = true, .max_rows = 1});
  ASSERT_EQ(runs.size(), 3u);
  EXPECT_EQ(runs[2].length, 1u);
}

TEST(PlanRuns, EverySequenceOnceAndPaddingUnderAQuarter) {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::pair<std::size_t, std::int32_t>> sequences(1 + random() % 40);
    for (auto& [length, task] : sequences) {
      length = 1 + random() % 60;
      task = static_cast<std::int32_t>(random() % 4) - 1;
    }
    const PackedBatch batch = batch_of(sequences);
    const RunRules rules = {.can_pad = random() % 2 == 0, .one_task_a_run = random() % 2 == 0};
    std::vector<int> seen(sequences.size(), 0);
    for (const GraphRun& run : plan_runs(batch, rules)) {
      std::size_t tokens = 0;
      for (const std::uint32_t i : run.sequences) {
        ++seen[i];
        tokens += sequences[i].first;
        EXPECT_LE(sequences[i].first, run.length);
        if (!rules.can_pad) {
          EXPECT_EQ(sequences[i].first, run.length);
        }
        if (rules.one_task_a_run) {
          EXPECT_EQ(sequences[i].second, run.task);
        }
      }
      EXPECT_LE((run.length * run.sequences.size() - tokens) * 4,
                run.length * run.sequences.size());
    }
    for (const int count : seen) EXPECT_EQ(count, 1);
  }
}

}  // namespace
}  // namespace nestvec
