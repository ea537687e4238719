// SPDX-License-Identifier: Apache-2.0
#include "dialects/tei/tei.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/json.h"
#include "support/test_service.h"

namespace nestvec {
namespace {

class Tei : public testing::Test {
 protected:
  HttpResponse post(const std::string& path, const std::string& body, Headers headers = {}) const {
    return call(router_, request_of("POST", path, body, std::move(headers)));
  }
  // The answer to a request that must succeed.
  JsonDocument good(const std::string& path, const std::string& body) const {
    const HttpResponse response = post(path, body);
    EXPECT_EQ(response.status, 200) << path << " " << body << " " << response.body;
    return JsonDocument::parse(response.body, path);
  }
  std::string metrics_line(const std::string& name) const {
    const std::string text = "\n" + test_.metrics.text();
    const std::size_t at = text.find("\n" + name + " ");
    if (at == std::string::npos) return "";
    return text.substr(at + name.size() + 2, text.find('\n', at + 1) - at - name.size() - 2);
  }

  static std::vector<float> floats(const JsonValue& row) {
    std::vector<float> values;
    for (const JsonValue& value : row.elements()) {
      values.push_back(static_cast<float>(value.number()));
    }
    return values;
  }

  TestService test_;
  KeyStore keys_;
  Router router_{test_.service, keys_, tei_routes(test_.service)};
};

TEST_F(Tei, EmbedGivesTheModelsVectors) {
  const std::vector<std::string> texts = {"Hello, world!", "a"};
  EmbedOptions query;
  query.task = "retrieval.query";
  query.dimensions = 32;
  const Embeddings expected = test_model().predict(texts, query);
  for (const char* path : {"/embed", "/", "/invocations"}) {
    const JsonDocument answer =
        good(path, R"({"inputs":["Hello, world!","a"],"prompt_name":"query","dimensions":32})");
    ASSERT_EQ(answer.root().size(), 2u);
    for (std::size_t i = 0; i < 2; ++i) {
      const auto row = expected.row(i);
      EXPECT_EQ(floats(answer.root().elements()[i]), std::vector<float>(row.begin(), row.end()));
    }
  }
  // A single input is nested, too.
  const JsonDocument one = good("/embed", R"({"inputs":"a"})");
  EXPECT_EQ(one.root().elements().at(0).size(), 64u);
  EmbedOptions raw;
  raw.normalize = false;
  const JsonDocument unscaled = good("/embed", R"({"inputs":"a","normalize":false})");
  EXPECT_EQ(floats(unscaled.root().elements().at(0)), test_model().predict("a", raw));
}

TEST_F(Tei, AnswersTellWhatTheyTook) {
  const HttpResponse response = post("/embed", "{\"inputs\":[\"h\xC3\xA9\",\"a\"]}");
  EXPECT_EQ(header_of(response, "x-compute-type"), "cpu+optimized");
  EXPECT_EQ(header_of(response, "x-compute-characters"), "3");
  EXPECT_GT(std::stoi(header_of(response, "x-compute-tokens")), 5);
  for (const char* name : {"x-compute-time", "x-total-time", "x-tokenization-time", "x-queue-time",
                           "x-inference-time"}) {
    EXPECT_NE(header_of(response, name), "") << name;
  }
  EXPECT_EQ(metrics_line("te_request_count{method=\"batch\"}"), "1");
  EXPECT_EQ(metrics_line("te_request_success{method=\"batch\"}"), "1");
  EXPECT_EQ(metrics_line("te_embed_success"), "2");
}

TEST_F(Tei, EmbedAllGivesTokenVectors) {
  const JsonDocument answer = good("/embed_all", R"({"inputs":["Hello, world!","a"]})");
  ASSERT_EQ(answer.root().size(), 2u);
  const TokenEmbeddings expected = test_model().tokenize_and_embed("Hello, world!");
  const std::vector<JsonValue> rows = answer.root().elements().at(0).elements();
  ASSERT_EQ(rows.size(), expected.tokens);
  std::vector<float> values;
  for (const JsonValue& row : rows) {
    const std::vector<float> part = floats(row);
    values.insert(values.end(), part.begin(), part.end());
  }
  EXPECT_EQ(values, expected.values);
  EXPECT_EQ(metrics_line("te_embed_success"), "2");
}

TEST_F(Tei, SimilarityIsTheCosine) {
  const JsonDocument answer = good(
      "/similarity", R"({"inputs":{"source_sentence":"a cat","sentences":["a cat","a dog"]}})");
  const std::vector<float> values = floats(answer.root());
  ASSERT_EQ(values.size(), 2u);
  EXPECT_NEAR(values[0], 1, 1e-6);
  const std::vector<float> cat = test_model().predict("a cat");
  const std::vector<float> dog = test_model().predict("a dog");
  double product = 0;
  for (std::size_t i = 0; i < cat.size(); ++i) product += double{cat[i]} * dog[i];
  EXPECT_NEAR(values[1], product, 1e-6);
}

TEST_F(Tei, TokenizeAndDecodeAreInverse) {
  const JsonDocument answer = good("/tokenize", "{\"inputs\":[\"h\xC3\xA9 you\"]}");
  const std::vector<JsonValue> tokens = answer.root().elements().at(0).elements();
  ASSERT_GT(tokens.size(), 2u);
  EXPECT_TRUE(tokens.front().at("special").boolean());
  EXPECT_EQ(tokens.front().find("start"), std::nullopt);
  EXPECT_FALSE(tokens[1].at("special").boolean());
  EXPECT_EQ(tokens[tokens.size() - 2].at("stop").integer(), 7);
  std::string ids = "{\"ids\":[";
  for (const JsonValue& token : tokens) ids += std::to_string(token.at("id").integer()) + ",";
  ids.back() = ']';
  const JsonDocument decoded = good("/decode", ids + "}");
  EXPECT_EQ(decoded.root().elements().at(0).string(), "h\xC3\xA9 you");
  const JsonDocument bare = good("/tokenize", R"({"inputs":"a","add_special_tokens":false})");
  for (const JsonValue& token : bare.root().elements().at(0).elements()) {
    EXPECT_FALSE(token.at("special").boolean());
  }
  EXPECT_EQ(post("/decode", R"({"ids":[4000000]})").status, 422);
}

TEST_F(Tei, OpenAiRoute) {
  const JsonDocument answer = good("/embeddings", R"({"input":"a","model":"x"})");
  EXPECT_EQ(floats(answer.root().at("data").elements().at(0).at("embedding")),
            test_model().predict("a"));
  const JsonDocument list = good("/embeddings", R"({"input":["a"]})");
  EXPECT_EQ(list.root().at("data").size(), 1u);
  EXPECT_EQ(metrics_line("te_request_success{method=\"single\"}"), "1");
  EXPECT_EQ(metrics_line("te_request_success{method=\"batch\"}"), "1");
  const HttpResponse bad = post("/embeddings", R"({"input":[]})");
  EXPECT_EQ(bad.status, 400);
  EXPECT_NE(bad.body.find(R"("code":400,"type":"Empty")"), std::string::npos) << bad.body;
}

TEST_F(Tei, Vertex) {
  const JsonDocument answer =
      good("/vertex", R"({"instances":[{"inputs":"a"},{"inputs":["a","b"],"dimensions":32}]})");
  const std::vector<JsonValue> predictions = answer.root().at("predictions").elements();
  ASSERT_EQ(predictions.size(), 2u);
  EXPECT_EQ(floats(predictions[0].elements().at(0)), test_model().predict("a"));
  EXPECT_EQ(predictions[1].size(), 2u);
  EXPECT_EQ(predictions[1].elements().at(1).size(), 32u);
  EXPECT_EQ(metrics_line("te_request_success{method=\"single\"}"), "1");
  EXPECT_EQ(metrics_line("te_request_success{method=\"batch\"}"), "1");
  EXPECT_EQ(metrics_line("te_request_duration_count"), "2");
  EXPECT_EQ(metrics_line("te_embed_success"), "3");
  EXPECT_EQ(post("/vertex", R"({"instances":[]})").status, 400);
  EXPECT_EQ(post("/vertex", R"({"instances":[{"inputs":"a"},{"inputs":1}]})").status, 422);
}

TEST_F(Tei, LongTextsAreCutOrRefused) {
  test_.options.max_inputs = 2;
  std::string words = "word";
  for (std::size_t i = 0; i < test_model().info().max_tokens; ++i) words += " word";
  const HttpResponse cut = post("/embed", "{\"inputs\":[\"a\",\"" + words + "\"]}");
  EXPECT_EQ(cut.status, 200);
  EXPECT_EQ(header_of(cut, "x-truncated-inputs"), "1");
  const HttpResponse refused =
      post("/embed", "{\"inputs\":[\"a\",\"" + words + "\"],\"truncate\":false}");
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(metrics_line("te_request_failure{err=\"tokenization\"}"), "1");
  EXPECT_NE(refused.body.find(R"("error_type":"Validation","param":"inputs[1]")"),
            std::string::npos)
      << refused.body;
  const HttpResponse tokens =
      post("/embed_all", "{\"inputs\":[\"a\",\"" + words + "\"],\"truncate\":false}");
  EXPECT_EQ(tokens.status, 422);
  EXPECT_NE(tokens.body.find("inputs[1]"), std::string::npos) << tokens.body;
}

TEST_F(Tei, FailuresHaveTeisFormAndAreCounted) {
  test_.options.max_inputs = 2;
  EXPECT_EQ(post("/embed", R"({"inputs":""})").body,
            R"({"error":"`inputs` cannot be empty","error_type":"Empty","param":"inputs"})");
  EXPECT_EQ(post("/embed", R"({"inputs":["a","b","c"]})").status, 422);
  EXPECT_EQ(metrics_line("te_request_failure{err=\"batch_size\"}"), "1");
  EXPECT_EQ(metrics_line("te_request_failure{err=\"tokenization\"}"), "1");
  EXPECT_EQ(post("/embed", R"({"inputs":[]})").status, 400);
  EXPECT_EQ(metrics_line("te_request_failure{err=\"validation\"}"), "1");
  EXPECT_EQ(metrics_line("te_request_count{method=\"batch\"}"), "2");
  EXPECT_EQ(metrics_line("te_embed_count"), "0");
  // What is no JSON is told from JSON that is not wanted; neither is counted.
  for (const char* malformed : {"", "{", "inputs=a", R"({"inputs":"a"}})", R"({"inputs":.5})"}) {
    EXPECT_EQ(post("/embed", malformed).status, 400) << malformed;
    EXPECT_EQ(post("/embeddings", malformed).status, 400) << malformed;
  }
  for (const char* unwanted : {"[]", "1", "{}", R"({"inputs":1})", R"({"inputs":["a",null]})"}) {
    EXPECT_EQ(post("/embed", unwanted).status, 422) << unwanted;
  }
  EXPECT_EQ(metrics_line("te_request_failure{err=\"validation\"}"), "1");
  EXPECT_EQ(post("/embed", "inputs=a", {{"content-type", "text/plain"}}).status, 415);
  EXPECT_EQ(post("/embed", R"({"inputs":"a"})", {{"content-type", "text/plain"}}).status, 200);
  const HttpResponse missing = post("/rerank", "{}");
  EXPECT_EQ(missing.status, 424);
  EXPECT_NE(missing.body.find("model is not a re-ranker model: v3-tiny is a text-embedding model"),
            std::string::npos);
  EXPECT_NE(missing.body.find(R"("error_type":"Backend")"), std::string::npos);
  EXPECT_EQ(metrics_line("te_request_failure{err=\"model_type\"}"), "1");
  EXPECT_EQ(post("/predict", R"({"inputs":"a"})").status, 424);
  EXPECT_EQ(post("/embed_sparse", R"({"inputs":"a"})").status, 424);
  EXPECT_EQ(metrics_line("te_request_failure{err=\"model_type\"}"), "3");
}

TEST_F(Tei, DocumentsAtRerankAreForOthers) {
  const std::string vllm = post("/rerank", R"({"query":"q","documents":["a"],"model":"m"})").body;
  EXPECT_NE(vllm.find(R"({"error":{"message":"model is not a re-ranker)"), std::string::npos);
  const std::string weaviate = post("/rerank", R"({"query":"q","documents":["a"]})").body;
  EXPECT_NE(weaviate.find(R"({"error":"model is not a re-ranker)"), std::string::npos);
}

TEST_F(Tei, ATextThatIsTooLongIs422UnlessConfigured) {
  std::string text;
  for (std::size_t i = 0; i < kTestTokens; ++i) text += "a b ";
  const std::string body = R"({"inputs":")" + text + R"(","truncate":false})";
  EXPECT_EQ(post("/embed", body).status, 422);
  for (const auto& [configured, status] : {std::pair{"400", 400}, {"413", 413}, {"422", 422}}) {
    test_.options.overlong_status = configured;
    const HttpResponse response = post("/embed", body);
    EXPECT_EQ(response.status, status);
    EXPECT_NE(response.body.find(R"("error_type":"Validation")"), std::string::npos);
  }
  const std::string unsaid = R"({"inputs":")" + text + R"("})";
  EXPECT_EQ(post("/embed", unsaid).status, 200);
  const auto info = [this] { return call(router_, request_of("GET", "/info")).body; };
  EXPECT_NE(info().find("\"auto_truncate\":true"), std::string::npos);
  test_.options.overlong = "refuse";
  EXPECT_NE(info().find("\"auto_truncate\":false"), std::string::npos);
  EXPECT_EQ(post("/embed", unsaid).status, 422);
  EXPECT_EQ(
      post("/similarity", R"({"inputs":{"source_sentence":")" + text + R"(","sentences":["a"]}})")
          .status,
      422);
  EXPECT_EQ(post("/embed", R"({"inputs":")" + text + R"(","truncate":true})").status, 200);
}

TEST_F(Tei, OptionsMayBeInAnObjectOfTheirOwn) {
  const JsonDocument nested =
      good("/embed", R"({"inputs":"a","parameters":{"dimensions":32,"prompt_name":"query"}})");
  const JsonDocument flat =
      good("/embed", R"({"inputs":"a","dimensions":32,"prompt_name":"query"})");
  EXPECT_EQ(floats(nested.root().elements()[0]), floats(flat.root().elements()[0]));
  const JsonDocument mixed =
      good("/embed", R"({"inputs":"a","dimensions":32,"parameters":{"prompt_name":"query"}})");
  EXPECT_EQ(floats(mixed.root().elements()[0]), floats(flat.root().elements()[0]));
  EXPECT_EQ(post("/embed", R"({"inputs":"a","parameters":[]})").status, 422);
}

TEST_F(Tei, WhatWouldChangeTheVectorIsDoneOrRefused) {
  for (const char* member :
       {R"("prompt":"q: ")", R"("pooling":"cls")", R"("encoding_format":"base64")",
        R"("add_special_tokens":false)", R"("truncate_prompt_tokens":4)", R"("dims":32)",
        R"("normalize_embeddings":false)", R"("late_chunking":true)"}) {
    const std::string text(member);
    EXPECT_EQ(post("/embed", R"({"inputs":"a",)" + text + "}").status, 422) << text;
    EXPECT_EQ(post("/embed", R"({"inputs":"a","parameters":{)" + text + "}}").status, 422) << text;
  }
  for (const char* member : {R"("encoding_format":"float")", R"("pooling":"mean")",
                             R"("truncate_prompt_tokens":-1)", R"("user":"u")"}) {
    EXPECT_EQ(post("/embed", R"({"inputs":"a",)" + std::string(member) + "}").status, 200);
  }
  EXPECT_EQ(post("/embed_all", R"({"inputs":"a","parameters":{"normalize":true}})").status, 422);
}

TEST_F(Tei, TheRootTellsSimilarityFromEmbedding) {
  const std::string body = R"({"inputs":{"source_sentence":"a","sentences":["a","b"]}})";
  EXPECT_EQ(post("/", body).body, post("/similarity", body).body);
  EXPECT_EQ(post("/embed", body).status, 422);
}

TEST_F(Tei, WhatVectorsOfTokensCannotBeIsRefused) {
  EXPECT_EQ(post("/embed_all", R"({"inputs":"a","dimensions":32})").status, 422);
  EXPECT_EQ(post("/embed_all", R"({"inputs":"a","normalize":true})").status, 422);
  EXPECT_EQ(post("/embed_all", R"({"inputs":"a","normalize":false,"dimensions":null})").status,
            200);
}

TEST_F(Tei, ContentInsteadOfInputIsForLlamaCpp) {
  const JsonDocument answer = good("/embeddings", R"({"content":"a"})");
  EXPECT_EQ(answer.root().elements().at(0).at("embedding").size(), 1u) << "a list of vectors";
}

}  // namespace
}  // namespace nestvec
