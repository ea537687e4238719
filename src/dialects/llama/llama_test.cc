// SPDX-License-Identifier: Apache-2.0
#include "dialects/llama/llama.h"

#include <gtest/gtest.h>

#include "support/test_rules.h"
#include "support/test_service.h"

namespace nestvec {
namespace {

using Texts = std::vector<std::string>;

EmbedCall read_content(const std::string& json) {
  const TestRules made_up;
  const JsonDocument document = JsonDocument::parse(json, "body");
  return read_llama(document.root(), made_up.rules());
}

TEST(Llama, ReadsContentOrInput) {
  EXPECT_EQ(read_content(R"({"content":"a"})").texts, Texts{"a"});
  EXPECT_EQ(read_content(R"({"content":["a","b"]})").texts, (Texts{"a", "b"}));
  EXPECT_EQ(read_content(R"({"input":"a","content":null})").texts, Texts{"a"});
  EXPECT_EQ(read_content(R"({"content":"a"})").options.normalize, true);
  EXPECT_EQ(read_content(R"({"content":"a","embd_normalize":-1})").options.normalize, false);
  EXPECT_EQ(read_content(R"({"content":"a","model":"test-model:query"})").options.task,
            "retrieval.query");
  for (const auto& [body, param] : {std::pair{R"({"content":""})", "content"},
                                    {R"({})", "content"},
                                    {R"({"content":"a","input":"a"})", "content"},
                                    {R"({"content":"a","embd_normalize":0})", "embd_normalize"},
                                    {R"({"content":1})", "content"}}) {
    const auto error = request_error([&] { read_content(body); });
    ASSERT_TRUE(error) << body;
    EXPECT_EQ(error->param(), param);
  }
}

TEST(Llama, AnswersAListOfVectorsForEachText) {
  TestService test;
  const KeyStore keys;
  const Router router(test.service, keys, llama_routes(test.service));
  const HttpResponse response =
      call(router, request_of("POST", "/embedding", R"({"content":["a","b"]})",
                              {{"content-type", "application/x-www-form-urlencoded"}}));
  ASSERT_EQ(response.status, 200) << response.body;
  const JsonDocument document = JsonDocument::parse(response.body, "answer");
  ASSERT_EQ(document.root().size(), 2u);
  const JsonValue second = document.root().elements().at(1);
  EXPECT_EQ(second.at("index").integer(), 1);
  ASSERT_EQ(second.at("embedding").size(), 1u);
  const JsonValue vector = second.at("embedding").elements().at(0);
  EXPECT_EQ(static_cast<float>(vector.elements().at(5).number()), test_model().predict("b")[5]);
}

}  // namespace
}  // namespace nestvec
