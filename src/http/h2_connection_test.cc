// SPDX-License-Identifier: Apache-2.0
// HTTP/2 by hand: what clients send, and what nobody should.
#include "http/h2_connection.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <string>

#include "support/h2_frames.h"
#include "support/test_client.h"

namespace nestvec {
namespace {

constexpr std::uint8_t kWhole = kH2EndHeaders | kH2EndStream;
constexpr std::uint32_t kPatience = 60;  // seconds that no test takes

HttpServerOptions patient_options() {
  HttpServerOptions options = local_options();
  options.server.header_seconds = options.server.idle_seconds = kPatience;
  return options;
}

// A server and a connection that has said hello.
class H2 : public testing::Test {
 protected:
  void start(const HttpServerOptions& options, HttpHandler handler = &echo) {
    server_.emplace(options, std::move(handler));
    client_.emplace(server_->client());
    client_->send(h2_hello());
  }
  void acknowledge() { client_->send(h2_frame(kH2Settings, kH2Ack, 0)); }
  void send(std::string_view bytes) { client_->send(bytes); }
  void request(std::uint32_t stream, const std::string& head) {
    send(h2_frame(kH2Headers, kWhole, stream, head));
  }
  std::optional<H2Frame> next(std::uint8_t type, std::uint8_t flags = 0) {
    return await_h2_frame(*client_, type, flags);
  }
  // The head of the next answer.
  std::map<std::string, std::string> answer() {
    const auto frame = next(kH2Headers);
    if (!frame) return {};
    return heads_.read(frame->payload);
  }
  void expect_goaway(std::uint32_t error) {
    const auto goaway = next(kH2Goaway);
    ASSERT_TRUE(goaway);
    EXPECT_EQ(goaway->error(), error);
    client_->rest();
  }

  std::optional<TestServer> server_;
  std::optional<TestClient> client_;
  H2Heads heads_;
};

TEST_F(H2, AnswersAsHttp1Does) {
  start(patient_options());
  request(1, h2_head("GET", "/one?two", h2_field("x-request-id", "mine")));
  auto head = answer();
  EXPECT_EQ(head[":status"], "200");
  EXPECT_EQ(head["content-type"], "text/plain");
  EXPECT_EQ(head["content-length"], "13");
  EXPECT_EQ(head["x-request-id"], "mine");
  EXPECT_EQ(next(kH2Data, kH2EndStream)->payload, "GET /one?two ");
  request(3, h2_head("HEAD", "/one"));
  head = answer();
  EXPECT_EQ(head["content-length"], "9");
  send(h2_frame(kH2Headers, kH2EndHeaders, 5, h2_head("POST", "/post")) +
       h2_frame(kH2Data, 0, 5, "a ") + h2_frame(kH2Data, kH2EndStream, 5, "body"));
  EXPECT_EQ(answer()[":status"], "200");
  EXPECT_EQ(next(kH2Data)->payload, "POST /post a body");
  const auto log = server_->access_log(3);
  ASSERT_EQ(log.size(), 3U);
  EXPECT_EQ(log[0].id, "mine");
  EXPECT_EQ(log[0].client, "127.0.0.1");
  EXPECT_EQ(log[1].method, "HEAD");
  EXPECT_EQ(log[2].path, "/post");
  EXPECT_EQ(log[2].bytes_in, 6U);
  EXPECT_GT(log[2].bytes_out, 17U);
}

TEST_F(H2, RequestsTellTheirPeer) {
  start(patient_options(), [](const auto& request, const Respond& respond) {
    HttpResponse response;
    response.body = request->peer;
    respond(std::move(response));
  });
  request(1, h2_head("GET", "/"));
  EXPECT_EQ(answer()[":status"], "200");
  EXPECT_EQ(next(kH2Data)->payload, "127.0.0.1");
}

TEST_F(H2, LimitsHeadsAndBodies) {
  HttpServerOptions options = patient_options();
  options.server.max_body_bytes = 1000;
  start(options);
  request(7, h2_head("GET", "/%zz"));
  EXPECT_EQ(answer()[":status"], "400");
  // 15,000 twice fit into a head, three times do not.
  const std::string half = h2_field("x-half", std::string(15'000, 'x'));
  const auto in_parts = [&](std::uint32_t stream, int halves) {
    std::string text = h2_frame(kH2Headers, kH2EndStream, stream, h2_head("GET", "/"));
    for (int i = 1; i < halves; ++i) text += h2_frame(kH2Continuation, 0, stream, half);
    return text + h2_frame(kH2Continuation, kH2EndHeaders, stream, half);
  };
  send(in_parts(9, 2));
  EXPECT_EQ(answer()[":status"], "200");
  send(in_parts(11, 3));
  EXPECT_EQ(answer()[":status"], "431");
  send(h2_frame(kH2Headers, kH2EndHeaders, 13,
                h2_head("POST", "/", h2_field("content-length", "1001"))));
  EXPECT_EQ(answer()[":status"], "413");
  send(h2_frame(kH2Headers, kH2EndHeaders, 15, h2_head("POST", "/")) +
       h2_frame(kH2Data, 0, 15, std::string(1001, 'x')));
  EXPECT_EQ(answer()[":status"], "413");
  // The rest of such a body is not wanted.
  const auto reset = next(kH2Reset);
  ASSERT_TRUE(reset);
  EXPECT_EQ(reset->error(), 0U);
}

// A body of any length comes through a small window, and its answer through the client's.
TEST_F(H2, OpensWindowsAsBodiesAreTaken) {
  start(patient_options());
  constexpr std::size_t kLength = 3'000'000;
  constexpr std::size_t kPiece = 16'000;
  send(h2_frame(kH2Headers, kH2EndHeaders, 1, h2_head("POST", "/")));
  std::int64_t stream_window = 65'535;
  std::int64_t window = 65'535;
  for (std::size_t sent = 0; sent < kLength; sent += kPiece) {
    while (std::min(stream_window, window) < static_cast<std::int64_t>(kPiece)) {
      const auto more = next(kH2Window);
      ASSERT_TRUE(more);
      (more->stream == 0 ? window : stream_window) += more->error();
    }
    const std::size_t piece = std::min(kPiece, kLength - sent);
    send(h2_frame(kH2Data, sent + piece == kLength ? kH2EndStream : 0, 1, std::string(piece, 'x')));
    stream_window -= static_cast<std::int64_t>(piece);
    window -= static_cast<std::int64_t>(piece);
  }
  std::size_t got = 0;
  for (bool ended = false; !ended;) {
    const auto data = next(kH2Data);
    ASSERT_TRUE(data);
    got += data->payload.size();
    ended = (data->flags & kH2EndStream) != 0;
    const std::string again = h2_number(static_cast<std::uint32_t>(data->payload.size()));
    if (!data->payload.empty()) {
      send(h2_frame(kH2Window, 0, 0, again) + h2_frame(kH2Window, 0, 1, again));
    }
  }
  EXPECT_EQ(got, kLength + std::string("POST / ").size());
}

TEST_F(H2, HoldsToItsWindows) {
  // Behind a body that is too long no window is opened again.
  HttpServerOptions options = patient_options();
  options.server.max_body_bytes = 100'000;
  start(options);
  send(h2_frame(kH2Headers, kH2EndHeaders, 1, h2_head("POST", "/wait/0")));
  std::string burst;
  for (int i = 0; i < 150; ++i) burst += h2_frame(kH2Data, 0, 1, std::string(16'000, 'x'));
  send(burst);
  constexpr std::uint32_t kFlowControlError = 3;
  for (auto frame = read_h2_frame(*client_);; frame = read_h2_frame(*client_)) {
    ASSERT_TRUE(frame);
    if (frame->type != kH2Goaway && frame->type != kH2Reset) continue;
    EXPECT_EQ(frame->error(), kFlowControlError);
    break;
  }
}

// From the first frame on, whatever the client says of the settings.
TEST_F(H2, LimitsStreamsThatNobodyHasAcknowledged) {
  start(patient_options());
  for (std::uint32_t i = 0; i < H2Limits::kStreams + 10; ++i) {
    send(h2_frame(kH2Headers, kH2EndHeaders, 2 * i + 1, h2_head("POST", "/")));
  }
  constexpr std::uint32_t kRefused = 7;
  for (std::uint32_t i = 0; i < 10; ++i) {
    const auto refused = next(kH2Reset);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->error(), kRefused);
    EXPECT_EQ(refused->stream, 2 * (H2Limits::kStreams + i) + 1);
  }
  send(h2_frame(kH2Data, kH2EndStream, 1, "x"));
  EXPECT_EQ(next(kH2Data)->payload, "POST / x");
}

// What its client has given up counts until nobody works on it any more.
TEST_F(H2, LimitsRequestsThatWereGivenUp) {
  std::atomic<std::size_t> ended = 0;
  std::latch release(1);
  start(patient_options(),
        [&](const std::shared_ptr<const HttpRequest>& request, const Respond& respond) {
          release.wait();
          echo(request, respond);
          ++ended;
        });
  std::string burst;
  for (std::uint32_t i = 0; i < 2 * H2Limits::kStreams; ++i) {
    burst += h2_frame(kH2Headers, kWhole, 2 * i + 1, h2_head("GET", "/")) +
             h2_frame(kH2Reset, 0, 2 * i + 1, h2_number(8));
  }
  send(burst);
  const auto refused = next(kH2Reset);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->stream, 2 * H2Limits::kStreams + 1);
  release.count_down();
  EXPECT_TRUE(eventually([&] { return ended == H2Limits::kStreams; }));
}

TEST_F(H2, EndsConnectionsThatResetOnAndOn) {
  start(patient_options());
  std::uint32_t stream = 1;
  for (int i = 0; i < 200; ++i) {
    std::string burst;
    for (int k = 0; k < 20; ++k, stream += 2) {
      burst += h2_frame(kH2Headers, kWhole, stream, h2_head("GET", "/")) +
               h2_frame(kH2Reset, 0, stream, h2_number(8));
    }
    if (!client_->send(burst)) break;
  }
  expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST_F(H2, EndsConnectionsWhoseHeadsDoNotEnd) {
  start(patient_options());
  send(h2_frame(kH2Headers, 0, 1, h2_head("GET", "/")));
  for (int i = 0; i < 20; ++i) {
    if (!client_->send(h2_frame(kH2Continuation, 0, 1, h2_field("a", "b")))) break;
  }
  expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST_F(H2, EndsConnectionsOfEmptyFrames) {
  start(patient_options());
  const std::string empty = h2_frame(kH2Settings, 0, 0);
  for (int i = 0; i < 10'000; ++i) {
    if (!client_->send(empty)) break;
  }
  expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

// Also such as nobody reads.
TEST_F(H2, EndsConnectionsOfUnknownFrames) {
  start(patient_options());
  constexpr std::uint8_t kUnknown = 0xfa;
  const std::string frame = h2_frame(kUnknown, 0, 0, std::string(16'000, 'x'));
  int sent = 0;
  while (sent < 4000 && client_->send(frame)) ++sent;
  EXPECT_LT(sent, 4000);
  expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST_F(H2, EndsConnectionsOfTheShortestData) {
  start(patient_options());
  send(h2_frame(kH2Headers, kH2EndHeaders, 1, h2_head("POST", "/")));
  std::string burst;
  for (int i = 0; i < 1000; ++i) burst += h2_frame(kH2Data, 0, 1, "x");
  int sent = 0;
  while (sent < 1000 && client_->send(burst)) ++sent;
  EXPECT_LT(sent, 1000);
  expect_goaway(NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST_F(H2, EndsConnectionsThatSayHelloAndNoMore) {
  HttpServerOptions options = patient_options();
  options.server.header_seconds = 1;
  start(options);
  expect_goaway(NGHTTP2_SETTINGS_TIMEOUT);
  EXPECT_TRUE(eventually([&] { return server_->server->connections() == 0; }));
}

TEST_F(H2, EndsIdleConnectionsThoughTheyPing) {
  HttpServerOptions options = patient_options();
  options.server.idle_seconds = 1;
  start(options);
  acknowledge();
  for (int i = 0; i < 3; ++i) {
    send(h2_frame(kH2Ping, 0, 0, "01234567"));
    ASSERT_TRUE(next(kH2Ping, kH2Ack));
  }
  expect_goaway(NGHTTP2_NO_ERROR);
}

TEST_F(H2, GivesUpBodiesThatStop) {
  HttpServerOptions options = patient_options();
  options.server.idle_seconds = 1;
  start(options);
  acknowledge();
  send(h2_frame(kH2Headers, kH2EndHeaders, 1, h2_head("POST", "/")) + h2_frame(kH2Data, 0, 1, "x"));
  EXPECT_EQ(answer()[":status"], "408");
}

// A stream whose window its client does not open loses its answer; others are not held up by it.
TEST_F(H2, GivesUpAnswersThatNobodyTakes) {
  HttpServerOptions options = patient_options();
  options.server.idle_seconds = 1;
  start(options);
  constexpr std::uint16_t kInitialWindow = 4;
  send(h2_frame(kH2Settings, 0, 0, h2_number(kInitialWindow, 2) + h2_number(10)));
  acknowledge();
  request(1, h2_head("GET", "/longer-than-the-window"));
  EXPECT_EQ(next(kH2Data)->payload.size(), 10U);
  request(3, h2_head("GET", "/"));
  EXPECT_EQ(next(kH2Data, kH2EndStream)->payload, "GET / ");
  const auto reset = next(kH2Reset);
  ASSERT_TRUE(reset);
  EXPECT_EQ(reset->stream, 1U);
  EXPECT_EQ(reset->error(), NGHTTP2_CANCEL);
}

TEST_F(H2, JudgesHeadsBeforeBodies) {
  HttpServerOptions options = patient_options();
  options.guard = [](const HttpRequest& head) -> HeadVerdict {
    if (head.header("x-api-key")) return {};
    return {.refusal = HttpResponse{.status = 401, .headers = {}, .body = "no key"}};
  };
  start(options);
  send(h2_frame(kH2Headers, kH2EndHeaders, 1, h2_head("POST", "/")));
  EXPECT_EQ(answer()[":status"], "401");
  EXPECT_EQ(next(kH2Data, kH2EndStream)->payload, "no key");
  const auto reset = next(kH2Reset);
  ASSERT_TRUE(reset);
  EXPECT_EQ(reset->error(), NGHTTP2_NO_ERROR);
  request(3, h2_head("GET", "/", h2_field("x-api-key", "k")));
  EXPECT_EQ(answer()[":status"], "200");
}

TEST_F(H2, TellsAHandlerThatItsClientHasGone) {
  std::atomic<int> stopped = 0;
  start(patient_options(),
        [&](const std::shared_ptr<const HttpRequest>& request, const Respond& respond) {
          EXPECT_TRUE(eventually([&] { return request->stop.stop_requested(); }));
          ++stopped;
          respond({.status = 200, .headers = {}, .body = {}});
        });
  request(1, h2_head("GET", "/"));
  send(h2_frame(kH2Reset, 0, 1, h2_number(8)));
  EXPECT_TRUE(eventually([&] { return stopped == 1; }));
  request(3, h2_head("GET", "/"));
  client_->close();
  EXPECT_TRUE(eventually([&] { return stopped == 2; }));
  EXPECT_EQ(server_->access_log(2)[1].status, 499);
}

TEST_F(H2, ADrainAnswersWhatHasCome) {
  std::latch begun(1);
  std::latch release(1);
  start(patient_options(),
        [&](const std::shared_ptr<const HttpRequest>& request, const Respond& respond) {
          begun.count_down();
          release.wait();
          echo(request, respond);
        });
  acknowledge();
  request(1, h2_head("GET", "/last"));
  begun.wait();
  std::jthread draining([&] {
    EXPECT_TRUE(server_->server->drain(std::chrono::steady_clock::now() + std::chrono::minutes(1)));
  });
  // The first says that no more is wanted, the second, once that is known, what was taken.
  const auto notice = next(kH2Goaway);
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice->payload.substr(0, 4), h2_number(0x7fffffff));
  const auto ping = next(kH2Ping);
  ASSERT_TRUE(ping);
  send(h2_frame(kH2Ping, kH2Ack, 0, ping->payload));
  const auto last = next(kH2Goaway);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->payload.substr(0, 4), h2_number(1));
  release.count_down();
  EXPECT_EQ(next(kH2Data)->payload, "GET /last ");
  client_->rest();
}

TEST_F(H2, WhatIsNotDoneAtTheEndOfADrainIsRefused) {
  std::latch begun(1);
  std::latch release(1);
  start(patient_options(),
        [&](const std::shared_ptr<const HttpRequest>& request, const Respond& respond) {
          begun.count_down();
          release.wait();
          echo(request, respond);
        });
  acknowledge();
  send(h2_frame(kH2Headers, kH2EndHeaders, 1, h2_head("POST", "/body")));
  request(3, h2_head("GET", "/work"));
  begun.wait();
  EXPECT_FALSE(server_->server->drain(std::chrono::steady_clock::now()));
  for (int i = 0; i < 2; ++i) {
    auto head = answer();
    EXPECT_EQ(head[":status"], "503");
    EXPECT_TRUE(head.contains("retry-after"));
  }
  release.count_down();
}

}  // namespace
}  // namespace nestvec
