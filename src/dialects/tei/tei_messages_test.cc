// SPDX-License-Identifier: Apache-2.0
#include "dialects/tei/tei_messages.h"

#include <gtest/gtest.h>

#include <string>

namespace nestvec {
namespace {

ModelInfo v3() {
  ModelInfo model;
  model.dimensions = 64;
  model.tasks = {{"retrieval.query", "Represent the query: "}, {"separation", ""}};
  model.default_task = "retrieval.query";
  return model;
}

tei::v1::EmbedRequest request(const std::string& text = "hello") {
  tei::v1::EmbedRequest message;
  message.set_inputs(text);
  return message;
}

// What the error of reading a request says.
template <typename Request>
std::string refusal(const Request& message) {
  try {
    read_options(message, v3());
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "";
}

TEST(TeiMessages, DefaultsAreThoseOfTheProtocol) {
  const EmbedOptions options = read_options(request(), v3());
  EXPECT_EQ(options.truncation, Truncation::kError) << "protobuf has no default but false";
  EXPECT_EQ(options.normalize, true);
  EXPECT_EQ(options.dimensions, 0U);
  EXPECT_EQ(options.task, "");
  EXPECT_TRUE(options.add_prompt);
}

TEST(TeiMessages, AllFieldsAreRead) {
  tei::v1::EmbedRequest message = request();
  message.set_truncate(true);
  message.set_truncation_direction(tei::v1::TRUNCATION_DIRECTION_LEFT);
  message.set_normalize(false);
  message.set_dimensions(32);
  message.set_prompt_name("query");
  const EmbedOptions options = read_options(message, v3());
  EXPECT_EQ(options.truncation, Truncation::kLeft);
  EXPECT_EQ(options.normalize, false);
  EXPECT_EQ(options.dimensions, 32U);
  EXPECT_EQ(options.task, "retrieval.query");
  message.set_truncation_direction(tei::v1::TRUNCATION_DIRECTION_RIGHT);
  EXPECT_EQ(read_options(message, v3()).truncation, Truncation::kRight);
}

TEST(TeiMessages, WrongValuesAreRefusedByName) {
  EXPECT_NE(refusal(request("")).find("`inputs` cannot be empty"), std::string::npos);
  tei::v1::EmbedRequest message = request();
  message.set_dimensions(0);
  EXPECT_NE(refusal(message).find("`dimensions` is 0: expected 1 to 64"), std::string::npos);
  message.set_dimensions(65);
  EXPECT_NE(refusal(message).find("`dimensions` is 65"), std::string::npos);
  message.set_dimensions(64);
  EXPECT_EQ(refusal(message), "");
  message.set_truncation_direction(static_cast<tei::v1::TruncationDirection>(7));
  EXPECT_NE(refusal(message).find("`truncation_direction` is 7"), std::string::npos);
  message = request();
  message.set_prompt_name("retrieval.quarry");
  EXPECT_NE(refusal(message).find("retrieval.query, separation, none"), std::string::npos);
  message.set_prompt_name("query");
  EXPECT_THROW(read_options(message, ModelInfo{}), Error) << "a model without prompts";
}

TEST(TeiMessages, TokenEmbeddingsHaveTheSameRules) {
  tei::v1::EmbedAllRequest message;
  EXPECT_NE(refusal(message).find("`inputs` cannot be empty"), std::string::npos);
  message.set_inputs("hello");
  message.set_prompt_name("clustering");
  EXPECT_EQ(read_options(message, v3()).task, "separation");
  EXPECT_EQ(read_options(message, v3()).truncation, Truncation::kError);
}

TEST(TeiMessages, APromptStandsBeforeATextToTokenize) {
  tei::v1::EncodeRequest message;
  message.set_inputs("hello");
  EXPECT_EQ(read_text(message, v3()), "hello");
  message.set_prompt_name("query");
  EXPECT_EQ(read_text(message, v3()), "Represent the query: hello");
  message.set_prompt_name("");
  EXPECT_EQ(read_text(message, v3()), "Represent the query: hello") << "the default task";
  message.set_prompt_name("none");
  EXPECT_EQ(read_text(message, v3()), "hello");
}

TEST(TeiMessages, AnAnswerTellsItsCost) {
  Embeddings rows;
  rows.rows = 1;
  rows.width = 2;
  rows.values = {0.5F, -0.25F};
  const std::uint32_t tokens[] = {7};
  const TeCost cost{.inputs = 1,
                    .characters = 5,
                    .tokens = tokens,
                    .timing = {.tokenize = 1e-6, .queue = 2.5e-3, .compute = 1.0},
                    .total = 2.0};
  tei::v1::EmbedResponse response;
  write_embedding(rows, cost, &response);
  ASSERT_EQ(response.embeddings_size(), 2);
  EXPECT_EQ(response.embeddings(0), 0.5F);
  EXPECT_EQ(response.embeddings(1), -0.25F);
  EXPECT_EQ(response.metadata().compute_chars(), 5U);
  EXPECT_EQ(response.metadata().compute_tokens(), 7U);
  EXPECT_EQ(response.metadata().tokenization_time_ns(), 1000U);
  EXPECT_EQ(response.metadata().queue_time_ns(), 2500000U);
  EXPECT_EQ(response.metadata().inference_time_ns(), 1000000000U);
  EXPECT_EQ(response.metadata().total_time_ns(), 2000000000U);
}

TEST(TeiMessages, TokenVectorsKeepTheirOrder) {
  TokenEmbeddings tokens;
  tokens.tokens = 3;
  tokens.width = 2;
  tokens.values = {1, 2, 3, 4, 5, 6};
  tei::v1::EmbedAllResponse response;
  write_token_embeddings(tokens, TeCost{}, &response);
  ASSERT_EQ(response.token_embeddings_size(), 3);
  EXPECT_EQ(response.token_embeddings(1).embeddings(0), 3.0F);
  EXPECT_EQ(response.token_embeddings(2).embeddings(1), 6.0F);
}

}  // namespace
}  // namespace nestvec
