// SPDX-License-Identifier: Apache-2.0
// What calls take of the memory of requests.
#include <string>

#include "health.pb.h"
#include "service/request_memory.h"
#include "support/grpc_test_server.h"
#include "support/test_client.h"

namespace nestvec {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

constexpr std::size_t kLimit = std::size_t{32} << 20;

class GrpcMemoryTest : public GrpcServerTest {
 protected:
  GrpcMemoryTest() { memory_ = account_; }

  bool is_free() const {
    return eventually(
        [&] { return account_->used() <= RequestMemory::kConnection + RequestMemory::kHttp2; });
  }

  const std::shared_ptr<MemoryAccount> account_ =
      std::make_shared<MemoryAccount>("server.request_memory", kLimit);
};

TEST_F(GrpcMemoryTest, IsGivenBackWithTheAnswer) {
  start();
  const std::string text = long_text();
  v1::EmbedResponse response;
  v1::EmbedRequest message = request(text);
  message.set_truncate(true);
  ASSERT_TRUE(embed(message, &response).ok());
  EXPECT_GT(account_->peak(), text.size() * RequestMemory::kReading);
  EXPECT_TRUE(is_free());

  GrpcClientCall stream = embed_stream();
  for (int i = 0; i < 20; ++i) stream.write(request("text " + std::to_string(i)));
  stream.writes_done();
  while (stream.read(&response)) {
  }
  EXPECT_TRUE(stream.finish().ok());
  EXPECT_TRUE(is_free());
  EXPECT_EQ(account_->refusals(), 0u);
}

TEST_F(GrpcMemoryTest, IsToldWhereThereIsNoneNow) {
  start();
  v1::EmbedResponse response;
  ASSERT_TRUE(embed(request("a text"), &response).ok());  // the connection is there
  // Enough for the head, and not for the message.
  const std::size_t others = kLimit - kLimit / 16 - account_->used() - std::size_t{128} * 1024;
  account_->take(others);
  Headers trailers;
  const GrpcStatus status = channel_->call("/tei.v1.Embed/Embed", request(std::string(60'000, 'a')),
                                           &response, {}, &trailers);
  EXPECT_TRUE(is_error(status, ErrorCode::kResourceExhausted));
  EXPECT_NE(status.message.find("server.request_memory allows 33554432 bytes"), std::string::npos)
      << status.message;
  EXPECT_NE(std::ranges::find(trailers, "grpc-retry-pushback-ms", &Headers::value_type::first),
            trailers.end());
  account_->give(others);
  EXPECT_TRUE(embed(request("a text"), &response).ok());
  EXPECT_TRUE(is_free());
}

TEST_F(GrpcMemoryTest, EndsAStreamWhereThereIsNone) {
  start();
  GrpcClientCall stream = embed_stream();
  stream.write(request("a"));
  v1::EmbedResponse response;
  ASSERT_TRUE(stream.read(&response));
  account_->take(kLimit);
  stream.write(request("b"));
  EXPECT_FALSE(stream.read(&response));
  EXPECT_TRUE(is_error(stream.finish(), ErrorCode::kResourceExhausted));
  account_->give(kLimit);
  EXPECT_TRUE(is_free());
}

// Whatever the client holds, on a connection that is there and on a new one.
TEST_F(GrpcMemoryTest, HealthNeedsNone) {
  start();
  v1::EmbedResponse response;
  ASSERT_TRUE(embed(request("a text"), &response).ok());
  account_->take(kLimit);
  EXPECT_FALSE(embed(request("a text"), &response).ok());
  for (const auto& channel : {channel_, new_channel()}) {
    HealthCheckResponse health;
    const GrpcStatus status =
        channel->call("/grpc.health.v1.Health/Check", HealthCheckRequest(), &health);
    EXPECT_TRUE(status.ok()) << status.message;
    EXPECT_EQ(health.status(), HealthCheckResponse::SERVING);
  }
  account_->give(kLimit);
  EXPECT_TRUE(embed(request("a text"), &response).ok());
}

// It is read without a key.
TEST_F(GrpcMemoryTest, HealthIsAskedInFewBytes) {
  start();
  HealthCheckRequest request;
  request.set_service(std::string(5000, 'x'));
  HealthCheckResponse health;
  EXPECT_TRUE(is_error(channel_->call("/grpc.health.v1.Health/Check", request, &health),
                       ErrorCode::kResourceExhausted));
}

TEST_F(GrpcMemoryTest, AMessageThatCouldNeverBeServedIsToldTheLimit) {
  start();
  v1::EmbedResponse response;
  const GrpcStatus status = embed(request(std::string(std::size_t{2} << 20, 'a')), &response);
  EXPECT_TRUE(is_error(status, ErrorCode::kResourceExhausted));
  EXPECT_NE(status.message.find("raise server.request_memory"), std::string::npos)
      << status.message;
}

}  // namespace
}  // namespace nestvec
