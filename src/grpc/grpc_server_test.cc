// SPDX-License-Identifier: Apache-2.0
// Single calls, and the server itself.
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <fstream>
#include <latch>
#include <thread>
#include <utility>
#include <vector>

#include "support/grpc_test_server.h"

namespace nestvec {
namespace {

using grpc::StatusCode;

const Model& model() { return grpc_test_model(); }

TEST_F(GrpcServerTest, EmbedsLikeTheModel) {
  start();
  v1::EmbedResponse response;
  ASSERT_TRUE(embed(request("Hello, world!"), &response).ok());
  EXPECT_EQ(vector_of(response), expected("Hello, world!"));
  EXPECT_EQ(response.metadata().compute_chars(), 13U);
  EXPECT_GT(response.metadata().compute_tokens(), 2U);
  EXPECT_GT(response.metadata().inference_time_ns(), 0U);
  EXPECT_GE(response.metadata().total_time_ns(), response.metadata().inference_time_ns());

  v1::EmbedRequest message = request("Hello, world!");
  message.set_prompt_name("query");
  message.set_dimensions(32);
  message.set_normalize(false);
  ASSERT_TRUE(embed(message, &response).ok());
  EXPECT_EQ(
      vector_of(response),
      expected("Hello, world!", {.task = "retrieval.query", .dimensions = 32, .normalize = false}));
}

TEST_F(GrpcServerTest, TellsWhatIsWrongWithARequest) {
  start();
  v1::EmbedResponse response;
  grpc::Status status = embed(request(""), &response);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message().find("`inputs` cannot be empty"), 0U);
  v1::EmbedRequest message = request("a");
  message.set_prompt_name("nonsense");
  status = embed(message, &response);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(status.error_message().find("retrieval.passage"), std::string::npos);
}

TEST_F(GrpcServerTest, ALongTextIsAnErrorUnlessItMayBeTruncated) {
  start();
  v1::EmbedRequest message = request(long_text(2000));
  v1::EmbedResponse response;
  const grpc::Status status = embed(message, &response);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(status.error_message().find(std::to_string(model().info().max_tokens)),
            std::string::npos)
      << status.error_message();
  message.set_truncate(true);
  grpc::ClientContext context;
  ASSERT_TRUE(embed_->Embed(&context, message, &response).ok());
  EXPECT_EQ(vector_of(response), expected(message.inputs()));
  EXPECT_EQ(context.GetServerTrailingMetadata().count("x-truncated-inputs"), 1U);
}

TEST_F(GrpcServerTest, EmbedAllGivesEachTokenAVector) {
  start();
  v1::EmbedAllRequest message;
  message.set_inputs("Zwei Zeilen sind genug.");
  message.set_prompt_name("passage");
  v1::EmbedAllResponse response;
  grpc::ClientContext context;
  ASSERT_TRUE(embed_->EmbedAll(&context, message, &response).ok());
  const TokenEmbeddings tokens =
      model().tokenize_and_embed(message.inputs(), {.task = "retrieval.passage"});
  ASSERT_EQ(static_cast<std::size_t>(response.token_embeddings_size()), tokens.tokens);
  std::vector<float> values;
  for (const auto& token : response.token_embeddings()) {
    values.insert(values.end(), token.embeddings().begin(), token.embeddings().end());
  }
  EXPECT_EQ(values, tokens.values);
}

TEST_F(GrpcServerTest, TokenizesAndDecodes) {
  start();
  v1::EncodeRequest message;
  message.set_inputs("Hello, world!");
  message.set_add_special_tokens(true);
  v1::EncodeResponse tokens;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(tokenize_->Tokenize(&context, message, &tokens).ok());
  }
  ASSERT_GT(tokens.tokens_size(), 2);
  EXPECT_TRUE(tokens.tokens(0).special());
  EXPECT_EQ(tokens.tokens(0).text(), "<s>");
  EXPECT_FALSE(tokens.tokens(0).has_start());
  v1::DecodeRequest ids;
  ids.set_skip_special_tokens(true);
  for (const auto& token : tokens.tokens()) {
    ids.add_ids(token.id());
    if (token.special()) continue;
    EXPECT_EQ(token.text(), message.inputs().substr(token.start(), token.stop() - token.start()));
  }
  v1::DecodeResponse text;
  grpc::ClientContext context;
  ASSERT_TRUE(tokenize_->Decode(&context, ids, &text).ok());
  EXPECT_EQ(text.text(), "Hello, world!");
  ids.add_ids(4000000000U);
  grpc::ClientContext again;
  EXPECT_EQ(tokenize_->Decode(&again, ids, &text).error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(GrpcServerTest, InfoDescribesTheModel) {
  start();
  const auto info = v1::Info::NewStub(channel_);
  grpc::ClientContext context;
  v1::InfoResponse response;
  ASSERT_TRUE(info->Info(&context, {}, &response).ok());
  EXPECT_EQ(response.version(), "1.2.3");
  EXPECT_EQ(response.model_id(), model().info().id);
  EXPECT_EQ(response.model_type(), v1::MODEL_TYPE_EMBEDDING);
  EXPECT_EQ(response.max_input_length(), model().info().max_tokens);
}

TEST_F(GrpcServerTest, KeysAreAskedForByEveryMethod) {
  keys_.load("secret, other", "");
  start();
  v1::EmbedResponse response;
  EXPECT_EQ(embed(request("a"), &response).error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(embed(request("a"), &response, "Bearer wrong").error_code(),
            StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(embed(request("a"), &response, "secret").error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_TRUE(embed(request("a"), &response, "Bearer other").ok());
  grpc::ClientContext context;
  const auto stream = embed_->EmbedStream(&context);
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::UNAUTHENTICATED);
  grpc::ClientContext missing;
  v1::EmbedSparseResponse sparse;
  EXPECT_EQ(embed_->EmbedSparse(&missing, {}, &sparse).error_code(), StatusCode::UNAUTHENTICATED);
}

TEST_F(GrpcServerTest, WhatTheModelCannotIsUnimplementedWithItsName) {
  start();
  std::vector<grpc::Status> answers;
  {
    grpc::ClientContext context;
    v1::EmbedSparseResponse response;
    answers.push_back(embed_->EmbedSparse(&context, {}, &response));
  }
  {
    grpc::ClientContext context;
    v1::PredictResponse response;
    answers.push_back(v1::Predict::NewStub(channel_)->Predict(&context, {}, &response));
  }
  {
    grpc::ClientContext context;
    v1::RerankResponse response;
    const auto stub = v1::Rerank::NewStub(channel_);
    answers.push_back(stub->RerankStream(&context, &response)->Finish());
  }
  for (const grpc::Status& answer : answers) {
    EXPECT_EQ(answer.error_code(), StatusCode::UNIMPLEMENTED);
    EXPECT_NE(answer.error_message().find(model().info().id), std::string::npos);
  }
}

TEST_F(GrpcServerTest, AMessageOverTheLimitIsRefused) {
  options_.max_body_bytes = 1000;
  start();
  v1::EmbedResponse response;
  EXPECT_EQ(embed(request(std::string(2000, 'a')), &response).error_code(),
            StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(embed(request("a"), &response).ok());
}

TEST_F(GrpcServerTest, PriorityIsReadFromMetadata) {
  start();
  for (const auto& [value, ok] :
       {std::pair{"bulk", true}, {"interactive", true}, {"urgent", false}}) {
    grpc::ClientContext context;
    context.AddMetadata("x-nestvec-priority", value);
    v1::EmbedResponse response;
    const grpc::Status status = embed_->Embed(&context, request("a"), &response);
    EXPECT_EQ(status.error_code(), ok ? StatusCode::OK : StatusCode::INVALID_ARGUMENT) << value;
  }
}

TEST_F(GrpcServerTest, SeveralAddressesAndAUnixSocket) {
  const std::string path = testing::TempDir() + "nestvec-grpc-" + std::to_string(::getpid());
  server_.emplace(std::vector{parse_address("127.0.0.1:0"), parse_address("unix:" + path)},
                  TlsFiles{}, context_);
  server_->start();
  open();
  EXPECT_GT(server_->ports()[0], 0);
  EXPECT_EQ(server_->ports()[1], 0);
  const auto stub =
      v1::Embed::NewStub(grpc::CreateChannel("unix:" + path, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  v1::EmbedResponse response;
  EXPECT_TRUE(stub->Embed(&context, request("a"), &response).ok());
}

TEST_F(GrpcServerTest, AnAddressInUseIsNamed) {
  start();
  const std::string taken = "127.0.0.1:" + std::to_string(server_->ports()[0]);
  GrpcServer second({parse_address(taken)}, {}, context_);
  try {
    second.start();
    FAIL() << "two servers on one port";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kAlreadyExists);
    EXPECT_NE(std::string(error.what()).find(taken), std::string::npos);
  }
}

TEST_F(GrpcServerTest, BadTlsFilesAreRefusedBeforeListening) {
  const std::vector<Address> addresses{parse_address("127.0.0.1:0")};
  EXPECT_THROW(GrpcServer(addresses, {"/nonexistent.pem", "/nonexistent.key"}, context_), Error);
  const std::string path = testing::TempDir() + "nestvec-no-pem-" + std::to_string(::getpid());
  std::ofstream(path) << "this is no certificate";
  try {
    const GrpcServer server(addresses, {path, path}, context_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find(path), std::string::npos);
  }
}

TEST_F(GrpcServerTest, ADrainRefusesInWordsWhoeverCallsOnAndOn) {
  start();
  constexpr std::size_t kClients = 8;
  std::vector<grpc::Status> ends(kClients);
  std::latch served(kClients);
  {
    std::vector<std::jthread> clients;
    for (grpc::Status& end : ends) {
      clients.emplace_back([&end, &served, stub = v1::Embed::NewStub(new_channel())] {
        for (int call = 0; call == 0 || end.ok(); ++call) {
          grpc::ClientContext context;
          v1::EmbedResponse response;
          end = stub->Embed(&context, request("a"), &response);
          if (call == 0) served.count_down();
        }
      });
    }
    served.wait();
    server_->drain(std::chrono::steady_clock::now() + std::chrono::seconds(60));
  }
  for (const grpc::Status& end : ends) {
    EXPECT_EQ(end.error_code(), StatusCode::UNAVAILABLE) << end.error_message();
    EXPECT_NE(end.error_message().find("shutting down"), std::string::npos) << end.error_message();
  }
}

}  // namespace
}  // namespace nestvec
