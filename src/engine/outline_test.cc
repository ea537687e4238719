// SPDX-License-Identifier: Apache-2.0
// What the small files say of tasks and prompts, without weights.
#include "engine/outline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "nestvec/tasks.h"
#include "support/error_of.h"
#include "support/model_copy_test.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSentence = "config_sentence_transformers.json";

class OutlineTest : public ModelCopyTest {
 protected:
  // The weights are taken away: nothing here may read them.
  ModelConfig config_of(const std::string& model) {
    copy_of(model);
    for (const auto& entry : fs::directory_iterator(folder_)) {
      if (entry.path().extension() == ".safetensors") write(entry.path(), "");
    }
    ModelConfig config;
    config.checkpoints.repo_id = folder_.string();
    return config;
  }

  ModelInfo outline(const ModelConfig& config) {
    notes_.clear();
    const Outline outline =
        read_outline(config, [this](std::string_view line) { notes_.append(line); });
    return outline.info;
  }

  static std::map<std::string, std::string> prompts(const ModelInfo& info) {
    std::map<std::string, std::string> prompts;
    for (const TaskInfo& task : info.tasks) prompts[task.name] = task.prompt;
    return prompts;
  }

  std::string refusal(const ModelConfig& config) {
    return error_of([&] { outline(config); });
  }

  // Says in config.json which model the copy was made from.
  void name_model(const std::string& id) {
    std::string text = read(folder_ / "config.json");
    text.insert(text.rfind('}'), ", \"_name_or_path\": \"" + id + "\"");
    write(folder_ / "config.json", text);
  }

  std::string notes_;
};

using Map = std::map<std::string, std::string>;

TEST_F(OutlineTest, TasksAndSizesAreInSmallFiles) {
  const ModelInfo info = outline(config_of("v3-tiny"));
  EXPECT_EQ(info.dimensions, 64u);
  EXPECT_EQ(info.tasks.size(), 5u);
  EXPECT_TRUE(std::ranges::all_of(info.tasks, &TaskInfo::adapter));
  EXPECT_EQ(info.default_task, "text-matching");
  EXPECT_EQ(info.prompts_source, "model folder");
  EXPECT_EQ(info.folder, folder_.string());
  EXPECT_EQ(outline(config_of("bert-tiny")).tasks.size(), 0u);
}

TEST_F(OutlineTest, TheFoldersDefaultPromptIsTheDefaultTask) {
  ModelConfig config = config_of("bert-tiny");
  write(folder_ / kSentence,
        R"({"prompts": {"query": "query: ", "passage": "p: "}, "default_prompt_name": "query"})");
  EXPECT_EQ(outline(config).default_task, "query");
  config.runtime.default_task = "document";
  EXPECT_EQ(outline(config).default_task, "passage") << "the user's choice goes before it";
  config.runtime.default_task = "none";
  EXPECT_EQ(outline(config).default_task, "none");
  config.runtime.default_task = "";
  write(folder_ / kSentence, R"({"prompts": {"query": "q"}, "default_prompt_name": null})");
  EXPECT_EQ(outline(config).default_task, "none");
}

TEST_F(OutlineTest, ADefaultPromptThatIsNotThereIsRefused) {
  ModelConfig config = config_of("bert-tiny");
  write(folder_ / kSentence, R"({"prompts": {"query": "q"}, "default_prompt_name": "ask"})");
  EXPECT_EQ(refusal(config),
            "config_sentence_transformers.json: default_prompt_name \"ask\" is not among its "
            "prompts; add that prompt, or set runtime.default_task");
  config.runtime.default_task = "query";
  EXPECT_EQ(refusal(config), "");
}

TEST_F(OutlineTest, ConfiguredPromptsGoBeforeTheFoldersOwn) {
  ModelConfig config = config_of("bert-tiny");
  write(folder_ / kSentence, R"({"prompts": {"query": "old: ", "sts": "s: "}})");
  config.runtime.prompts = {{"search_query", "new: "}, {"passage", "p: "}};
  ModelInfo info = outline(config);
  EXPECT_EQ(prompts(info), (Map{{"query", "new: "}, {"sts", "s: "}, {"passage", "p: "}}));
  EXPECT_EQ(info.prompts_source, "model folder, configuration");
  config.runtime.query_prompt = "q: ";
  config.runtime.document_prompt = "d: ";
  info = outline(config);
  EXPECT_EQ(prompts(info), (Map{{"query", "q: "}, {"sts", "s: "}, {"passage", "d: "}}));
}

TEST_F(OutlineTest, AModelWithoutPromptsGetsTheConfiguredOnes) {
  ModelConfig config = config_of("bert-tiny");
  config.runtime.query_prompt = "q: ";
  const ModelInfo info = outline(config);
  EXPECT_EQ(prompts(info), (Map{{"query", "q: "}}));
  EXPECT_EQ(info.prompts_source, "configuration");
  EXPECT_EQ(info.default_task, "none") << "only texts that name the task";
}

TEST_F(OutlineTest, AnAdaptersPromptCanBeReplacedAndNoneAdded) {
  ModelConfig config = config_of("v3-tiny");
  config.runtime.prompts = {{"query", "Q: "}};
  EXPECT_EQ(prompts(outline(config)).at("retrieval.query"), "Q: ");
  config.runtime.prompts = {{"poetry", "P: "}};
  EXPECT_EQ(refusal(config), "runtime.prompts: the model has adapters, and none for \"poetry\"");
}

TEST_F(OutlineTest, AWellKnownModelHasItsPromptsBuiltIn) {
  ModelConfig config = config_of("xlmr-tiny");
  name_model("intfloat/multilingual-e5-small");
  ModelInfo info = outline(config);
  EXPECT_EQ(find_task(info, "retrieval.passage"), "passage");
  EXPECT_EQ(prompts(info).at("passage"), "passage: ");
  EXPECT_EQ(prompts(info).at(find_task(info, "text-matching")), "query: ");
  EXPECT_EQ(info.default_task, "none") << "texts may have their prefix already";
  EXPECT_EQ(info.prompts_source, "built in for intfloat/multilingual-e5-small");
  EXPECT_NE(notes_.find("intfloat/multilingual-e5-small"), std::string::npos);
  EXPECT_NE(notes_.find("runtime.builtin_prompts: false"), std::string::npos);
  config.runtime.builtin_prompts = false;
  info = outline(config);
  EXPECT_EQ(info.tasks.size(), 0u);
  EXPECT_EQ(notes_, "");
}

TEST_F(OutlineTest, StoredPromptsGoBeforeThoseBuiltIn) {
  const ModelConfig config = config_of("xlmr-tiny");
  name_model("intfloat/multilingual-e5-small");
  write(folder_ / kSentence, R"({"prompts": {"query": "ask: ", "document": ""}})");
  EXPECT_EQ(prompts(outline(config)), (Map{{"query", "ask: "}, {"document", ""}}));
  EXPECT_EQ(notes_, "");
  // What sentence-transformers writes where nobody gave prompts, also for a model that was trained
  // on: only a name of the folder itself tells which it is.
  write(folder_ / kSentence, R"({"prompts": {"query": "", "document": ""}})");
  EXPECT_EQ(prompts(outline(config)).at("query"), "");
  const fs::path named = root_ / "intfloat" / "multilingual-e5-small";
  fs::create_directories(named.parent_path());
  fs::rename(folder_, named);
  ModelConfig moved = config;
  moved.checkpoints.repo_id = named.string();
  EXPECT_EQ(prompts(outline(moved)).at("query"), "query: ");
}

TEST_F(OutlineTest, AMistypedDefaultTaskIsSeenBeforeWeights) {
  ModelConfig config = config_of("v3-tiny");
  config.runtime.default_task = "retrieval.qurey";
  EXPECT_EQ(refusal(config),
            "runtime.default_task: unknown task \"retrieval.qurey\"; did you mean "
            "\"retrieval.query\"? This model has retrieval.query, retrieval.passage, separation, "
            "classification, text-matching, none");
}

}  // namespace
}  // namespace nestvec
