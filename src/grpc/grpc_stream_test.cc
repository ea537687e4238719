// SPDX-License-Identifier: Apache-2.0
// Streams, load, and calls that end early.
#include <atomic>
#include <chrono>
#include <thread>

#include "support/grpc_test_server.h"

namespace nestvec {
namespace {

const Model& model() { return grpc_test_model(); }

class GrpcStreamTest : public GrpcServerTest {};

TEST_F(GrpcStreamTest, AStreamAnswersInOrderWhateverTheLengths) {
  start();
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 3000; ++i) {
    texts.push_back("text " + std::to_string(i) + std::string(i % 97, 'x'));
  }
  GrpcClientCall stream = embed_stream();
  std::thread writer([&] {
    for (const std::string& text : texts) EXPECT_TRUE(stream.write(request(text)));
    stream.writes_done();
  });
  const Embeddings rows = model().predict(texts);
  v1::EmbedResponse response;
  std::size_t answers = 0;
  std::size_t wrong = 0;
  for (; stream.read(&response); ++answers) {
    const std::vector<float> row = vector_of(response);
    wrong +=
        !std::equal(row.begin(), row.end(), rows.row(answers).begin(), rows.row(answers).end());
  }
  writer.join();
  EXPECT_TRUE(stream.finish().ok());
  EXPECT_EQ(answers, texts.size());
  EXPECT_EQ(wrong, 0U);
}

TEST_F(GrpcStreamTest, TheFirstErrorEndsAStream) {
  start();
  GrpcClientCall stream = embed_stream();
  stream.write(request("a"));
  stream.write(request("b"));
  stream.write(request(""));
  stream.write(request("d"));
  v1::EmbedResponse response;
  ASSERT_TRUE(stream.read(&response));
  EXPECT_EQ(vector_of(response), expected("a"));
  ASSERT_TRUE(stream.read(&response));
  EXPECT_EQ(vector_of(response), expected("b"));
  EXPECT_FALSE(stream.read(&response));
  const GrpcStatus status = stream.finish();
  EXPECT_TRUE(is_error(status, ErrorCode::kInvalidArgument));
  EXPECT_EQ(status.message.find("message 2 of the stream: `inputs`"), 0U);
}

TEST_F(GrpcStreamTest, OtherStreamsWorkAlike) {
  start();
  GrpcClientCall stream = channel_->start("/tei.v1.Tokenize/TokenizeStream");
  v1::EncodeRequest message;
  for (const char* text : {"one", "four", "three"}) {
    message.set_inputs(text);
    stream.write(message);
  }
  stream.writes_done();
  v1::EncodeResponse response;
  std::vector<std::size_t> lengths;
  while (stream.read(&response)) {
    ASSERT_GT(response.tokens_size(), 0);
    lengths.push_back(response.tokens(response.tokens_size() - 1).stop());
  }
  EXPECT_TRUE(stream.finish().ok());
  EXPECT_EQ(lengths, (std::vector<std::size_t>{3, 4, 5}));

  GrpcClientCall nothing = channel_->start("/tei.v1.Tokenize/DecodeStream");
  nothing.writes_done();
  EXPECT_TRUE(nothing.finish().ok());
}

TEST_F(GrpcStreamTest, AFullQueueRefusesCallsButStreamsWait) {
  options_.max_queue_tokens = 1;
  start();
  // Keeps the model busy, so that there is a queue.
  GrpcClientCall occupied = embed_stream();
  for (int i = 0; i < 40; ++i) occupied.write(request(long_text()));
  std::atomic<int> refused = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      const auto channel = new_channel();
      for (int call = 0; call < 5 || (refused == 0 && call < 2000); ++call) {
        v1::EmbedResponse response;
        const GrpcStatus status =
            channel->call("/tei.v1.Embed/Embed", request(long_text(200)), &response);
        if (status.ok()) continue;
        EXPECT_TRUE(is_error(status, ErrorCode::kResourceExhausted)) << status.message;
        ++refused;
      }
    });
  }
  v1::EmbedResponse response;
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(occupied.read(&response));
  occupied.writes_done();
  EXPECT_TRUE(occupied.finish().ok());
  for (std::thread& caller : callers) caller.join();
  EXPECT_GT(refused, 0);
}

TEST_F(GrpcStreamTest, ACancelledCallLeavesNothingBehind) {
  start();
  GrpcClientCall stream = embed_stream();
  for (int i = 0; i < 100; ++i) stream.write(request(long_text()));
  v1::EmbedResponse response;
  ASSERT_TRUE(stream.read(&response));
  stream.cancel();
  EXPECT_TRUE(is_error(stream.finish(), ErrorCode::kCancelled));
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (model().queue().texts > 0 && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(model().queue().texts, 0U);
}

TEST_F(GrpcStreamTest, ADeadlineEndsACall) {
  start();
  GrpcClientCall occupied = embed_stream();
  for (int i = 0; i < 20; ++i) occupied.write(request(long_text()));
  GrpcStatus status;
  std::chrono::microseconds time(5000);
  for (int i = 0; i < 20 && status.ok(); ++i, time /= 2) {  // many cores may be in time
    v1::EmbedResponse response;
    status = channel_->call("/tei.v1.Embed/Embed", request(long_text()), &response,
                            {{"grpc-timeout", std::to_string(time.count()) + "u"}});
  }
  EXPECT_TRUE(is_error(status, ErrorCode::kDeadlineExceeded)) << status.message;
  occupied.cancel();
}

TEST_F(GrpcStreamTest, TheServersOwnDeadlineHoldsForCallsWithoutOne) {
  options_.request_seconds = 3;
  start();
  GrpcClientCall stream = embed_stream();
  v1::EmbedResponse response;
  stream.write(request("a"));
  EXPECT_TRUE(stream.read(&response));
  std::this_thread::sleep_for(std::chrono::milliseconds(3200));
  stream.write(request("b"));
  EXPECT_TRUE(stream.read(&response)) << "the time counts for each message";
  stream.writes_done();
  EXPECT_TRUE(stream.finish().ok());
}

TEST_F(GrpcStreamTest, DrainingFinishesWhatWasRead) {
  start();
  GrpcClientCall idle = embed_stream();
  v1::EmbedResponse response;
  idle.write(request("a"));
  ASSERT_TRUE(idle.read(&response));
  GrpcClientCall busy = embed_stream();
  busy.write(request("b"));
  ASSERT_TRUE(busy.read(&response));
  for (int i = 0; i < 5; ++i) busy.write(request(long_text()));
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (model().queue().running_tokens == 0 && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::yield();
  }

  const auto before = std::chrono::steady_clock::now();
  EXPECT_TRUE(drain(before + std::chrono::seconds(60)));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(50));
  EXPECT_FALSE(idle.read(&response));
  EXPECT_TRUE(is_error(idle.finish(), ErrorCode::kUnavailable));
  int answers = 0;
  while (busy.read(&response)) ++answers;
  EXPECT_GT(answers, 0);
  EXPECT_TRUE(is_error(busy.finish(), ErrorCode::kUnavailable));
  EXPECT_FALSE(embed(request("a"), &response).ok());
}

TEST_F(GrpcStreamTest, TheEndOfADrainEndsCallsInWords) {
  start();
  GrpcClientCall stream = embed_stream();
  for (int i = 0; i < 50; ++i) stream.write(request(long_text()));
  GrpcClientCall unary = channel_->start("/tei.v1.Embed/EmbedAll");
  unary.write(request(long_text()));  // and no end
  GrpcClientCall silent = channel_->start("/tei.v1.Embed/Embed");
  silent.write(request("a"));
  while (model().queue().running_tokens == 0) std::this_thread::yield();
  EXPECT_FALSE(drain(std::chrono::steady_clock::now()));
  v1::EmbedResponse response;
  while (stream.read(&response)) {
  }
  for (GrpcClientCall* call : {&stream, &unary, &silent}) {
    const GrpcStatus end = call->finish();
    EXPECT_TRUE(is_error(end, ErrorCode::kUnavailable)) << end.code << ' ' << end.message;
    // Not the end of a stream that has answered what it has read.
    EXPECT_NE(end.message.find("another instance"), std::string::npos) << end.message;
  }
}

TEST_F(GrpcStreamTest, AServerThatIsDestroyedEndsItsCalls) {
  start();
  GrpcClientCall stream = embed_stream();
  for (int i = 0; i < 50; ++i) stream.write(request(long_text()));
  http_.reset();
  v1::EmbedResponse response;
  while (stream.read(&response)) {
  }
  EXPECT_FALSE(stream.finish().ok());
}

}  // namespace
}  // namespace nestvec
