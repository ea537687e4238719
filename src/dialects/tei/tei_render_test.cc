// SPDX-License-Identifier: Apache-2.0
#include "dialects/tei/tei_render.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "support/test_rules.h"

namespace nestvec {
namespace {

TEST(TeiRender, Rows) {
  Pace pace;
  std::string out;
  append_rows(std::vector<float>{0.1F, -2, 3, 1e-9F}, 2, out, pace);
  EXPECT_EQ(out, "[[0.1,-2],[3,1e-09]]");
  out.clear();
  append_rows({}, 0, out, pace);
  EXPECT_EQ(out, "[]");
}

TEST(TeiRender, Similarities) {
  Embeddings rows;
  rows.rows = 3;
  rows.width = 2;
  rows.values = {1, 0, 0.5F, 9, -1, 0};
  std::string out;
  Pace pace;
  append_similarities(rows, out, pace);
  EXPECT_EQ(out, "[0.5,-1]");
}

TEST(TeiRender, OffsetsAreBytes) {
  // e acute (2 bytes), a space, an emoji (4 bytes).
  const std::string text = "\xC3\xA9 \xF0\x9F\x98\x80";
  TokenizedText tokens;
  tokens.ids = {0, 7, 8, 2};
  tokens.offsets = {{0, 0}, {0, 2}, {3, 7}, {0, 0}};
  tokens.special = {1, 0, 0, 1};
  std::string out;
  append_tokens(text, tokens, [](std::uint32_t id) { return id == 0 ? "<s>" : "</s>"; }, out);
  EXPECT_EQ(out,
            R"([{"id":0,"text":"<s>","special":true,"start":null,"stop":null},)"
            "{\"id\":7,\"text\":\"\xC3\xA9\",\"special\":false,\"start\":0,\"stop\":2},"
            "{\"id\":8,\"text\":\"\xF0\x9F\x98\x80\",\"special\":false,\"start\":3,\"stop\":7},"
            R"({"id":2,"text":"</s>","special":true,"start":null,"stop":null}])");
}

TEST(TeiRender, Info) {
  const TestRules made_up;
  const JsonDocument document =
      JsonDocument::parse(render_info(made_up.model(), {100, 8, "1.2.3"}), "info");
  const JsonValue info = document.root();
  EXPECT_EQ(info.at("model_id").string(), "test-model");
  EXPECT_EQ(info.at("model_dtype").string(), "bfloat16");
  EXPECT_EQ(info.at("model_type").at("embedding").at("pooling").string(), "mean");
  EXPECT_EQ(info.at("max_concurrent_requests").integer(), 100);
  EXPECT_EQ(info.at("max_input_length").integer(), 128);
  EXPECT_EQ(info.at("max_batch_tokens").integer(), 256);
  EXPECT_EQ(info.at("max_client_batch_size").integer(), 8);
  EXPECT_TRUE(info.at("auto_truncate").boolean());
  EXPECT_FALSE(info.at("multilingual").boolean()) << "100 tokens";
  EXPECT_EQ(info.at("version").string(), "1.2.3");
  EXPECT_EQ(info.find("sha"), std::nullopt);
  EXPECT_EQ(info.at("dimensions").integer(), 64);
  EXPECT_EQ(info.at("matryoshka_dimensions").size(), 2u);
  EXPECT_EQ(info.at("tasks").elements().at(0).at("name").string(), "retrieval.query");
  EXPECT_EQ(info.at("tasks").elements().at(0).at("prompt").string(), "Query: ");
}

TEST(TeiRender, InfoOfOtherKindsOfModels) {
  ModelInfo model = TestRules().model();
  const auto says = [&](std::string_view type) {
    return render_info(model, {100, 8, "1.2.3"}).find(type) != std::string::npos;
  };
  model.labels = {"LABEL_0"};
  EXPECT_TRUE(
      says(R"("model_type":{"reranker":{"id2label":{"0":"LABEL_0"},"label2id":{"LABEL_0":0}}})"));
  model.labels = {"joy", "fear"};
  EXPECT_TRUE(says(R"("model_type":{"classifier":{"id2label":{"0":"joy","1":"fear"},)"
                   R"("label2id":{"joy":0,"fear":1}}})"));
  model.labels.clear();
  model.dense = false;
  model.sparse = true;
  EXPECT_TRUE(says(R"("model_type":{"embedding":{"pooling":"splade"}})"));
}

}  // namespace
}  // namespace nestvec
