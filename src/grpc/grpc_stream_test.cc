// SPDX-License-Identifier: Apache-2.0
// Streams, load, and calls that end early.
#include <atomic>
#include <chrono>
#include <thread>

#include "support/grpc_test_server.h"

namespace nestvec {
namespace {

using grpc::StatusCode;

const Model& model() { return grpc_test_model(); }

class GrpcStreamTest : public GrpcServerTest {};

TEST_F(GrpcStreamTest, AStreamAnswersInOrderWhateverTheLengths) {
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
    wrong +=
        !std::equal(row.begin(), row.end(), rows.row(answers).begin(), rows.row(answers).end());
  }
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(answers, texts.size());
  EXPECT_EQ(wrong, 0U);
}

TEST_F(GrpcStreamTest, TheFirstErrorEndsAStream) {
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

TEST_F(GrpcStreamTest, OtherStreamsWorkAlike) {
  start();
  grpc::ClientContext context;
  const auto stream = tokenize_->TokenizeStream(&context);
  v1::EncodeRequest message;
  for (const char* text : {"one", "four", "three"}) {
    message.set_inputs(text);
    stream->Write(message);
  }
  stream->WritesDone();
  v1::EncodeResponse response;
  std::vector<std::size_t> lengths;
  while (stream->Read(&response)) {
    ASSERT_GT(response.tokens_size(), 0);
    lengths.push_back(response.tokens(response.tokens_size() - 1).stop());
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(lengths, (std::vector<std::size_t>{3, 4, 5}));

  grpc::ClientContext empty;
  const auto nothing = tokenize_->DecodeStream(&empty);
  nothing->WritesDone();
  EXPECT_TRUE(nothing->Finish().ok());
}

TEST_F(GrpcStreamTest, AFullQueueRefusesCallsButStreamsWait) {
  options_.max_queue_tokens = 1;
  start();
  // Keeps the model busy, so that there is a queue.
  grpc::ClientContext busy;
  const auto occupied = embed_->EmbedStream(&busy);
  for (int i = 0; i < 40; ++i) occupied->Write(request(long_text()));
  std::atomic<int> refused = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      const auto stub = v1::Embed::NewStub(new_channel());
      for (int call = 0; call < 5 || (refused == 0 && call < 2000); ++call) {
        grpc::ClientContext context;
        v1::EmbedResponse response;
        const grpc::Status status = stub->Embed(&context, request(long_text(200)), &response);
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

TEST_F(GrpcStreamTest, ACancelledCallLeavesNothingBehind) {
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

TEST_F(GrpcStreamTest, ADeadlineEndsACall) {
  start();
  grpc::ClientContext busy;
  const auto occupied = embed_->EmbedStream(&busy);
  for (int i = 0; i < 20; ++i) occupied->Write(request(long_text()));
  StatusCode code = StatusCode::OK;
  std::chrono::microseconds time(5000);
  for (int i = 0; i < 20 && code == StatusCode::OK; ++i, time /= 2) {  // many cores may be in time
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + time);
    v1::EmbedResponse response;
    code = embed_->Embed(&context, request(long_text()), &response).error_code();
  }
  EXPECT_EQ(code, StatusCode::DEADLINE_EXCEEDED);
  busy.TryCancel();
}

TEST_F(GrpcStreamTest, TheServersOwnDeadlineHoldsForCallsWithoutOne) {
  options_.request_seconds = 3;
  start();
  grpc::ClientContext context;
  const auto stream = embed_->EmbedStream(&context);
  v1::EmbedResponse response;
  stream->Write(request("a"));
  EXPECT_TRUE(stream->Read(&response));
  std::this_thread::sleep_for(std::chrono::milliseconds(3200));
  stream->Write(request("b"));
  EXPECT_TRUE(stream->Read(&response)) << "the time counts for each message";
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(GrpcStreamTest, DrainingFinishesWhatWasRead) {
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
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (model().queue().running_tokens == 0 && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::yield();
  }

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

TEST_F(GrpcStreamTest, AServerThatIsDestroyedEndsItsCalls) {
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

}  // namespace
}  // namespace nestvec
