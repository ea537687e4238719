// SPDX-License-Identifier: Apache-2.0
#include "dialects/cohere/cohere.h"

#include <gtest/gtest.h>

#include "support/test_rules.h"
#include "support/test_service.h"

namespace nestvec {
namespace {

class CohereRequest : public testing::Test {
 protected:
  CohereCall read(const std::string& json, int version = 2) const {
    const JsonDocument document = JsonDocument::parse(json, "body");
    return read_cohere(document.root(), version, made_up_.rules());
  }
  std::string refused(const std::string& json) const {
    const auto error = request_error([&] { read(json); });
    return error ? error->param() : "(nothing was thrown)";
  }

  TestRules made_up_;
};

TEST_F(CohereRequest, Defaults) {
  const CohereCall plain = read(R"({"model":"embed-v4.0","texts":["a","b"]})");
  EXPECT_EQ(plain.call.texts, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(plain.call.options.truncation, Truncation::kRight);
  EXPECT_EQ(plain.call.options.task, "");
  ASSERT_TRUE(plain.types);
  EXPECT_EQ(plain.types->dense, std::vector<EmbeddingFormat>{EmbeddingFormat::kFloat});
  EXPECT_FALSE(read(R"({"texts":["a"]})", 1).types);
  EXPECT_EQ(read(R"({"texts":["a"],"inputs":null,"images":null,"max_tokens":null})").call.texts,
            std::vector<std::string>{"a"});
}

TEST_F(CohereRequest, InputTypesAreTasks) {
  const auto task = [&](const std::string& type) {
    return read(R"({"texts":["a"],"input_type":")" + type + "\"}").call.options.task;
  };
  EXPECT_EQ(task("search_document"), "retrieval.passage");
  EXPECT_EQ(task("search_query"), "retrieval.query");
  EXPECT_EQ(read(R"({"texts":["a"],"model":"test-model:query"})").call.options.task,
            "retrieval.query");
  EXPECT_EQ(task("classification"), "classification");
  EXPECT_EQ(task("clustering"), "separation");
  EXPECT_EQ(refused(R"({"texts":["a"],"input_type":"image"})"), "input_type");
}

TEST_F(CohereRequest, Options) {
  const CohereCall call =
      read(R"({"texts":["a"],"truncate":"START","output_dimension":32,"max_tokens":128,)"
           R"("embedding_types":["float","ubinary","uint8"]})");
  EXPECT_EQ(call.call.options.truncation, Truncation::kLeft);
  EXPECT_EQ(call.call.options.dimensions, 32u);
  EXPECT_EQ(call.types.value_or(FormatChoice()).dense,
            (std::vector<EmbeddingFormat>{EmbeddingFormat::kFloat, EmbeddingFormat::kUbinary,
                                          EmbeddingFormat::kUint8}));
  EXPECT_EQ(read(R"({"texts":["a"],"truncate":"NONE"})").call.options.truncation,
            Truncation::kError);
  EXPECT_EQ(refused(R"({"texts":["a"],"truncate":"LEFT"})"), "truncate");
  EXPECT_EQ(refused(R"({"texts":["a"],"output_dimension":0})"), "output_dimension");
  EXPECT_EQ(refused(R"({"texts":["a"],"max_tokens":127})"), "max_tokens");
  EXPECT_EQ(refused(R"({"texts":["a"],"max_tokens":-1})"), "max_tokens");
  EXPECT_EQ(refused(R"({"texts":["a"],"max_tokens":1000.5})"), "max_tokens");
  EXPECT_EQ(read(R"({"texts":["a"],"max_tokens":1e16})").call.texts.size(), 1u);
  EXPECT_EQ(refused(R"({"texts":["a"],"embedding_types":["float16"]})").substr(0, 15),
            "embedding_types");
  EXPECT_EQ(refused(R"({"texts":["a"],"output_dimension":12,"embedding_types":["binary"]})"),
            "embedding_types");
}

TEST_F(CohereRequest, InputsOfContents) {
  EXPECT_EQ(
      read(R"({"inputs":[{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},)"
           R"({"content":[{"type":"text","text":"c"}]}]})")
          .call.texts,
      (std::vector<std::string>{"a\nb", "c"}));
  EXPECT_EQ(refused(R"({"inputs":[{"content":[{"type":"image_url","image_url":{}}]}]})"),
            "inputs[0].content[0]");
  EXPECT_EQ(refused(R"({"inputs":[{"content":[{"type":"text"}]}]})"), "text");
  EXPECT_EQ(refused(R"({"inputs":[{"content":[]}]})"), "inputs[0]");
  EXPECT_EQ(refused(R"({"inputs":["a"]})"), "inputs[0]");
  EXPECT_EQ(refused(R"({"inputs":[]})"), "inputs");
}

TEST_F(CohereRequest, NeedsTextsOfOneKind) {
  EXPECT_EQ(refused("{}"), "texts");
  for (const char* texts : {"", R"("texts":["a"],)"}) {
    EXPECT_EQ(refused("{" + std::string(texts) + R"("images":["data:image/png;base64,AA=="]})"),
              "images");
  }
  EXPECT_EQ(refused(R"({"texts":["a"],"dimensions":32})"), "dimensions");
  EXPECT_EQ(refused(R"({"texts":["a"],"inputs":[{"content":[{"type":"text","text":"c"}]}]})"),
            "texts");
  EXPECT_EQ(refused(R"({"texts":"a"})"), "texts");
  EXPECT_EQ(refused(R"({"texts":[]})"), "texts");
  EXPECT_EQ(refused(R"({"texts":[1,2]})"), "texts[0]");
  EXPECT_EQ(refused(R"({"texts":["a",""]})"), "texts[1]");
  EXPECT_EQ(refused(R"({"texts":["1","2","3","4","5","6","7","8","9"]})"), "texts");
}

TEST(CohereAnswer, ByType) {
  Embeddings rows;
  rows.rows = 2;
  rows.width = 8;
  rows.values = {1, -1, 1, -1, 1, -1, 1, -1, 0, 0, 0, 0, 0, 0, 0, -1};
  rows.tokens = {3, 4};
  const CohereAnswer answer{
      2,
      "id-1",
      {"a", "\"b\""},
      FormatChoice{.dense = {EmbeddingFormat::kFloat, EmbeddingFormat::kUbinary}}};
  Pace pace;
  EXPECT_EQ(render_cohere(answer, rows, pace),
            R"({"id":"id-1","embeddings":{"float":[[1,-1,1,-1,1,-1,1,-1],[0,0,0,0,0,0,0,-1]],)"
            R"("ubinary":[[170],[254]]},"texts":["a","\"b\""],)"
            R"("meta":{"api_version":{"version":"2"},"billed_units":{"input_tokens":7}},)"
            R"("response_type":"embeddings_by_type"})");
}

TEST(CohereAnswer, VersionOneIsAPlainList) {
  Embeddings rows;
  rows.rows = 1;
  rows.width = 2;
  rows.values = {1, 2};
  rows.tokens = {3};
  Pace pace;
  EXPECT_EQ(render_cohere({1, "id-1", {"a"}, std::nullopt}, rows, pace),
            R"({"id":"id-1","embeddings":[[1,2]],"texts":["a"],)"
            R"("meta":{"api_version":{"version":"1"},"billed_units":{"input_tokens":3}},)"
            R"("response_type":"embeddings_floats"})");
}

TEST_F(CohereRequest, OtherVectorsBesideDenseOnes) {
  const CohereCall call = read(R"({"texts":["a"],"embedding_types":["float","sparse"]})");
  EXPECT_TRUE(call.call.options.dense && call.call.options.sparse);
  EXPECT_FALSE(call.call.options.multi_vector);
  const CohereCall alone = read(R"({"texts":["a"],"embedding_types":["multivector"]})", 1);
  EXPECT_TRUE(alone.call.options.multi_vector);
  EXPECT_FALSE(alone.call.options.dense || alone.call.options.sparse);
  EXPECT_EQ(refused(R"({"texts":["a"],"embedding_types":["sparse"],"output_dimension":8})"),
            "output_dimension");
}

TEST(CohereAnswer, OtherVectorsAreTypesToo) {
  Embeddings rows;
  rows.rows = 2;
  rows.tokens = {3, 4};
  rows.sparse = {{0, 2, 2}, {5, 90}, {0.5F, 0.25F}};
  rows.multi = {2, {0, 1, 3}, {1, 0, 0, 1, -1, 0}};
  Pace pace;
  const CohereAnswer answer{
      2, "id-1", {"a", "b"}, FormatChoice{.sparse = true, .multi_vector = true}};
  const std::string text = render_cohere(answer, rows, pace);
  EXPECT_NE(text.find(R"("embeddings":{"sparse":[{"indices":[5,90],"values":[0.5,0.25]},)"
                      R"({"indices":[],"values":[]}],"multivector":[[[1,0]],[[0,1],[-1,0]]]})"),
            std::string::npos)
      << text;
}

TEST(CohereRoutes, Answer) {
  TestService test;
  const KeyStore keys;
  const Router router(test.service, keys, cohere_routes(test.service));
  const HttpResponse good =
      call(router, request_of("POST", "/v2/embed",
                              R"({"model":"m","texts":["a"],"input_type":"search_query"})"));
  ASSERT_EQ(good.status, 200) << good.body;
  const JsonDocument document = JsonDocument::parse(good.body, "answer");
  const JsonValue vector = document.root().at("embeddings").at("float").elements().at(0);
  EmbedOptions query;
  query.task = "retrieval.query";
  EXPECT_EQ(static_cast<float>(vector.elements().at(3).number()),
            test_model().predict("a", query)[3]);
  const HttpResponse bad = call(router, request_of("POST", "/v2/embed", R"({"texts":[""]})"));
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(bad.body.find("{\"message\":\""), 0u) << bad.body;
}

}  // namespace
}  // namespace nestvec
