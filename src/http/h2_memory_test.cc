// SPDX-License-Identifier: Apache-2.0
// What bodies and answers of HTTP/2 take of the memory of requests.
#include <gtest/gtest.h>

#include <string>

#include "http/h2_connection.h"
#include "service/request_memory.h"
#include "support/h2_frames.h"
#include "support/test_client.h"

namespace nestvec {
namespace {

constexpr std::size_t kLimit = std::size_t{32} << 20;
constexpr std::size_t kLong = 100'000;
constexpr std::size_t kOthers = kLimit / 4 * 3;  // held by others: too much for a long body
constexpr std::size_t kOpen = RequestMemory::kConnection + RequestMemory::kHttp2;

class H2Memory : public testing::Test {
 protected:
  void start(HttpHandler handler = &echo) {
    HttpServerOptions options = local_options();
    options.server.idle_seconds = 600;
    options.memory = account_;
    options.guard = [](const HttpRequest& head) -> HeadVerdict {
      return {.key = std::string(head.header("x-key").value_or(""))};
    };
    options.is_urgent = [](const HttpRequest& request) { return request.path == "/probe"; };
    server_.emplace(options, std::move(handler));
    connect();
  }
  void connect() {
    client_.emplace(server_->client());
    client_->send(h2_hello() + h2_frame(kH2Settings, kH2Ack, 0));
  }
  void send(std::string_view bytes) { client_->send(bytes); }
  void begin(std::uint32_t stream, std::size_t promised) {
    send(h2_frame(
        kH2Headers, kH2EndHeaders, stream,
        h2_head("POST", "/",
                promised == 0 ? "" : h2_field("content-length", std::to_string(promised)))));
  }
  void send_body(std::uint32_t stream, std::size_t bytes, bool end) {
    constexpr std::size_t kPiece = 10'000;
    for (std::size_t sent = 0; sent < bytes; sent += kPiece) {
      const std::size_t piece = std::min(kPiece, bytes - sent);
      send(h2_frame(kH2Data, end && sent + piece == bytes ? kH2EndStream : 0, stream,
                    std::string(piece, 'x')));
    }
  }
  // Up to the next window of a stream.
  bool is_opened(std::uint32_t stream) {
    for (;;) {
      const auto frame = await_h2_frame(*client_, kH2Window, 0);
      if (!frame) return false;
      if (frame->stream == stream) return true;
    }
  }
  std::string status() {
    const auto frame = await_h2_frame(*client_, kH2Headers, 0);
    return frame ? heads_.read(frame->payload)[":status"] : "";
  }

  const std::shared_ptr<MemoryAccount> account_ =
      std::make_shared<MemoryAccount>("server.request_memory", kLimit);
  std::optional<TestServer> server_;
  std::optional<TestClient> client_;
  H2Heads heads_;
};

TEST_F(H2Memory, IsTakenForPromisedBodiesAtOnceAndGivenBack) {
  start();
  begin(1, kLong);
  EXPECT_TRUE(eventually([&] { return account_->used() > kOpen + kLong; }));
  send_body(1, 60'000, false);
  ASSERT_TRUE(is_opened(1));
  send_body(1, kLong - 60'000, true);
  EXPECT_EQ(status(), "200");
  send(h2_frame(kH2Reset, 0, 1, h2_number(8)));
  EXPECT_TRUE(eventually([&] { return account_->used() == kOpen; }));
  begin(3, kLong);
  EXPECT_TRUE(eventually([&] { return account_->used() > kOpen + kLong; }));
  client_->close();
  EXPECT_TRUE(eventually([&] { return account_->used() == 0; }));
  EXPECT_EQ(account_->refusals(), 0u);
}

TEST_F(H2Memory, TheWindowStaysClosedUntilThereIsSome) {
  start();
  account_->take(kOthers);
  begin(1, kLong);
  send_body(1, 60'000, false);
  begin(3, 0);
  send_body(3, 10, true);
  EXPECT_EQ(status(), "200");  // a short one meanwhile
  EXPECT_LT(account_->used(), kOthers + kOpen + 2 * kLong);
  account_->give(kOthers);
  ASSERT_TRUE(is_opened(1));
  send_body(1, kLong - 60'000, true);
  EXPECT_EQ(status(), "200");
}

TEST_F(H2Memory, ProbesHaveAReserve) {
  start();
  EXPECT_TRUE(eventually([&] { return account_->used() == kOpen; }));
  account_->take(kLimit);
  for (const bool fresh : {false, true}) {
    if (fresh) connect();
    send(h2_frame(kH2Headers, kH2EndHeaders | kH2EndStream, 1, h2_head("GET", "/probe")));
    EXPECT_EQ(status(), "200") << fresh;
    send(h2_frame(kH2Headers, kH2EndHeaders | kH2EndStream, 3, h2_head("GET", "/other")));
    EXPECT_EQ(status(), "503") << fresh;
  }
  client_->close();
  account_->give(kLimit);
  EXPECT_TRUE(eventually([&] { return account_->used() == 0; }));
}

TEST_F(H2Memory, IsWaitedForOnlySoLong) {
  start();
  account_->take(kOthers);
  begin(1, kLong);
  EXPECT_EQ(status(), "503");
  EXPECT_EQ(account_->refusals(), 1u);
}

TEST_F(H2Memory, BodiesOfUnknownLengthAreRefusedWhenTheyCannotGrow) {
  start();
  account_->take(kOthers);
  begin(1, 0);
  send_body(1, 60'000, false);
  EXPECT_EQ(status(), "503");
}

TEST_F(H2Memory, BodiesThatCouldNeverBeServedAreRefusedByTheirHeads) {
  start();
  begin(1, std::size_t{2} << 20);
  EXPECT_EQ(status(), "413");
}

TEST_F(H2Memory, AnswersAreChargedUntilTheyAreSent) {
  constexpr std::size_t kAnswer = std::size_t{4} << 20;
  start([](const auto&, const Respond& respond) {
    HttpResponse response;
    response.body.assign(kAnswer, 'v');
    respond(std::move(response));
  });
  send(h2_frame(kH2Headers, kH2EndHeaders | kH2EndStream, 1, h2_head("GET", "/")));
  EXPECT_TRUE(eventually([&] { return account_->used() > kAnswer; }));
  send(h2_frame(kH2Reset, 0, 1, h2_number(8)));
  EXPECT_TRUE(eventually([&] { return account_->used() == kOpen; }));
}

// Of a client that holds all it gets, by bodies that do not come or answers that it does not read.
class H2Greedy : public H2Memory {
 protected:
  static constexpr std::size_t kSmallLimit = std::size_t{4} << 20;
  static constexpr std::size_t kBody = RequestMemory::kSmall;

  void hold(bool answers) {
    account_->set_limit(kSmallLimit);
    start([](const auto& request, const Respond& respond) {
      HttpResponse response;
      response.body.assign(request->path == "/a" ? 10 : kBody, 'v');
      respond(std::move(response));
    });
    const std::string more = h2_field("x-key", "hostile") +
                             (answers ? "" : h2_field("content-length", std::to_string(kBody)));
    for (std::uint32_t stream = 1; stream < 2 * 100; stream += 2) {
      const std::uint8_t flags = kH2EndHeaders | (answers ? kH2EndStream : 0);
      send(h2_frame(kH2Headers, flags, stream, h2_head(answers ? "GET" : "POST", "/", more)));
    }
    EXPECT_TRUE(eventually([&] { return account_->used() > kSmallLimit / 2; }));
  }
  void expect_others_are_served() {
    for (int i = 0; i < 20; ++i) {
      TestClient honest = server_->client();
      EXPECT_EQ(honest.ask(post("/a", "body", "x-key: honest\r\n")).status, 200);
    }
  }
};

TEST_F(H2Greedy, StalledBodiesLeaveRoomForOthers) {
  hold(false);
  expect_others_are_served();
}

TEST_F(H2Greedy, UnreadAnswersLeaveRoomForOthers) {
  hold(true);
  expect_others_are_served();
}

}  // namespace
}  // namespace nestvec
