// SPDX-License-Identifier: Apache-2.0
// Sparse vectors and vectors of tokens of POST /v1/embeddings and POST /v1/multi-vector.
#include <gtest/gtest.h>

#include "dialects/openai/openai_request.h"
#include "support/test_rules.h"

namespace nestvec {
namespace {

class OpenAiSparse : public testing::Test {
 protected:
  OpenAiRequest read(const std::string& members,
                     OpenAiVectors usual = OpenAiVectors::kDense) const {
    const JsonDocument document = JsonDocument::parse(R"({"input":"a",)" + members + "}", "body");
    return read_openai_request(document.root(), made_up_.rules(), usual);
  }
  std::string refused(const std::string& members,
                      OpenAiVectors usual = OpenAiVectors::kDense) const {
    const auto error = request_error([&] { read(members, usual); });
    return error ? error->param() : "(nothing was thrown)";
  }
  static std::vector<ModelKind> kinds(const std::string& members) {
    const JsonDocument document = JsonDocument::parse("{" + members + "}", "body");
    return wanted_kinds(document.root());
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
  using enum ModelKind;
  using Kinds = std::vector<ModelKind>;
  EXPECT_EQ(kinds(R"("input":"a")"), Kinds{kEmbed});
  EXPECT_EQ(kinds(R"("embedding_type":["sparse","base64"])"), (Kinds{kEmbed, kSparse}));
  EXPECT_EQ(kinds(R"("embedding_type":["sparse"])"), Kinds{kSparse});
  EXPECT_EQ(kinds(R"("encoding_format":"sparse")"), Kinds{kSparse});
  EXPECT_EQ(kinds(R"("embedding_type":["multivector","float","sparse"])"),
            (Kinds{kEmbed, kSparse, kMultiVector}));
  EXPECT_EQ(kinds(R"("return_multivector":true)"), Kinds{kMultiVector});
}

TEST_F(OpenAiSparse, WhatIsForDenseVectorsAlone) {
  for (const char* kind : {"sparse", "multivector"}) {
    const std::string name(kind);
    EXPECT_EQ(refused(R"("embedding_type":["float",")" + name + R"("],"late_chunking":true)"),
              "late_chunking");
    EXPECT_EQ(refused(R"("embedding_type":")" + name + R"(","dimensions":8)"), "dimensions");
    EXPECT_EQ(refused(R"("embedding_type":")" + name + R"(","output_dimension":8)"),
              "output_dimension");
    EXPECT_EQ(read(R"("embedding_type":["float",")" + name + R"("],"dimensions":8)")
                  .call.options.dimensions,
              8u);
  }
  EXPECT_EQ(refused(R"("embedding_type":"multivector","normalize":false)"), "normalized");
}

TEST_F(OpenAiSparse, VectorsOfTokens) {
  const OpenAiRequest beside = read(R"("embedding_type":["base64","multivector"])");
  EXPECT_TRUE(beside.call.options.dense && beside.call.options.multi_vector);
  EXPECT_EQ(beside.token_format, EmbeddingFormat::kBase64);
  // Jina's member for a model of both kinds, and its route for a model of one.
  for (const OpenAiRequest& request :
       {read(R"("return_multivector":true)"), read(R"("user":"u")", OpenAiVectors::kOfTokens),
        read(R"("embedding_type":"float")", OpenAiVectors::kOfTokens)}) {
    EXPECT_FALSE(request.call.options.dense || request.call.options.sparse);
    EXPECT_TRUE(request.call.options.multi_vector);
    EXPECT_EQ(request.token_format, EmbeddingFormat::kFloat);
  }
  EXPECT_EQ(read(R"("embedding_type":"base64")", OpenAiVectors::kOfTokens).token_format,
            EmbeddingFormat::kBase64);
  EXPECT_TRUE(read(R"("return_multivector":false)").call.options.dense);
  EXPECT_EQ(refused(R"("embedding_type":"binary")", OpenAiVectors::kOfTokens), "embedding_type");
  EXPECT_EQ(refused(R"("return_multivector":1)"), "return_multivector");
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
  rows.multi = {2, {0, 1, 3}, {1, 0, 0, 1, -1, 0}};
  request = read(R"("embedding_type":["float","multivector"])");
  text = render_openai(request, rows, made_up_.model(), pace);
  EXPECT_NE(text.find(R"("embedding":[0,1],"embeddings":[[0,1],[-1,0]]})"), std::string::npos)
      << text;
  request = read(R"("embedding_type":"sparse")");
  rows.values.clear();
  rows.width = 0;
  text = render_openai(request, rows, made_up_.model(), pace);
  EXPECT_EQ(text.find("embedding\":["), std::string::npos) << text;
  EXPECT_NE(text.find(R"("index":0,"sparse":{"indices":[5,90])"), std::string::npos) << text;
}

}  // namespace
}  // namespace nestvec
