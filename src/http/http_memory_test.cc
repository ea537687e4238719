// SPDX-License-Identifier: Apache-2.0
// What HttpServer asks of a head before it reads the body, and what memory it takes for both.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <latch>
#include <string>
#include <vector>

#include "http/content_coding.h"
#include "http/http_server.h"
#include "service/request_memory.h"
#include "support/test_client.h"

namespace nestvec {
namespace {

constexpr std::size_t kKiB = 1024;
constexpr std::size_t kMiB = kKiB * kKiB;
constexpr std::size_t kLimit = 32 * kMiB;
constexpr std::size_t kLong = 100 * kKiB;        // and so no short body
constexpr std::size_t kOthers = kLimit / 4 * 3;  // held by others: too much for a long body

std::string head_of(std::size_t length, std::string_view headers = {}) {
  return "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(length) + "\r\n" +
         std::string(headers) + "\r\n";
}

std::string chunked(const std::string& body) {
  constexpr std::string_view kHead =
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::array<char, 16> size{};
  std::snprintf(size.data(), size.size(), "%zx\r\n", body.size());
  return std::string(kHead) + size.data() + body + "\r\n0\r\n\r\n";
}

class HttpHeads : public testing::Test {
 protected:
  static HttpServerOptions options() {
    HttpServerOptions options = local_options();
    options.guard = [](const HttpRequest& head) -> HeadVerdict {
      if (!head.path.starts_with("/no")) return {};
      HttpResponse refusal;
      refusal.status = 401;
      refusal.body = head.id + " is not for " + head.path;
      return {.refusal = std::move(refusal)};
    };
    return options;
  }
  static std::string refused_head(std::string_view headers) {
    return "POST /no HTTP/1.1\r\nHost: x\r\nx-request-id: it\r\n" + std::string(headers) + "\r\n";
  }

  TestServer server_{options()};
};

TEST_F(HttpHeads, AreJudgedBeforeTheBodyIsThere) {
  for (const std::string body :
       {"Content-Length: 1000000\r\n", "Content-Length: 5\r\nExpect: 100-continue\r\n",
        "Transfer-Encoding: chunked\r\n"}) {
    TestClient client = server_.client();
    client.send(refused_head(body));
    const auto response = client.response();
    ASSERT_TRUE(response) << body;
    EXPECT_EQ(response->status, 401) << body;
    EXPECT_EQ(response->body, "it is not for /no") << body;
    EXPECT_EQ(response->headers.at("connection"), "close") << body;
    EXPECT_EQ(client.rest(), "") << body;
  }
  const auto log = server_.access_log(3);
  EXPECT_EQ(log.at(0).path, "/no");
  EXPECT_EQ(log.at(0).status, 401);
  EXPECT_EQ(log.at(0).bytes_in, 0u);
}

// So that a client that sends all of it before it reads does read the answer.
TEST_F(HttpHeads, OfLongBodiesAreAnsweredWhileTheseAreDropped) {
  TestClient client = server_.client();
  EXPECT_TRUE(
      client.send(refused_head("Content-Length: 3000000\r\n") + std::string(3'000'000, 'x')));
  EXPECT_EQ(client.response().value().status, 401);
}

TEST_F(HttpHeads, ThatAreRefusedLeaveTheBodyItsTime) {
  HttpServerOptions options = HttpHeads::options();
  options.server.header_seconds = 1;
  TestServer server(options);
  TestClient client = server.client();
  client.send(refused_head("Content-Length: 5\r\n"));
  TestClient slow = server.client();
  slow.send("GET / HT");
  EXPECT_EQ(slow.response().value().status, 408);  // deadlines have been looked at
  EXPECT_EQ(client.ask("abcde").status, 401);
}

TEST_F(HttpHeads, OfShortBodiesLeaveTheConnectionOpen) {
  TestClient client = server_.client();
  EXPECT_EQ(client.ask(post("/no/1", "short")).status, 401);
  client.send(post("/no/2", std::string(60 * kKiB, 'x')) + post("/yes", "body"));
  EXPECT_EQ(client.response().value().status, 401);
  EXPECT_EQ(client.response().value().body, "POST /yes body");
  EXPECT_EQ(server_.access_log(3).at(1).bytes_in, 60 * kKiB);
}

TEST_F(HttpHeads, ThatPassAreToldToGoOn) {
  TestClient client = server_.client();
  client.send("POST /yes HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.response(true).value().status, 100);
  client.send("body");
  EXPECT_EQ(client.response().value().body, "POST /yes body");
}

class HttpMemory : public testing::Test {
 protected:
  void start(HttpHandler handler = &echo) {
    HttpServerOptions options = local_options();
    options.server.max_body_bytes = 8 * kMiB;
    options.server.idle_seconds = 600;
    options.memory = account_;
    options.guard = [](const HttpRequest& head) -> HeadVerdict {
      return {.key = std::string(head.header("x-key").value_or(""))};
    };
    options.is_urgent = [](const HttpRequest& request) { return request.path == "/probe"; };
    server_.emplace(options, std::move(handler));
  }
  TestClient client() { return server_->client(); }

  // Connections that are open without a request, and nothing else.
  bool is_free_but_for(std::size_t connections) {
    return eventually([&] { return account_->used() == connections * RequestMemory::kConnection; });
  }
  std::size_t refusals() const { return account_->refusals(); }

  const std::shared_ptr<MemoryAccount> account_ =
      std::make_shared<MemoryAccount>("server.request_memory", kLimit);
  std::optional<TestServer> server_;
};

TEST_F(HttpMemory, IsTakenForPromisedBodiesAtOnceAndGivenBack) {
  start();
  {
    TestClient one = client();
    one.send(head_of(kLong));
    EXPECT_TRUE(eventually([&] { return account_->used() > kLong; }));
    one.send(std::string(kLong, 'x'));
    EXPECT_EQ(one.response().value().body.size(), kLong + 7);
    EXPECT_TRUE(is_free_but_for(1));
    EXPECT_GT(account_->peak(), kLong * (1 + RequestMemory::kReading));
    EXPECT_EQ(one.ask(chunked(std::string(kLong, 'x'))).status, 200);
    EXPECT_TRUE(is_free_but_for(1));
    one.send(head_of(kLong) + std::string(kLong / 2, 'x'));
    EXPECT_TRUE(eventually([&] { return account_->used() > kLong; }));
  }
  EXPECT_TRUE(is_free_but_for(0));
  EXPECT_EQ(refusals(), 0u);
}

// A connection that has nothing under way holds little, one with a head some more.
TEST_F(HttpMemory, IsTakenForConnectionsAndHeads) {
  start();
  TestClient one = client();
  EXPECT_TRUE(is_free_but_for(1));
  one.send("GET / HTTP/1.1\r\n");
  EXPECT_TRUE(eventually(
      [&] { return account_->used() == RequestMemory::kConnection + RequestMemory::kHead; }));
  one.send("Host: x\r\n\r\n");
  EXPECT_EQ(one.response().value().status, 200);
  EXPECT_TRUE(is_free_but_for(1));
}

// From an address that has no room left, on a connection that is there and on new ones.
TEST_F(HttpMemory, ProbesHaveAReserve) {
  start();
  TestClient kept = client();
  EXPECT_TRUE(is_free_but_for(1));
  account_->take(kLimit);
  EXPECT_EQ(kept.ask(get("/probe")).body, "GET /probe ");
  EXPECT_EQ(kept.ask(get("/other")).status, 503);
  EXPECT_EQ(client().ask(post("/other", "body")).status, 503);
  for (int i = 0; i < 200; ++i) {  // more than it is enough for at a time
    const auto response = client().ask(get("/probe"));
    EXPECT_EQ(response.body, "GET /probe ");
    EXPECT_EQ(response.headers.at("connection"), "close");
  }
  account_->give(kLimit);
  EXPECT_EQ(client().ask(get("/other")).body, "GET /other ");
  EXPECT_TRUE(is_free_but_for(1));
}

// Nor can an address take all of the reserve.
TEST_F(HttpMemory, TheReserveIsBounded) {
  start();
  account_->take(kLimit);
  constexpr std::size_t kEach = RequestMemory::kConnection + RequestMemory::kHead;
  constexpr std::size_t kMost = RequestMemory::kReserve / 4 * 3 / kEach;
  std::vector<TestClient> begun;
  while (begun.size() < kMost) {
    begun.push_back(client());
    begun.back().send("GET /probe HTTP/1.1\r\n");
  }
  const auto is_answered = [&] {
    TestClient one = client();
    one.send(get("/probe"));
    const auto response = one.response();
    return response && response->status == 200;
  };
  EXPECT_TRUE(eventually([&] { return !is_answered(); }));
  begun.pop_back();
  EXPECT_TRUE(eventually(is_answered));
}

TEST_F(HttpMemory, LongBodiesWaitForItAndShortOnesDoNot) {
  start();
  account_->take(kOthers);
  TestClient waits = client();
  waits.send(head_of(kLong, "Expect: 100-continue\r\n"));
  TestClient begun = client();
  begun.send(head_of(kLong) + std::string(kLong, 'x'));
  EXPECT_EQ(client().ask(post("/short", "body")).body, "POST /short body");
  EXPECT_LT(account_->used(), kOthers + 2 * kLong);
  account_->give(kOthers);
  EXPECT_EQ(begun.response().value().body.size(), kLong + 7);
  EXPECT_EQ(waits.response(true).value().status, 100);
  waits.send(std::string(kLong, 'x'));
  EXPECT_EQ(waits.response().value().body.size(), kLong + 7);
  EXPECT_EQ(refusals(), 0u);
}

TEST_F(HttpMemory, WaitsForItOnlySoLong) {
  start();
  account_->take(kOthers);
  TestClient one = client();
  one.send(head_of(kLong));
  const auto response = one.response().value();
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.headers.at("retry-after"), "2");
  EXPECT_EQ(response.headers.at("connection"), "close");
  EXPECT_NE(response.body.find("server.request_memory allows 33554432 bytes"), std::string::npos);
  EXPECT_EQ(refusals(), 1u);
}

TEST_F(HttpMemory, BodiesInChunksAreRefusedWhenTheyCannotGrow) {
  start();
  account_->take(kOthers);
  TestClient one = client();
  const auto response = one.ask(chunked(std::string(4 * kLong, 'x')));
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.headers.at("retry-after"), "2");
  EXPECT_EQ(refusals(), 1u);
}

TEST_F(HttpMemory, BodiesThatCouldNeverBeServedAreRefusedByTheirHeads) {
  start();
  TestClient one = client();
  one.send(head_of(2 * kMiB));
  const auto response = one.response().value();
  EXPECT_EQ(response.status, 413);
  EXPECT_NE(response.body.find("2097152 bytes"), std::string::npos);
  EXPECT_NE(response.body.find("raise server.request_memory"), std::string::npos);
}

TEST_F(HttpMemory, UnpackedBodiesAreChargedAsTheyGrow) {
  start();
  TestClient one = client();
  const std::string packed = encode_content(ContentCoding::kGzip, std::string(kMiB, 'x'));
  const std::string request = post("/", packed, "Content-Encoding: gzip\r\n");
  EXPECT_EQ(one.ask(request).body.size(), kMiB + 7);
  EXPECT_GT(account_->peak(), kMiB * RequestMemory::kReading);
  EXPECT_TRUE(is_free_but_for(1));
  account_->take(kOthers);
  EXPECT_EQ(one.ask(request).status, 503);
  EXPECT_EQ(refusals(), 1u);
}

// There is memory for one of them to be read: the other waits for that.
TEST_F(HttpMemory, WholeBodiesWaitForMemoryToBeWorkedOn) {
  std::latch begun(1);
  std::latch release(1);
  start([&](const std::shared_ptr<const HttpRequest>& request, const Respond& respond) {
    if (request->path == "/first") {
      begun.count_down();
      release.wait();
    }
    echo(request, respond);
  });
  TestClient second = client();
  second.send(head_of(kMiB) + std::string(kMiB - 1, 'x'));
  EXPECT_TRUE(eventually([&] { return account_->used() > kMiB; }));
  TestClient first = client();
  first.send(post("/first", std::string(kMiB, 'x')));
  begun.wait();
  second.send("x");
  EXPECT_EQ(client().ask(post("/third", "x")).status, 200);
  release.count_down();
  EXPECT_EQ(first.response().value().status, 200);
  EXPECT_EQ(second.response().value().status, 200);
  EXPECT_LE(account_->peak(), kLimit);
  EXPECT_EQ(refusals(), 0u);
}

// More than the system takes for a client that does not read.
constexpr std::size_t kAnswer = 24 * kMiB;

void answer_at_length(const std::shared_ptr<const HttpRequest>& request, const Respond& respond) {
  HttpResponse response;
  response.body.assign(request->path == "/short" ? 1000 : kAnswer, 'v');
  respond(std::move(response));
}

TEST_F(HttpMemory, AnswersAreChargedUntilTheyAreSent) {
  account_->set_limit(4 * kLimit);
  start(&answer_at_length);
  {
    TestClient slow = client();
    slow.send(get("/"));
    EXPECT_TRUE(eventually([&] { return account_->used() > kAnswer; }));
    const auto refused = client().ask(get("/"));
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.headers.at("retry-after"), "2");
    EXPECT_EQ(client().ask(get("/short")).status, 200);
  }
  EXPECT_TRUE(is_free_but_for(0));
  EXPECT_EQ(client().ask(get("/")).body.size(), kAnswer);
}

TEST_F(HttpMemory, WhoHoldsMuchAndMovesLittleGoesWhenItIsShort) {
  account_->set_limit(4 * kLimit);
  start(&answer_at_length);
  TestClient reader = client();
  reader.send(get("/"));
  TestClient sender = client();
  sender.send(head_of(kLong));
  EXPECT_TRUE(eventually([&] { return account_->used() > kAnswer + kLong; }));
  EXPECT_TRUE(eventually([&] { return server_->server->connections() == 0; }));
}

// Bodies up to kSmall that do not come, of one client until it gets no more; another is served.
TEST_F(HttpMemory, OneClientsStalledBodiesLeaveRoomForOthers) {
  account_->set_limit(4 * kMiB);
  start();
  const std::string hostile = head_of(64 * kKiB, "x-key: hostile\r\n") + "some";
  std::vector<TestClient> stalled;
  for (int i = 0; i < 64; ++i) {
    stalled.push_back(client());
    stalled.back().send(hostile);
  }
  EXPECT_TRUE(eventually([&] { return account_->used() > 4 * kMiB / 2; }));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(client().ask(post("/a", "body", "x-key: honest\r\n")).body, "POST /a body");
  }
}

// Long answers that one client does not read fill three quarters of the answers' part.
TEST_F(HttpMemory, OneClientsUnreadAnswersLeaveRoomForOthers) {
  account_->set_limit(4 * kLimit);
  constexpr std::size_t kPiece = 6 * kMiB;
  start([](const auto&, const Respond& respond) {
    HttpResponse response;
    response.body.assign(kPiece, 'v');
    respond(std::move(response));
  });
  std::vector<TestClient> unread;
  for (int i = 0; i < 8; ++i) {
    unread.push_back(client());
    unread.back().send(post("/", "x", "x-key: hostile\r\n"));
  }
  EXPECT_TRUE(eventually([&] { return refusals() > 0; }));
  EXPECT_GT(account_->used(), 3 * kPiece);
  EXPECT_EQ(client().ask(post("/", "x", "x-key: honest\r\n")).body.size(), kPiece);
}

}  // namespace
}  // namespace nestvec
