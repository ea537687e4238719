// SPDX-License-Identifier: Apache-2.0
#include "engine/builtin_prompts.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "base/embedded_file.h"
#include "base/json.h"
#include "engine/task_names.h"

namespace nestvec {

std::span<const EmbeddedFile> builtin_prompt_files();

namespace {

std::string model_of(const std::vector<std::string>& names) {
  const auto found = builtin_prompts(names);
  return found ? found->model : "";
}

TEST(BuiltinPrompts, AModelIsKnownByEachOfItsNames) {
  const std::string e5 = "intfloat/multilingual-e5-small";
  EXPECT_EQ(model_of({e5}), e5);
  EXPECT_EQ(model_of({"Intfloat/Multilingual-E5-Small@main"}), e5);
  EXPECT_EQ(model_of({"/models/intfloat/multilingual-e5-small/"}), e5);
  EXPECT_EQ(model_of({"/c/hub/models--intfloat--multilingual-e5-small/snapshots/0123abc"}), e5);
  EXPECT_EQ(model_of({"", "./model", e5}), e5);
  EXPECT_EQ(model_of({"BAAI/bge-small-en-v1.5", e5}), "BAAI/bge-small-en-v1.5") << "the first";
}

TEST(BuiltinPrompts, OthersAreNotGuessed) {
  for (const char* name :
       {"", "/", "multilingual-e5-small", "someone/multilingual-e5-small", "/intfloat", "intfloat/",
        "intfloat/multilingual-e5-small/onnx", "models--intfloat", "BAAI/bge-m3"}) {
    EXPECT_EQ(model_of({name}), "") << name;
  }
}

TEST(BuiltinPrompts, GoBeforeTheTextsOfTheirTasks) {
  const std::vector<std::string> names = {"BAAI/bge-large-zh-v1.5"};
  const auto found = builtin_prompts(names);
  ASSERT_TRUE(found);
  const Prompts expected = {{"query",
                             "\u4e3a\u8fd9\u4e2a\u53e5\u5b50\u751f\u6210\u8868"
                             "\u793a\u4ee5\u7528\u4e8e\u68c0\u7d22\u76f8\u5173\u6587\u7ae0\uff1a"}};
  EXPECT_EQ(found->prompts, expected);
}

TEST(BuiltinPrompts, EachEntryHasASourceAndPurposes) {
  const JsonDocument document = JsonDocument::parse(builtin_prompt_files()[0].body, "prompts");
  std::map<std::string, int> seen;
  for (const JsonValue& model : document.root().at("models").elements()) {
    EXPECT_TRUE(model.at("source").string().starts_with("https://"));
    for (const JsonValue& id : model.at("ids").elements()) ++seen[std::string(id.string())];
    for (const auto& [name, prompt] : model.at("prompts").members()) {
      EXPECT_FALSE(prompt.string().empty());
      EXPECT_NO_THROW(task_for({}, name)) << "every door knows the purpose: " << name;
    }
  }
  EXPECT_GT(seen.size(), 20u);
  for (const auto& [id, count] : seen) EXPECT_EQ(count, 1) << id;
}

}  // namespace
}  // namespace nestvec
