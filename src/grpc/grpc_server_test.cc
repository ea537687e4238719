// SPDX-License-Identifier: Apache-2.0
// Single calls, and the server itself.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <latch>
#include <thread>
#include <utility>
#include <vector>

#include "support/grpc_test_server.h"
#include "support/h2_frames.h"

namespace nestvec {
namespace {

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
  GrpcStatus status = embed(request(""), &response);
  EXPECT_TRUE(is_error(status, ErrorCode::kInvalidArgument));
  EXPECT_EQ(status.message.find("`inputs` cannot be empty"), 0U);
  v1::EmbedRequest message = request("a");
  message.set_prompt_name("nonsense");
  status = embed(message, &response);
  EXPECT_TRUE(is_error(status, ErrorCode::kInvalidArgument));
  EXPECT_NE(status.message.find("retrieval.passage"), std::string::npos);
}

TEST_F(GrpcServerTest, ALongTextIsAnErrorUnlessItMayBeTruncated) {
  start();
  v1::EmbedRequest message = request(long_text(2000));
  v1::EmbedResponse response;
  const GrpcStatus status = embed(message, &response);
  EXPECT_TRUE(is_error(status, ErrorCode::kInvalidArgument));
  EXPECT_NE(status.message.find(std::to_string(model().info().max_tokens)), std::string::npos)
      << status.message;
  message.set_truncate(true);
  Headers trailers;
  ASSERT_TRUE(channel_->call("/tei.v1.Embed/Embed", message, &response, {}, &trailers).ok());
  EXPECT_EQ(vector_of(response), expected(message.inputs()));
  EXPECT_NE(std::ranges::find(trailers, "x-truncated-inputs", &Headers::value_type::first),
            trailers.end());
}

TEST_F(GrpcServerTest, EmbedAllGivesEachTokenAVector) {
  start();
  v1::EmbedAllRequest message;
  message.set_inputs("Zwei Zeilen sind genug.");
  message.set_prompt_name("passage");
  v1::EmbedAllResponse response;
  ASSERT_TRUE(channel_->call("/tei.v1.Embed/EmbedAll", message, &response).ok());
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
  ASSERT_TRUE(channel_->call("/tei.v1.Tokenize/Tokenize", message, &tokens).ok());
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
  const std::string decode = "/tei.v1.Tokenize/Decode";
  ASSERT_TRUE(channel_->call(decode, ids, &text).ok());
  EXPECT_EQ(text.text(), "Hello, world!");
  ids.add_ids(4000000000U);
  EXPECT_TRUE(is_error(channel_->call(decode, ids, &text), ErrorCode::kInvalidArgument));
}

TEST_F(GrpcServerTest, InfoDescribesTheModel) {
  start();
  v1::InfoResponse response;
  ASSERT_TRUE(channel_->call("/tei.v1.Info/Info", v1::InfoRequest(), &response).ok());
  EXPECT_EQ(response.version(), "1.2.3");
  EXPECT_EQ(response.model_id(), model().info().id);
  EXPECT_EQ(response.model_type(), v1::MODEL_TYPE_EMBEDDING);
  EXPECT_EQ(response.max_input_length(), model().info().max_tokens);
}

TEST_F(GrpcServerTest, KeysAreAskedForByEveryMethod) {
  keys_.load("secret, other", "");
  start();
  constexpr ErrorCode kRefused = ErrorCode::kUnauthenticated;
  v1::EmbedResponse response;
  EXPECT_TRUE(is_error(embed(request("a"), &response), kRefused));
  EXPECT_TRUE(is_error(embed(request("a"), &response, "Bearer wrong"), kRefused));
  EXPECT_TRUE(is_error(embed(request("a"), &response, "secret"), kRefused));
  EXPECT_TRUE(embed(request("a"), &response, "Bearer other").ok());
  GrpcClientCall stream = embed_stream();
  EXPECT_FALSE(stream.read(&response));
  EXPECT_TRUE(is_error(stream.finish(), kRefused));
  EXPECT_TRUE(
      is_error(channel_->call("/tei.v1.Embed/EmbedSparse", request("a"), &response), kRefused));
}

// Nothing of a body is waited for, or held, whose call is refused for its head.
TEST_F(GrpcServerTest, AKeyIsAskedForBeforeTheBody) {
  keys_.load("secret", "");
  start();
  GrpcClientCall call = channel_->start("/tei.v1.Embed/Embed");
  EXPECT_TRUE(is_error(call.finish(), ErrorCode::kUnauthenticated));
}

// Some clients wait for the end of a stream whose answer they have (RFC 9113, 8.1).
TEST_F(GrpcServerTest, ARefusalBeforeTheBodyEndsTheStreamAtOnce) {
  keys_.load("secret", "");
  start();
  TestClient client(http_->port());
  client.send(h2_hello() + h2_frame(kH2Settings, kH2Ack, 0));
  std::uint32_t stream = 1;
  for (const char* const path :
       {"/nope/Nope", "/tei.v1.Embed/Embed", "/clarifai.api.V2/PostModelOutputs"}) {
    client.send(h2_frame(kH2Headers, kH2EndHeaders, stream, h2_grpc_head(path)));
    std::optional<H2Frame> frame;
    do {
      frame = read_h2_frame(client);
      ASSERT_TRUE(frame);
    } while (frame->stream != stream || (frame->flags & kH2EndStream) == 0);
    client.send(h2_frame(kH2Ping, 0, 0, "12345678"));
    frame = read_h2_frame(client);
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->type, kH2Reset) << path;
    EXPECT_EQ(frame->stream, stream);
    EXPECT_EQ(frame->error(), NGHTTP2_NO_ERROR);
    EXPECT_TRUE(await_h2_frame(client, kH2Ping, kH2Ack));
    stream += 2;
  }
}

TEST_F(GrpcServerTest, WhatTheModelCannotIsRefusedWithItsName) {
  start();
  for (const char* const path :
       {"/tei.v1.Embed/EmbedSparse", "/tei.v1.Predict/Predict", "/tei.v1.Rerank/RerankStream"}) {
    v1::EmbedResponse response;
    const GrpcStatus answer = channel_->call(path, request("a"), &response);
    EXPECT_TRUE(is_error(answer, ErrorCode::kFailedPrecondition)) << path << answer.message;
    EXPECT_NE(answer.message.find(model().info().id), std::string::npos);
  }
  v1::EmbedResponse response;
  const GrpcStatus other = channel_->call("/tei.v1.Embed/Other", request("a"), &response);
  EXPECT_TRUE(is_error(other, ErrorCode::kUnimplemented));
  EXPECT_NE(other.message.find(model().info().id), std::string::npos);
}

TEST_F(GrpcServerTest, AMessageOverTheLimitIsRefused) {
  options_.max_body_bytes = 1000;
  start();
  v1::EmbedResponse response;
  EXPECT_TRUE(
      is_error(embed(request(std::string(2000, 'a')), &response), ErrorCode::kResourceExhausted));
  EXPECT_TRUE(embed(request("a"), &response).ok());
}

TEST_F(GrpcServerTest, PriorityIsReadFromMetadata) {
  start();
  for (const auto& [value, code] : {std::pair{"bulk", 0},
                                    {"interactive", 0},
                                    {"urgent", static_cast<int>(ErrorCode::kInvalidArgument)}}) {
    v1::EmbedResponse response;
    const GrpcStatus status = channel_->call("/tei.v1.Embed/Embed", request("a"), &response,
                                             {{"x-nestvec-priority", value}});
    EXPECT_EQ(status.code, code) << value;
  }
}

TEST_F(GrpcServerTest, SeveralAddressesAndAUnixSocket) {
  const std::string path = testing::TempDir() + "nestvec-grpc-" + std::to_string(::getpid());
  more_addresses_ = {parse_address("127.0.0.1:0"), parse_address("unix:" + path)};
  start();
  EXPECT_GT(http_->port(1), 0);
  EXPECT_NE(http_->port(1), http_->port(0));
  EXPECT_EQ(http_->port(2), 0);
  for (const Address& address :
       {Address{"127.0.0.1", http_->port(1), ""}, parse_address("unix:" + path)}) {
    v1::EmbedResponse response;
    EXPECT_TRUE(std::make_shared<GrpcChannel>(address)
                    ->call("/tei.v1.Embed/Embed", request("a"), &response)
                    .ok());
  }
}

TEST_F(GrpcServerTest, ADrainRefusesInWordsWhoeverCallsOnAndOn) {
  start();
  constexpr std::size_t kClients = 8;
  std::vector<GrpcStatus> ends(kClients);
  std::latch served(kClients);
  {
    std::vector<std::jthread> clients;
    for (GrpcStatus& end : ends) {
      clients.emplace_back([&end, &served, channel = new_channel()] {
        for (int call = 0; call == 0 || end.ok(); ++call) {
          v1::EmbedResponse response;
          end = channel->call("/tei.v1.Embed/Embed", request("a"), &response);
          if (call == 0) served.count_down();
        }
      });
    }
    served.wait();
    EXPECT_TRUE(drain(std::chrono::steady_clock::now() + std::chrono::seconds(60)));
  }
  for (const GrpcStatus& end : ends) {
    EXPECT_TRUE(is_error(end, ErrorCode::kUnavailable)) << end.message;
    EXPECT_NE(end.message.find("shutting down"), std::string::npos) << end.message;
  }
}

}  // namespace
}  // namespace nestvec
