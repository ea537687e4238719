// SPDX-License-Identifier: Apache-2.0
#include "dialects/not_done.h"

#include <gtest/gtest.h>

#include <string>

#include "support/test_rules.h"

namespace nestvec {
namespace {

// The member at fault; empty where nothing is refused.
std::string refused(const std::string& json) {
  constexpr NotDone kOwn[] = {{"own", "no", is_never}};
  const TestRules made_up;
  const JsonDocument document = JsonDocument::parse(json, "body");
  const auto error =
      request_error([&] { refuse_not_done(document.root(), made_up.model(), kOwn); });
  return error ? error->param() : "";
}

TEST(NotDone, WhatChangesTheVectorsIsRefused) {
  for (const char* member :
       {R"("instruction":"Represent: ")", R"("pooling":"cls")", R"("pooling_strategy":"last")",
        R"("pooling_type":1)", R"("return_multivector":true)",
        R"("output_value":"token_embeddings")", R"("return_sparse":true)",
        R"("return_dense":false)", R"("max_length":4)", R"("max_tokens":127)",
        R"("add_special_tokens":false)", R"("modality":"image")", R"("images":["x"])",
        R"("messages":[{"role":"user"}])", R"("own":0)"}) {
    const std::string text(member);
    EXPECT_EQ(refused("{" + text + "}"), text.substr(1, text.find('"', 1) - 1)) << member;
  }
}

TEST(NotDone, AnObjectIsNotLookedThroughHoweverLongItIs) {
  const auto object = [](int members) {
    std::string json = "{\"m0\":0";
    for (int i = 1; i < members; ++i) json += ",\"m" + std::to_string(i) + "\":0";
    return json + "}";
  };
  const TestRules made_up;
  for (const auto& [members, fails] : {std::pair{1000, false}, {1001, true}}) {
    const JsonDocument document = JsonDocument::parse(object(members), "body");
    const auto error = request_error([&] { refuse_not_done(document.root(), made_up.model()); });
    EXPECT_EQ(error.has_value(), fails) << members;
  }
}

TEST(NotDone, TheDefaultOfWeaviatesModuleIsTakenByEveryModel) {
  const TestRules made_up;
  ModelInfo model = made_up.model();
  model.pooling = "cls";
  const auto refused = [&](const std::string& pooling) {
    const JsonDocument document =
        JsonDocument::parse("{\"pooling_strategy\":\"" + pooling + "\"}", "body");
    return request_error([&] { refuse_not_done(document.root(), model); }).has_value();
  };
  EXPECT_FALSE(refused("masked_mean"));
  EXPECT_FALSE(refused("cls"));
  EXPECT_TRUE(refused("mean"));
}

TEST(NotDone, WhatIsDoneAnywayIsNot) {
  for (const char* member :
       {R"("instruction":"")", R"("pooling":"mean")", R"("pooling_strategy":"masked_mean")",
        R"("pooling_mode":"MEAN_POOLING")", R"("return_multivector":false)",
        R"("output_value":"sentence_embedding")", R"("sparse":false)", R"("return_dense":true)",
        R"("max_length":128)", R"("max_tokens":100000)", R"("add_special_tokens":true)",
        R"("images":[])", R"("messages":null)", R"("user":"u","keep_alive":-1)"}) {
    EXPECT_EQ(refused("{" + std::string(member) + "}"), "") << member;
  }
}

}  // namespace
}  // namespace nestvec
