// SPDX-License-Identifier: Apache-2.0
#include "engine/tasks.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

const std::vector<std::string> kAdapters = {"retrieval.query", "separation"};
const std::vector<std::pair<std::string, std::string>> kPrompts = {{"retrieval.query", "Q: "}};

TEST(TaskTable, ResolvesNamesDefaultsAndNone) {
  const TaskTable table(kAdapters, kPrompts, "separation");
  EXPECT_EQ(table.resolve("retrieval.query").adapter, 0);
  EXPECT_EQ(table.resolve("retrieval.query").prompt, "Q: ");
  EXPECT_EQ(table.resolve("").adapter, 1);
  EXPECT_EQ(table.resolve("").prompt, "");
  EXPECT_EQ(table.resolve("none").adapter, -1);
  EXPECT_EQ(table.default_task(), "separation");
}

TEST(TaskTable, ADefaultThatTheModelLacksIsNone) {
  const TaskTable table({}, {}, "text-matching");
  EXPECT_EQ(table.default_task(), "none");
  EXPECT_EQ(table.resolve("").adapter, -1);
}

TEST(TaskTable, AMistypedDefaultIsRefused) {
  try {
    const TaskTable table(kAdapters, kPrompts, "seperation");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_STREQ(error.what(),
                 "runtime.default_task: unknown task \"seperation\"; this model has "
                 "retrieval.query, separation, none");
  }
  EXPECT_EQ(TaskTable(kAdapters, kPrompts, "text-matching").default_task(), "none");
}

TEST(TaskTable, PromptsAloneAreTasksWithoutAdapters) {
  const TaskTable table({}, {{"query", "query: "}}, "query");
  EXPECT_EQ(table.resolve("").prompt, "query: ");
  EXPECT_EQ(table.resolve("").adapter, -1);
  EXPECT_EQ(table.tasks().size(), 1u);
}

TEST(TaskTable, AnUnknownTaskListsTheValidOnes) {
  const TaskTable table(kAdapters, kPrompts, "none");
  try {
    table.resolve("clustering");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_STREQ(error.what(),
                 "unknown task \"clustering\"; this model has retrieval.query, separation, none");
  }
}

}  // namespace
}  // namespace nestvec
