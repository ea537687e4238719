// SPDX-License-Identifier: Apache-2.0
// A server in this process with a small model, and clients of gRPC's own.
#include "server/grpc_server.h"

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <optional>
#include <thread>

#include "nestvec/model.h"
#include "server/request_threads.h"
#include "tei.grpc.pb.h"

namespace nestvec {
namespace {

namespace v1 = tei::v1;
using grpc::StatusCode;

const Model& model() {
  static const Model loaded = [] {
    ModelConfig config;
    config.checkpoints.repo_id = std::string(NESTVEC_TEST_DATA) + "/../models/v3-tiny";
    config.runtime.cache_dir = std::string(NESTVEC_TEST_BUILD) + "/grpc-cache";
    config.runtime.precision = "fp32";
    return load_model(config);
  }();
  return loaded;
}

class GrpcServerTest : public testing::Test {
 protected:
  void start() {
    server_.emplace(std::vector<Address>{parse_address("127.0.0.1:0")}, TlsFiles{}, service_, keys_);
    server_->start();
    server_->set_serving(true);
    channel_ = new_channel();
    embed_ = v1::Embed::NewStub(channel_);
    tokenize_ = v1::Tokenize::NewStub(channel_);
  }

  std::shared_ptr<grpc::Channel> new_channel() const {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
    return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server_->ports()[0]),
                                     grpc::InsecureChannelCredentials(), arguments);
  }

  static v1::EmbedRequest request(const std::string& text) {
    v1::EmbedRequest message;
    message.set_inputs(text);
    return message;
  }

  grpc::Status embed(const v1::EmbedRequest& message, v1::EmbedResponse* response,
                     const std::string& authorization = "") {
    grpc::ClientContext context;
    if (!authorization.empty()) context.AddMetadata("authorization", authorization);
    return embed_->Embed(&context, message, response);
  }

  // A text that keeps the small model busy for some time.
  static std::string long_text(std::size_t words = 4000) {
    std::string text;
    for (std::size_t i = 0; i < words; ++i) text += "cat ";
    return text;
  }

  static std::vector<float> expected(const std::string& text, const EmbedOptions& options = {}) {
    return model().predict(text, options);
  }
  static std::vector<float> vector_of(const v1::EmbedResponse& response) {
    return {response.embeddings().begin(), response.embeddings().end()};
  }

  RequestThreads threads_{2};
  ServerOptions options_;
  Metrics metrics_;
  KeyStore keys_;
  Service service_{.model = model(),
                   .options = options_,
                   .metrics = metrics_,
                   .post = [this](std::function<void()> work) { threads_.post(std::move(work)); },
                   .version = "1.2.3"};
  std::optional<GrpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Embed::Stub> embed_;
  std::unique_ptr<v1::Tokenize::Stub> tokenize_;
};

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
  EXPECT_EQ(vector_of(response),
            expected("Hello, world!",
                     {.task = "retrieval.query", .dimensions = 32, .normalize = false}));
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
  v1::EmbedRequest message = request(long_text(20000));
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

TEST_F(GrpcServerTest, AStreamAnswersInOrderWhateverTheLengths) {
  start();
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 3000; ++i) {
    texts.push_back("text " + std::to_string(i) + std::string(i % 97, 'x'));
  }
  grpc::ClientContext context;
  const auto stream = embed_->EmbedStream(&context);
  std::thread writer([&] {
    for (const std::string& text : texts) EXPECT_TRUE(stream->Write(request(text)));
    stream->WritesDone();
  });
  const Embeddings rows = model().predict(texts);
  v1::EmbedResponse response;
  std::size_t answers = 0;
  std::size_t wrong = 0;
  for (; stream->Read(&response); ++answers) {
    const std::vector<float> row = vector_of(response);
    wrong += !std::equal(row.begin(), row.end(), rows.row(answers).begin(), rows.row(answers).end());
  }
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(answers, texts.size());
  EXPECT_EQ(wrong, 0U);
}

TEST_F(GrpcServerTest, TheFirstErrorEndsAStream) {
  start();
  grpc::ClientContext context;
  const auto stream = embed_->EmbedStream(&context);
  stream->Write(request("a"));
  stream->Write(request("b"));
  stream->Write(request(""));
  stream->Write(request("d"));
  v1::EmbedResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(vector_of(response), expected("a"));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(vector_of(response), expected("b"));
  EXPECT_FALSE(stream->Read(&response));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message().find("message 2 of the stream: `inputs`"), 0U);
}

TEST_F(GrpcServerTest, OtherStreamsWorkAlike) {
  start();
  grpc::ClientContext context;
  const auto stream = tokenize_->TokenizeStream(&context);
  v1::EncodeRequest message;
  for (const char* text : {"one", "two", "three"}) {
    message.set_inputs(text);
    stream->Write(message);
  }
  stream->WritesDone();
  v1::EncodeResponse response;
  std::string joined;
  while (stream->Read(&response)) {
    for (const auto& token : response.tokens()) joined += token.text();
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(joined, "onetwothree");

  grpc::ClientContext empty;
  const auto nothing = tokenize_->DecodeStream(&empty);
  nothing->WritesDone();
  EXPECT_TRUE(nothing->Finish().ok());
}

TEST_F(GrpcServerTest, AFullQueueRefusesCallsButStreamsWait) {
  options_.max_queue_tokens = 1;
  start();
  // Keeps the model busy, so that there is a queue.
  grpc::ClientContext busy;
  const auto occupied = embed_->EmbedStream(&busy);
  for (int i = 0; i < 40; ++i) occupied->Write(request(long_text()));
  std::atomic<int> refused = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      const auto stub = v1::Embed::NewStub(new_channel());
      for (int call = 0; call < 20; ++call) {
        grpc::ClientContext context;
        v1::EmbedResponse response;
        const grpc::Status status = stub->Embed(&context, request(long_text(500)), &response);
        if (status.ok()) continue;
        EXPECT_EQ(status.error_code(), StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
        ++refused;
      }
    });
  }
  v1::EmbedResponse response;
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(occupied->Read(&response));
  occupied->WritesDone();
  EXPECT_TRUE(occupied->Finish().ok());
  for (std::thread& caller : callers) caller.join();
  EXPECT_GT(refused, 0);
}

TEST_F(GrpcServerTest, ACancelledCallLeavesNothingBehind) {
  start();
  grpc::ClientContext context;
  const auto stream = embed_->EmbedStream(&context);
  for (int i = 0; i < 100; ++i) stream->Write(request(long_text()));
  v1::EmbedResponse response;
  ASSERT_TRUE(stream->Read(&response));
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::CANCELLED);
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (model().queue().texts > 0 && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(model().queue().texts, 0U);
}

TEST_F(GrpcServerTest, ADeadlineEndsACall) {
  start();
  grpc::ClientContext busy;
  const auto occupied = embed_->EmbedStream(&busy);
  for (int i = 0; i < 20; ++i) occupied->Write(request(long_text()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(5));
  v1::EmbedResponse response;
  EXPECT_EQ(embed_->Embed(&context, request(long_text()), &response).error_code(),
            StatusCode::DEADLINE_EXCEEDED);
  busy.TryCancel();
}

TEST_F(GrpcServerTest, TheServersOwnDeadlineHoldsForCallsWithoutOne) {
  options_.request_seconds = 1;
  start();
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  grpc::ClientContext context;
  const auto stream = embed_->EmbedStream(&context);
  v1::EmbedResponse response;
  stream->Write(request("a"));
  EXPECT_TRUE(stream->Read(&response));
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  stream->Write(request("b"));
  EXPECT_TRUE(stream->Read(&response)) << "the time counts for each message";
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
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
  for (const auto& [value, ok] : {std::pair{"bulk", true}, {"interactive", true}, {"urgent", false}}) {
    grpc::ClientContext context;
    context.AddMetadata("x-nestvec-priority", value);
    v1::EmbedResponse response;
    const grpc::Status status = embed_->Embed(&context, request("a"), &response);
    EXPECT_EQ(status.error_code(), ok ? StatusCode::OK : StatusCode::INVALID_ARGUMENT) << value;
  }
}

TEST_F(GrpcServerTest, DrainingFinishesWhatWasRead) {
  start();
  grpc::ClientContext idle_context;
  const auto idle = embed_->EmbedStream(&idle_context);
  v1::EmbedResponse response;
  idle->Write(request("a"));
  ASSERT_TRUE(idle->Read(&response));
  grpc::ClientContext busy_context;
  const auto busy = embed_->EmbedStream(&busy_context);
  busy->Write(request("b"));
  ASSERT_TRUE(busy->Read(&response));
  for (int i = 0; i < 5; ++i) busy->Write(request(long_text()));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));

  const auto before = std::chrono::steady_clock::now();
  server_->drain(before + std::chrono::seconds(60));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(50));
  EXPECT_FALSE(idle->Read(&response));
  EXPECT_EQ(idle->Finish().error_code(), StatusCode::UNAVAILABLE);
  int answers = 0;
  while (busy->Read(&response)) ++answers;
  EXPECT_GT(answers, 0);
  EXPECT_EQ(busy->Finish().error_code(), StatusCode::UNAVAILABLE);
  EXPECT_FALSE(embed(request("a"), &response).ok());
  server_->drain(std::chrono::steady_clock::now());
}

TEST_F(GrpcServerTest, AServerThatIsDestroyedEndsItsCalls) {
  start();
  grpc::ClientContext context;
  const auto stream = embed_->EmbedStream(&context);
  for (int i = 0; i < 50; ++i) stream->Write(request(long_text()));
  server_.reset();
  v1::EmbedResponse response;
  while (stream->Read(&response)) {
  }
  EXPECT_FALSE(stream->Finish().ok());
}

TEST_F(GrpcServerTest, SeveralAddressesAndAUnixSocket) {
  const std::string path = testing::TempDir() + "nestvec-grpc-" + std::to_string(::getpid());
  server_.emplace(std::vector{parse_address("127.0.0.1:0"), parse_address("unix:" + path)},
                  TlsFiles{}, service_, keys_);
  server_->start();
  EXPECT_GT(server_->ports()[0], 0);
  EXPECT_EQ(server_->ports()[1], 0);
  const auto stub = v1::Embed::NewStub(
      grpc::CreateChannel("unix:" + path, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  v1::EmbedResponse response;
  EXPECT_TRUE(stub->Embed(&context, request("a"), &response).ok());
}

TEST_F(GrpcServerTest, AnAddressInUseIsNamed) {
  start();
  const std::string taken = "127.0.0.1:" + std::to_string(server_->ports()[0]);
  GrpcServer second({parse_address(taken)}, {}, service_, keys_);
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
  EXPECT_THROW(GrpcServer(addresses, {"/nonexistent.pem", "/nonexistent.key"}, service_, keys_),
               Error);
  const std::string path = testing::TempDir() + "nestvec-no.pem";
  std::ofstream(path) << "this is no certificate";
  try {
    const GrpcServer server(addresses, {path, path}, service_, keys_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find(path), std::string::npos);
  }
}

}  // namespace
}  // namespace nestvec
