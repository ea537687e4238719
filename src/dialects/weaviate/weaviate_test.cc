// SPDX-License-Identifier: Apache-2.0
#include "dialects/weaviate/weaviate.h"

#include <gtest/gtest.h>

#include "support/test_rules.h"
#include "support/test_service.h"

namespace nestvec {
namespace {

EmbedCall read_vector_request(const std::string& json) {
  const TestRules made_up;
  const JsonDocument document = JsonDocument::parse(json, "body");
  return read_weaviate(document.root(), made_up.rules());
}

TEST(Weaviate, ReadsTheConfig) {
  const EmbedCall call = read_vector_request(
      R"({"text":"a","dims":0,"vector":null,"error":"","config":{"pooling_strategy":"masked_mean",)"
      R"("task_type":"query","dimensions":32}})");
  EXPECT_EQ(call.texts, std::vector<std::string>{"a"});
  EXPECT_EQ(call.options.task, "retrieval.query");
  EXPECT_EQ(call.options.dimensions, 32u);
  EXPECT_EQ(read_vector_request(R"({"text":"a"})").options.task, "");
  EXPECT_EQ(read_vector_request(R"({"text":"a","config":{"dimensions":0}})").options.dimensions,
            0u);
  EXPECT_EQ(read_vector_request(R"({"text":"a","config":null})").texts.size(), 1u);
  for (const auto& [body, param] :
       {std::pair{R"({})", "text"},
        {R"({"text":["a"]})", "text"},
        {R"({"texts":[]})", "texts"},
        {R"({"texts":["a",""]})", "texts[1]"},
        {R"({"text":"a","config":1})", "config"},
        {R"({"text":"a","config":{"pooling_strategy":"cls"}})", "config.pooling_strategy"},
        {R"({"text":"a","config":{"dimensions":65}})", "config.dimensions"}}) {
    const auto error = request_error([&] { read_vector_request(body); });
    ASSERT_TRUE(error) << body;
    EXPECT_EQ(error->param(), param) << body;
  }
}

TEST(Weaviate, AnswersAsItsContainer) {
  TestService test;
  const KeyStore keys;
  const Router router(test.service, keys, weaviate_routes(test.service));
  const HttpResponse response = call(router, request_of("POST", "/vectors", R"({"text":"b"})"));
  ASSERT_EQ(response.status, 200) << response.body;
  const JsonDocument document = JsonDocument::parse(response.body, "answer");
  EXPECT_EQ(document.root().at("text").string(), "b");
  EXPECT_EQ(document.root().at("dim").integer(), 64);
  EXPECT_EQ(document.root().at("dims").integer(), 64);
  EXPECT_EQ(static_cast<float>(document.root().at("vector").elements().at(5).number()),
            test_model().predict("b")[5]);
  EXPECT_EQ(call(router, request_of("POST", "/vectors", "{}")).body,
            R"({"error":"\"text\" is missing in the request"})");
  const HttpResponse batch =
      call(router, request_of("POST", "/vectors", R"({"texts":["a","b"],"config":{}})"));
  ASSERT_EQ(batch.status, 200) << batch.body;
  const JsonDocument list = JsonDocument::parse(batch.body, "answer");
  EXPECT_EQ(list.root().at("dims").integer(), 64);
  ASSERT_EQ(list.root().at("vectors").size(), 2u);
  const JsonValue second = list.root().at("vectors").elements().at(1);
  EXPECT_EQ(static_cast<float>(second.elements().at(5).number()), test_model().predict("b")[5]);
  const HttpResponse meta = call(router, request_of("GET", "/meta"));
  EXPECT_NE(meta.body.find(R"("model_name":"v3-tiny")"), std::string::npos) << meta.body;
}

}  // namespace
}  // namespace nestvec
