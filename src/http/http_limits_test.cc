// SPDX-License-Identifier: Apache-2.0
// What HttpServer refuses, and how long it waits.
#include <gtest/gtest.h>

#include <atomic>

#include "http/content_coding.h"
#include "http/http_server.h"
#include "http/http_shared.h"
#include "support/test_client.h"

namespace nestvec {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

HttpServerOptions strict_options() {
  HttpServerOptions options = local_options();
  options.server.max_body_bytes = 1000;
  options.server.header_seconds = 1;
  options.server.idle_seconds = 2;
  return options;
}

// The answer, which must be an error in OpenAI's form and the last of its connection.
int refusal_of(TestServer& server, std::string_view bytes) {
  TestClient client = server.client();
  client.send(bytes);
  const auto response = client.response();
  if (!response) return 0;
  EXPECT_TRUE(response->body.starts_with(R"({"error":{"message":")")) << response->body;
  EXPECT_EQ(response->headers.at("connection"), "close");
  EXPECT_EQ(response->headers.at("content-type"), "application/json");
  EXPECT_TRUE(response->headers.contains("x-request-id"));
  EXPECT_EQ(client.rest(), "");
  return response->status;
}

TEST(HttpLimits, RefusesWhatIsNoRequest) {
  TestServer server;
  EXPECT_EQ(refusal_of(server, "nonsense\r\n\r\n"), 400);
  EXPECT_EQ(refusal_of(server, "\x16\x03\x01\x02\x03 a TLS client\r\n\r\n"), 400);
  EXPECT_EQ(refusal_of(server, "GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(refusal_of(server, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
  EXPECT_EQ(refusal_of(server, "GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n"), 400);
  EXPECT_EQ(refusal_of(server, get("/%zz")), 400);
  EXPECT_EQ(refusal_of(server, get("/%00")), 400);
  EXPECT_EQ(refusal_of(server, get("no/slash")), 400);
  EXPECT_EQ(refusal_of(server, "GET / HTTP/2.0\r\nHost: x\r\n\r\n"), 505);
  EXPECT_EQ(refusal_of(server, get("/", "Expect: a miracle\r\n")), 417);
}

TEST(HttpLimits, RefusesBodiesOfUnclearLength) {
  TestServer server;
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  EXPECT_EQ(refusal_of(server, post("/", "1", chunked)), 400);
  EXPECT_EQ(refusal_of(server, post("/", "1", "Content-Length: 2\r\n")), 400);
  EXPECT_EQ(refusal_of(server, get("/", "Content-Length: -1\r\n")), 400);
  EXPECT_EQ(refusal_of(server, get("/", "Transfer-Encoding: gzip, chunked\r\n")), 501);
  EXPECT_EQ(refusal_of(server, get("/", "Transfer-Encoding: identity\r\n")), 501);
  EXPECT_EQ(refusal_of(server, get("/", chunked) + "zz\r\n"), 400);
  EXPECT_EQ(refusal_of(server, get("/", chunked) + "3\r\nabcd\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(refusal_of(server, get("/", chunked) + "ffffffffffffffffff\r\n"), 400);
}

TEST(HttpLimits, RefusesLongHeads) {
  TestServer server;
  const std::string long_text(std::size_t{16} << 10, 'x');
  EXPECT_EQ(refusal_of(server, get("/" + long_text)), 431);
  EXPECT_EQ(refusal_of(server, get("/", "a: " + long_text + "\r\n")), 431);
  std::string many;
  for (int i = 0; i < 200; ++i) many += "a: b\r\n";
  EXPECT_EQ(refusal_of(server, get("/", many)), 431);
  EXPECT_EQ(
      refusal_of(server, get("/", "Transfer-Encoding: chunked\r\n") + "1;" + long_text + long_text),
      431);
}

// Beast would count what it has parsed and what is left over each for itself.
TEST(HttpLimits, CountsAHeadThatComesInPieces) {
  TestServer server;
  TestClient client = server.client();
  std::string lines;
  for (int i = 0; i < 10; ++i) lines += "a: " + std::string(1000, 'x') + "\r\n";
  client.send("GET / HTTP/1.1\r\nHost: x\r\n" + lines);
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(client.ask(lines + "\r\n").status, 431);
}

TEST(HttpLimits, RefusesLargeBodiesBeforeTheyCome) {
  TestServer server(strict_options());
  EXPECT_EQ(refusal_of(server, get("/", "Content-Length: 1001\r\n")), 413);
  EXPECT_EQ(refusal_of(server, get("/", "Content-Length: 1001\r\nExpect: 100-continue\r\n")), 413);
  EXPECT_EQ(refusal_of(server, get("/", "Transfer-Encoding: chunked\r\n") + "3e9\r\n"), 413);
  EXPECT_EQ(server.client().ask(post("/", std::string(1000, 'x'))).status, 200);
}

// What a refused client sends on is not read for ever.
TEST(HttpLimits, DropsOnlySoMuchOfASenderOfTooMuch) {
  TestServer server;
  const auto sent_after = [&](std::string_view start) {
    TestClient client = server.client();
    client.send(start);
    const std::string more(std::size_t{1} << 20, '\0');
    std::size_t sent = 0;
    while (sent < 4 * kMostDropped && client.send(more)) sent += more.size();
    return sent;
  };
  constexpr std::size_t kBuffers = std::size_t{32} << 20;  // of the system, at most
  EXPECT_LT(sent_after("nonsense\r\n\r\n"), kMostDropped + kBuffers);
  EXPECT_LT(sent_after("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(100, 'x')),
            kMostDropped + kBuffers);
}

// The client sends on, and reads when it has sent all, as most do; a server that closed earlier
// would reset the connection.
TEST(HttpLimits, LetsTheRefusalReachASenderOfTooMuch) {
  TestServer server(strict_options());
  // Made before the connection, which may not idle for as long as it takes on a busy machine.
  const std::string request = post("/", std::string(std::size_t{32} << 20, 'x'));
  TestClient client = server.client();
  EXPECT_TRUE(client.send(request));
  EXPECT_EQ(client.response().value().status, 413);
}

TEST(HttpLimits, LetsTheRefusalReachASenderWhoTakesLong) {
  TestServer server(strict_options());
  const std::string part(2 * kLingerBytesPerSecond / 50, 'x');
  TestClient client = server.client();
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n");
  const auto end = steady_clock::now() + kLinger + milliseconds(500);
  while (steady_clock::now() < end) {
    EXPECT_TRUE(client.send(part));
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_EQ(client.response().value().status, 413);
}

TEST(HttpLimits, RefusesBodiesThatDecodeToTooMuch) {
  TestServer server(strict_options());
  TestClient client = server.client();
  const std::string bomb = encode_content(ContentCoding::kGzip, std::string(100'000, '\0'));
  ASSERT_LT(bomb.size(), 1000u);
  EXPECT_EQ(client.ask(post("/", bomb, "Content-Encoding: gzip\r\n")).status, 413);
  EXPECT_EQ(client.ask(get("/")).status, 200);  // the body was read, the connection goes on
}

TEST(HttpLimits, ClosesIdleConnections) {
  TestServer server(strict_options());
  const auto start = steady_clock::now();
  TestClient silent = server.client();
  TestClient used = server.client();
  EXPECT_EQ(used.ask(get("/")).status, 200);
  EXPECT_TRUE(silent.is_closed_within(seconds(6)));
  EXPECT_TRUE(used.is_closed_within(seconds(6)));
  EXPECT_GE(steady_clock::now() - start, milliseconds(1500));
}

TEST(HttpLimits, EndsHeadsThatTakeTooLong) {
  TestServer server(strict_options());
  TestClient client = server.client();
  const auto start = steady_clock::now();
  const std::string request = get("/", "a: " + std::string(1000, 'x') + "\r\n");
  std::size_t sent = 0;
  while (steady_clock::now() - start < seconds(5) && client.send(request.substr(sent++, 1))) {
    std::this_thread::sleep_for(milliseconds(50));
    if (server.server->connections() == 0) break;
    if (sent == 40) break;  // two seconds: twice what is allowed
  }
  EXPECT_EQ(client.response().value().status, 408);
  EXPECT_LT(steady_clock::now() - start, seconds(8));
}

TEST(HttpLimits, EndsBodiesThatStall) {
  TestServer server(strict_options());
  TestClient client = server.client();
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345");
  EXPECT_EQ(client.response().value().status, 408);
}

// A byte now and then is no pause, but too slow all the same.
TEST(HttpLimits, EndsBodiesThatTrickle) {
  TestServer server(strict_options());
  TestClient client = server.client();
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
  const auto start = steady_clock::now();
  // Until it closes: a pause at the end would be another reason to.
  while (client.send("x") && steady_clock::now() - start < seconds(30)) {
    std::this_thread::sleep_for(milliseconds(100));
  }
  EXPECT_LT(steady_clock::now() - start, seconds(30));
  EXPECT_EQ(client.response().value().status, 408);
}

TEST(HttpLimits, EndsAnswersThatNobodyTakes) {
  const std::string large(std::size_t{32} << 20, 'v');
  TestServer server(strict_options(), [&](const auto&, const Respond& respond) {
    HttpResponse response;
    response.body = large;
    respond(std::move(response));
  });
  TestClient client = server.client();
  client.send(get("/"));
  EXPECT_TRUE(eventually([&] { return server.server->connections() == 1; }));
  EXPECT_TRUE(eventually([&] { return server.server->connections() == 0; }));
  EXPECT_LT(server.access_log(1).at(0).bytes_out, large.size());
}

TEST(HttpLimits, BoundsTheConnections) {
  HttpServerOptions options = local_options();
  options.server.max_connections = 2;
  TestServer server(options);
  TestClient first = server.client();
  std::optional<TestClient> second = server.client();
  EXPECT_EQ(first.ask(get("/")).status, 200);
  EXPECT_EQ(second->ask(get("/")).status, 200);
  const auto refused = server.client().response();
  EXPECT_EQ(refused.value().status, 503);
  EXPECT_EQ(server.server->refused_connections(), 1u);
  second.reset();
  EXPECT_TRUE(eventually([&] { return server.server->connections() == 1; }));
  EXPECT_EQ(server.client().ask(get("/")).status, 200);
}

TEST(HttpLimits, RefusesRequestsThatNoThreadCanTake) {
  std::mutex gate;
  std::atomic<int> running{0};
  RequestThreads threads(1, 1);
  HttpServerOptions options = local_options();
  HttpServer server(
      options,
      [&](const auto&, const Respond& respond) {
        ++running;
        const std::lock_guard wait(gate);
        respond({});
      },
      threads);
  server.start();
  std::vector<TestClient> clients;
  std::unique_lock closed(gate);
  for (int i = 0; i < 5; ++i) {
    clients.emplace_back(server.port());
    clients.back().send(get("/"));
    // One runs, one waits, three are too many.
    ASSERT_TRUE(eventually([&] { return running == 1; }));
    std::this_thread::sleep_for(milliseconds(50));
  }
  for (std::size_t i = 2; i < clients.size(); ++i) {
    const auto response = clients[i].response().value();
    EXPECT_EQ(response.status, 503);
    EXPECT_TRUE(response.headers.contains("retry-after"));
  }
  closed.unlock();
  EXPECT_EQ(clients[0].response().value().status, 200);
  EXPECT_EQ(clients[1].response().value().status, 200);
}

// As /health is: who watches the server is answered whatever it is busy with.
TEST(HttpLimits, AnswersUrgentRequestsWhileAllThreadsAreBusy) {
  std::mutex gate;
  std::atomic<int> running{0};
  RequestThreads threads(2, 2);
  HttpServerOptions options = local_options();
  options.is_urgent = [](const HttpRequest& request) { return request.path == "/health"; };
  HttpServer server(
      options,
      [&](const auto& request, const Respond& respond) {
        if (request->path != "/health") {
          ++running;
          const std::lock_guard wait(gate);
        }
        respond({});
      },
      threads);
  server.start();
  std::vector<TestClient> clients;
  std::unique_lock closed(gate);
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back(server.port());
    clients.back().send(get("/"));
    // Two run, two wait: a third that waits would be one too many.
    if (i < 2) {
      ASSERT_TRUE(eventually([&] { return running == i + 1; }));
    }
  }
  for (int i = 0; i < 3; ++i) EXPECT_EQ(TestClient(server.port()).ask(get("/health")).status, 200);
  EXPECT_EQ(running, 2);
  closed.unlock();
  for (TestClient& client : clients) EXPECT_EQ(client.response().value().status, 200);
}

}  // namespace
}  // namespace nestvec
