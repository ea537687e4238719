// SPDX-License-Identifier: Apache-2.0
// Sparse vectors of POST /v1/embeddings.
#include <gtest/gtest.h>

#include "dialects/openai/openai_request.h"
#include "support/test_rules.h"

namespace nestvec {
namespace {

class OpenAiSparse : public testing::Test {
 protected:
  OpenAiRequest read(const std::string& members) const {
    const JsonDocument document = JsonDocument::parse(R"({"input":"a",)" + members + "}", "body");
    return read_openai_request(document.root(), made_up_.rules());
  }
  bool dense(const std::string& members) const {
    const JsonDocument document = JsonDocument::parse("{" + members + "}", "body");
    return wants_dense(document.root());
  }

  TestRules made_up_;
};

TEST_F(OpenAiSparse, IsOneMoreFormat) {
  const OpenAiRequest both = read(R"("embedding_type":["float","sparse"])");
  EXPECT_TRUE(both.call.options.dense);
  EXPECT_TRUE(both.call.options.sparse);
  EXPECT_EQ(both.formats, std::vector<EmbeddingFormat>{EmbeddingFormat::kFloat});
  const OpenAiRequest alone = read(R"("encoding_format":"sparse")");
  EXPECT_FALSE(alone.call.options.dense);
  EXPECT_TRUE(alone.call.options.sparse);
  EXPECT_FALSE(read(R"("embedding_type":"base64")").call.options.sparse);
  // OpenAI's clients send encoding_format unasked.
  const OpenAiRequest first = read(R"("embedding_type":"sparse","encoding_format":"base64")");
  EXPECT_FALSE(first.call.options.dense);
}

TEST_F(OpenAiSparse, SaysWhichKindOfModelIsMeant) {
  EXPECT_TRUE(dense(R"("input":"a")"));
  EXPECT_TRUE(dense(R"("embedding_type":["sparse","base64"])"));
  EXPECT_FALSE(dense(R"("embedding_type":["sparse"])"));
  EXPECT_FALSE(dense(R"("encoding_format":"sparse")"));
}

TEST_F(OpenAiSparse, LateChunkingIsForDenseVectors) {
  const auto error =
      request_error([&] { read(R"("embedding_type":["float","sparse"],"late_chunking":true)"); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->param(), "late_chunking");
}

TEST_F(OpenAiSparse, StandsBesideTheEmbedding) {
  Embeddings rows;
  rows.rows = 2;
  rows.width = 2;
  rows.values = {1, 0, 0, 1};
  rows.tokens = {3, 4};
  rows.sparse = {{0, 2, 2}, {5, 90}, {0.5F, 0.25F}};
  Pace pace;
  OpenAiRequest request = read(R"("embedding_type":["float","sparse"])");
  std::string text = render_openai(request, rows, made_up_.model(), pace);
  EXPECT_NE(text.find(R"("embedding":[1,0],"sparse":{"indices":[5,90],"values":[0.5,0.25]}})"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find(R"("embedding":[0,1],"sparse":{"indices":[],"values":[]}})"),
            std::string::npos);
  request = read(R"("embedding_type":"sparse")");
  rows.values.clear();
  rows.width = 0;
  text = render_openai(request, rows, made_up_.model(), pace);
  EXPECT_EQ(text.find("embedding\":["), std::string::npos) << text;
  EXPECT_NE(text.find(R"("index":0,"sparse":{"indices":[5,90])"), std::string::npos) << text;
}

}  // namespace
}  // namespace nestvec
