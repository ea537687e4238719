// SPDX-License-Identifier: Apache-2.0
#include "engine/tasks.h"

#include <gtest/gtest.h>

#include "nestvec/tasks.h"
#include "support/error_of.h"

namespace nestvec {
namespace {

const std::vector<std::string> kAdapters = {"retrieval.query", "separation"};
const Prompts kPrompts = {{"retrieval.query", "Q: "}};

ModelInfo model_with(const TaskTable& table) {
  ModelInfo model;
  model.tasks = table.tasks();
  model.default_task = table.default_task();
  return model;
}

TEST(TaskTable, ResolvesNamesDefaultsAndNone) {
  const TaskTable table(kAdapters, kPrompts, "separation");
  EXPECT_EQ(table.resolve("retrieval.query").adapter, 0);
  EXPECT_EQ(table.resolve("retrieval.query").prompt, "Q: ");
  EXPECT_EQ(table.resolve("search_query").adapter, 0);
  EXPECT_EQ(table.resolve("").adapter, 1);
  EXPECT_EQ(table.resolve("").prompt, "");
  EXPECT_EQ(table.resolve("none").adapter, -1);
  EXPECT_EQ(table.default_task(), "separation");
}

TEST(TaskTable, TheDefaultIsWhatSomeoneChose) {
  EXPECT_EQ(TaskTable(kAdapters, kPrompts, "query").default_task(), "retrieval.query");
  EXPECT_EQ(TaskTable(kAdapters, kPrompts, "", "query").default_task(), "retrieval.query");
  EXPECT_EQ(TaskTable(kAdapters, kPrompts, "none", "query").default_task(), "none");
  EXPECT_EQ(TaskTable(kAdapters, kPrompts, "").default_task(), "none");
  EXPECT_EQ(TaskTable({"text-matching"}, {}, "").default_task(), "text-matching");
  EXPECT_EQ(TaskTable({}, {}, "").default_task(), "none");
  EXPECT_EQ(TaskTable({}, {}, "text-matching").default_task(), "none");
}

TEST(TaskTable, AMistypedDefaultIsRefused) {
  EXPECT_EQ(error_of([] { TaskTable(kAdapters, kPrompts, "seperation"); }),
            "runtime.default_task: unknown task \"seperation\"; did you mean \"separation\"? This "
            "model has retrieval.query, separation, none");
  EXPECT_NE(error_of([] { TaskTable({}, {}, "nonsense!"); }), "")
      << "also of a model without tasks";
}

TEST(TaskTable, SeveralTasksMayShareAnAdapter) {
  const std::vector<std::string> adapters = {"clustering", "retrieval", "own"};
  const TaskTable table = TaskTable::over(
      adapter_tasks("jina-embeddings-v5", adapters),
      {{"retrieval.query", "Q: "}, {"retrieval.passage", "D: "}, {"query", "no task"}}, true, "",
      "");
  EXPECT_EQ(table.tasks().size(), 5u);  // text-matching and classification have no adapter here
  EXPECT_EQ(table.resolve("retrieval.query").adapter, 1);
  EXPECT_EQ(table.resolve("query").prompt, "Q: ");
  EXPECT_EQ(table.resolve("retrieval.passage").adapter, 1);
  EXPECT_EQ(table.resolve("retrieval.passage").prompt, "D: ");
  EXPECT_EQ(table.resolve("retrieval").adapter, 1);
  EXPECT_EQ(table.resolve("separation").adapter, 0);
  EXPECT_EQ(table.resolve("own").adapter, 2);
  EXPECT_EQ(table.default_task(), "none");
}

TEST(TaskTable, AdaptersOfSomebodyElseStandBesideTheModelsPrompts) {
  const TaskTable table = TaskTable::over(adapter_tasks("qwen3", {"legal"}),
                                          {{"query", "Q: "}, {"legal", "L: "}}, false, "", "query");
  EXPECT_EQ(table.tasks().size(), 2u);
  EXPECT_EQ(table.resolve("legal").adapter, 0);
  EXPECT_EQ(table.resolve("legal").prompt, "L: ");
  EXPECT_EQ(table.resolve("").prompt, "Q: ") << "the folder's default";
  EXPECT_EQ(table.resolve("query").adapter, -1);
  EXPECT_EQ(table.resolve("base").adapter, -1);
  EXPECT_EQ(table.resolve("base").prompt, "");
  EXPECT_NE(error_of([&] { table.resolve("poetry"); }), "");
}

TEST(TaskTable, BaseIsATaskOnlyBesideAdapters) {
  EXPECT_NE(error_of([] { TaskTable({}, {}, "").resolve("base"); }), "");
  const TaskTable own({"base", "other"}, {}, "");
  EXPECT_EQ(own.resolve("base").adapter, 0);
}

TEST(TaskTable, PromptsAloneAreTasksWithoutAdapters) {
  const TaskTable table({}, {{"query", "query: "}}, "query");
  EXPECT_EQ(table.resolve("").prompt, "query: ");
  EXPECT_EQ(table.resolve("").adapter, -1);
  EXPECT_EQ(table.tasks().size(), 1u);
}

// Every purpose by the names that APIs have for it, on a model that has them all.
TEST(FindTask, NamesOfOtherApis) {
  const ModelInfo model = model_with(TaskTable(
      {"retrieval.query", "retrieval.passage", "separation", "classification", "text-matching"}, {},
      ""));
  const std::pair<const char*, const char*> expected[] = {
      {"", ""},
      {"none", "none"},
      {"None", "none"},
      {"retrieval.query", "retrieval.query"},
      {"query", "retrieval.query"},
      {"search_query", "retrieval.query"},
      {"RETRIEVAL_QUERY", "retrieval.query"},
      {"QUESTION_ANSWERING", "retrieval.query"},
      {"Retrieval-query", "retrieval.query"},
      {"passage", "retrieval.passage"},
      {"document", "retrieval.passage"},
      {"corpus", "retrieval.passage"},
      {"search_document", "retrieval.passage"},
      {"RETRIEVAL_DOCUMENT", "retrieval.passage"},
      {"clustering", "separation"},
      {"CLASSIFICATION", "classification"},
      {"text_matching", "text-matching"},
      {"text matching", "text-matching"},
      {"similarity", "text-matching"},
      {"STS", "text-matching"},
      {"SEMANTIC_SIMILARITY", "text-matching"}};
  for (const auto& [name, task] : expected) EXPECT_EQ(find_task(model, name), task) << name;
  for (const char* unknown : {"retrieval", "retrieval.query ", "image", "\n", "no\xc3\xa9"}) {
    EXPECT_TRUE(error_of([&] { find_task(model, unknown); }).starts_with("unknown task \""));
  }
  EXPECT_LT(error_of([&] { find_task(model, std::string(100'000, 'x')); }).size(), 300u);
}

TEST(FindTask, AModelsOwnNameGoesBeforeAnAlias) {
  const ModelInfo model =
      model_with(TaskTable({}, {{"search_query", "s: "}, {"query", "q: "}, {"STS", "t: "}}, ""));
  EXPECT_EQ(find_task(model, "query"), "query");
  EXPECT_EQ(find_task(model, "search-query"), "search_query");
  EXPECT_EQ(find_task(model, "retrieval.query"), "search_query") << "the first of the purpose";
  EXPECT_EQ(find_task(model, "similarity"), "STS");
}

// The rule for a purpose that the model has no task for.
TEST(FindTask, PromptsMarkWhatTheyAreForAndNothingElse) {
  const ModelInfo bge = model_with(TaskTable({}, {{"query", "Find: "}}, ""));
  EXPECT_EQ(find_task(bge, "search_document"), "none");
  EXPECT_EQ(find_task(bge, "classification"), "none");
  const ModelInfo plain = model_with(TaskTable({}, {}, ""));
  EXPECT_EQ(find_task(plain, "query"), "none");
  EXPECT_EQ(find_task(plain, "classification"), "none");
  EXPECT_EQ(error_of([&] { find_task(plain, "made up"); }),
            "unknown task \"made up\"; this model has none");
}

TEST(FindTask, AdaptersAreNotLeftOutSilently) {
  const ModelInfo model = model_with(TaskTable(kAdapters, kPrompts, ""));
  EXPECT_EQ(error_of([&] { find_task(model, "classification"); }),
            "unknown task \"classification\"; this model has retrieval.query, separation, none");
}

TEST(FindPrompt, OnlyThoseThatTheModelHas) {
  const ModelInfo model = model_with(TaskTable({}, {{"query", "q: "}}, ""));
  EXPECT_EQ(find_prompt(model, "query"), "query");
  EXPECT_EQ(find_prompt(model, "search_query"), "query");
  EXPECT_EQ(find_prompt(model, "none"), "none");
  EXPECT_EQ(find_prompt(model, ""), "");
  EXPECT_EQ(error_of([&] { find_prompt(model, "passage"); }),
            "unknown prompt \"passage\"; this model has query, none");
  EXPECT_EQ(error_of([&] { find_prompt(model_with(TaskTable({}, {}, "")), "query"); }),
            "unknown prompt \"query\"; this model has none");
}

}  // namespace
}  // namespace nestvec
