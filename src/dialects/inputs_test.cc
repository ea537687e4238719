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
            "422 input[1].task: unknown task \"no\"; did you mean \"none\"? This model has "
            "retrieval.query, retrieval.passage, separation, classification, text-matching, none");
}

TEST(Inputs, ItemsWithWhatIsNotDoneAreRefused) {
  for (const char* member :
       {R"("image":"x")", R"("dimensions":3)", R"("prompt":"q: ")", R"("prompt_name":"query")"}) {
    const std::string text(member);
    const std::string name = text.substr(1, text.find('"', 1) - 1);
    EXPECT_TRUE(refusal(R"(["a",{"text":"a",)" + text + "}]").starts_with("400 input[1]." + name))
        << refusal(R"(["a",{"text":"a",)" + text + "}]");
  }
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
            "400 input: input has 5 items, at most 4 are accepted in a request");
  EXPECT_EQ(read("[65, 65, 65, 65, 65]").texts, Texts{"AAAAA"}) << "one input of five tokens";
}

TEST(Inputs, TokenIdsAreTakenWhereTheRouteTakesThem) {
  const ModelInfo model = described_model();
  InputRules rules = described_rules(model);
  rules.token_ids = false;
  const auto refused = [&](const std::string& json) {
    return refusal_of([&] {
      const JsonDocument document = JsonDocument::parse("{\"input\": " + json + "}", "test");
      EmbedCall call;
      read_inputs(document.root().at("input"), "input", rules, call);
    });
  };
  const std::string flat = refused("[65, 66]");
  EXPECT_EQ(flat.substr(0, 38), "400 input: input: token ids are not ac");
  EXPECT_NE(flat.find("check_embedding_ctx_length=False"), std::string::npos);
  EXPECT_NE(flat.find("server.token_ids: accept"), std::string::npos);
  EXPECT_EQ(refused("[[65], [66]]").substr(0, 13), "400 input[0]:");
  EXPECT_EQ(refused(R"(["a", [65]])").substr(0, 13), "400 input[1]:");
  EXPECT_EQ(refused(R"(["a", "b"])"), "no error");
}

// The names themselves: engine/tasks_test.cc.
TEST(ResolveTask, RefusalsNameTheMember) {
  const ModelInfo model = described_model();
  EXPECT_EQ(resolve_task("search_query", model, "task"), "retrieval.query");
  EXPECT_EQ(resolve_task("", model, "task"), "");
  EXPECT_EQ(refusal_of([&] { resolve_task("made-up", model, "input_type"); }).substr(0, 25),
            "422 input_type: unknown t");
  EXPECT_EQ(refusal_of([&] { resolve_prompt("made-up", model, "prompt_name"); }).substr(0, 28),
            "422 prompt_name: unknown pro");
}

TEST(WithPromptName, MeansTheTaskOfThePrompt) {
  const ModelInfo model = described_model();
  const auto task = [&model](const std::string& json, const std::string& named) {
    const JsonDocument document = JsonDocument::parse(json, "body");
    return with_prompt_name(named, document.root(), model);
  };
  EXPECT_EQ(task("{}", "separation"), "separation");
  EXPECT_EQ(task(R"({"prompt_name": null})", ""), "");
  EXPECT_EQ(task(R"({"prompt_name": "query"})", ""), "retrieval.query");
  EXPECT_EQ(task(R"({"prompt_name": "query"})", "retrieval.query"), "retrieval.query");
  EXPECT_EQ(refusal_of([&] { task(R"({"prompt_name": "query"})", "separation"); }).substr(0, 16),
            "422 prompt_name:");
  ModelInfo plain = described_model();
  plain.tasks.clear();
  const JsonDocument body = JsonDocument::parse(R"({"prompt_name": "query"})", "body");
  EXPECT_EQ(refusal_of([&] { with_prompt_name("", body.root(), plain); }),
            "422 prompt_name: unknown prompt \"query\"; this model has none");
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
