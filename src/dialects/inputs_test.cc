// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "dialects/inputs.h"
#include "support/request_test.h"

namespace nestvec {
namespace {

using Texts = std::vector<std::string>;

EmbedCall read(const std::string& json) {
  const ModelInfo model = described_model();
  const JsonDocument document = JsonDocument::parse("{\"input\": " + json + "}", "test");
  EmbedCall call;
  read_inputs(document.root().members().at(0).second, "input", described_rules(model), call);
  return call;
}

std::string refusal(const std::string& json) {
  return refusal_of([&json] { read(json); });
}

TEST(Inputs, EveryFormThatClientsSend) {
  EXPECT_EQ(read(R"("a")").texts, Texts{"a"});
  EXPECT_EQ(read(R"(["a", "b"])").texts, (Texts{"a", "b"}));
  EXPECT_EQ(read("[65, 66]").texts, Texts{"AB"});
  EXPECT_EQ(read("[[65], [66, 67]]").texts, (Texts{"A", "BC"}));
  EXPECT_EQ(read(R"({"text": "a"})").texts, Texts{"a"});
  EXPECT_EQ(read(R"([{"text": "a", "image": null, "other": 1}, "b", [65]])").texts,
            (Texts{"a", "b", "A"}));
  EXPECT_EQ(read(R"(" ")").texts, Texts{" "});
  EXPECT_EQ(read("[[999], [65]]").texts, (Texts{"", "A"})) << "special tokens alone";
  EXPECT_EQ(read(R"("\ud800")").texts, Texts{"\xef\xbf\xbd"});
}

TEST(Inputs, TasksOfItems) {
  EXPECT_TRUE(read(R"([{"text": "a"}, "b"])").tasks.empty());
  EXPECT_TRUE(read(R"([{"text": "a", "task": null}, {"text": "b", "task": ""}])").tasks.empty());
  EXPECT_EQ(read(R"(["a", {"text": "b", "task": "query"}, "c", {"text": "d"}])").tasks,
            (Texts{"", "retrieval.query", "", ""}));
  EXPECT_EQ(refusal(R"(["a", {"text": "b", "task": "no"}])"),
            "422 input[1].task: unknown task no; this model has retrieval.query, "
            "retrieval.passage, separation, classification, text-matching, none");
}

TEST(Inputs, NothingToEmbedIsAnError) {
  for (const char* json : {"[]", R"("")", R"({"text": ""})"}) {
    EXPECT_EQ(refusal(json).substr(0, 11), "400 input: ") << json;
  }
  for (const char* json : {R"(["a", ""])", R"(["a", []])", R"(["a", {"text": ""}])"}) {
    EXPECT_EQ(refusal(json).substr(0, 14), "400 input[1]: ") << json;
  }
}

TEST(Inputs, WrongTypesNameTheItem) {
  for (const char* json : {"1", "null", "true", "1.5", "[1.5]", "[1, \"a\"]", "[1, -1]", "[1, [1]]",
                           "{}", R"({"text": 1})", "[4294967296]", "[1, 18446744073709551616]"}) {
    EXPECT_EQ(refusal(json).substr(0, 9), "400 input") << json;
  }
  for (const char* json :
       {"[\"a\", 1]", "[\"a\", null]", "[\"a\", true]", "[\"a\", [1.5]]", "[\"a\", [\"b\"]]",
        "[\"a\", [[1]]]", "[\"a\", {}]", R"(["a", {"text": ["b"]}])", R"(["a", {"image": "b"}])"}) {
    EXPECT_EQ(refusal(json).substr(0, 12), "400 input[1]") << json;
  }
}

TEST(Inputs, TokensOutsideTheVocabularyAreExplained) {
  const std::string message = refusal("[[65], [65, 1000]]");
  EXPECT_EQ(message.substr(0, 12), "400 input[1]");
  EXPECT_NE(message.find("token 1000 is not in the model's vocabulary of 1000"), std::string::npos);
}

TEST(Inputs, MoreThanTheServerTakes) {
  EXPECT_EQ(read(R"(["a", "a", "a", "a"])").texts.size(), 4u);
  EXPECT_EQ(refusal(R"(["a", "a", "a", "a", "a"])"),
            "400 input: input has 5 items, at most 4 are taken in a request");
  EXPECT_EQ(read("[65, 65, 65, 65, 65]").texts, Texts{"AAAAA"}) << "one input of five tokens";
}

TEST(ResolveTask, NamesAndAliases) {
  const ModelInfo model = described_model();
  const std::pair<const char*, const char*> expected[] = {
      {"", ""},
      {"none", "none"},
      {"retrieval.query", "retrieval.query"},
      {"query", "retrieval.query"},
      {"search_query", "retrieval.query"},
      {"RETRIEVAL_QUERY", "retrieval.query"},
      {"passage", "retrieval.passage"},
      {"document", "retrieval.passage"},
      {"search_document", "retrieval.passage"},
      {"retrieval_passage", "retrieval.passage"},
      {"RETRIEVAL_DOCUMENT", "retrieval.passage"},
      {"clustering", "separation"},
      {"CLASSIFICATION", "classification"},
      {"text_matching", "text-matching"},
      {"SEMANTIC_SIMILARITY", "text-matching"}};
  for (const auto& [alias, task] : expected) EXPECT_EQ(resolve_task(alias, model, "task"), task);
  for (const std::string unknown : {"retrieval", "quer", "retrieval.query ", "\n", "no\xc3\xa9"}) {
    EXPECT_EQ(refusal_of([&] { resolve_task(unknown, model, "task"); }).substr(0, 9), "422 task:");
  }
  const std::string long_name(100'000, 'x');
  EXPECT_LT(refusal_of([&] { resolve_task(long_name, model, "task"); }).size(), 400u);
}

TEST(ResolveTask, ModelsWithOtherNamesAndWithout) {
  ModelInfo model = described_model();
  model.tasks = {{"query", "query: "}, {"document", "passage: "}};
  EXPECT_EQ(resolve_task("search_query", model, "task"), "query");
  EXPECT_EQ(resolve_task("retrieval.passage", model, "task"), "document");
  EXPECT_EQ(refusal_of([&] { resolve_task("clustering", model, "task"); }),
            "422 task: unknown task clustering; this model has query, document, none");
  model.tasks.clear();
  EXPECT_EQ(resolve_task("search_query", model, "task"), "");
  EXPECT_EQ(resolve_task("clustering", model, "task"), "");
  EXPECT_EQ(refusal_of([&] { resolve_task("made-up", model, "task"); }),
            "422 task: unknown task made-up; this model has none");
}

TEST(ReadDimensions, WithinTheModels) {
  const ModelInfo model = described_model();
  const auto dimensions = [&model](const std::string& json) {
    const JsonDocument document = JsonDocument::parse(json, "body");
    return read_dimensions(document.root(), model, "dimensions");
  };
  EXPECT_EQ(dimensions("1"), 1u);
  EXPECT_EQ(dimensions("1024"), 1024u);
  for (const char* json : {"0", "-1", "1025", "9223372036854775807"}) {
    EXPECT_EQ(
        refusal_of([&] { dimensions(json); }),
        "400 dimensions: dimensions is " + std::string(json) + "; this model gives 1 to 1024");
  }
  for (const char* json : {"1.5", "\"256\"", "true", "[]", "18446744073709551615"}) {
    EXPECT_EQ(refusal_of([&] { dimensions(json); }).substr(0, 4), "400 ") << json;
  }
}

}  // namespace
}  // namespace nestvec
