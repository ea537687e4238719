// SPDX-License-Identifier: Apache-2.0
#include "http/http_server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>

#include "http/content_coding.h"
#include "nestvec/version.h"
#include "support/later.h"
#include "support/test_client.h"

namespace nestvec {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

TEST(HttpServer, AnswersAndKeepsTheConnection) {
  TestServer server;
  TestClient client = server.client();
  for (int i = 0; i < 3; ++i) {
    const auto response = client.ask(post("/a%20b?c=%20d", "body"));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "POST /a b?c=%20d body");
    EXPECT_EQ(response.headers.at("server"), std::string("nestvec/") + kVersion);
    EXPECT_EQ(response.headers.at("content-type"), "text/plain");
    EXPECT_TRUE(response.headers.at("date").ends_with(" GMT"));
    EXPECT_EQ(response.headers.at("x-request-id").size(), 32u);
    EXPECT_FALSE(response.headers.contains("connection"));
  }
}

TEST(HttpServer, ClosesWhenTheClientAsksForIt) {
  TestServer server;
  TestClient client = server.client();
  EXPECT_EQ(client.ask(get("/", "Connection: close\r\n")).headers.at("connection"), "close");
  EXPECT_EQ(client.rest(), "");
}

TEST(HttpServer, SpeaksHttp10) {
  TestServer server;
  TestClient client = server.client();
  const auto kept = client.ask("GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(kept.body, "GET /1 ");
  EXPECT_EQ(kept.headers.at("connection"), "keep-alive");
  client.send("GET /2 HTTP/1.0\r\n\r\n");
  const std::string last = client.rest();
  EXPECT_TRUE(last.starts_with("HTTP/1.0 200 OK\r\n")) << last;
  EXPECT_TRUE(last.ends_with("GET /2 ")) << last;
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  TestServer server;
  TestClient client = server.client();
  std::string requests;
  constexpr int kRequests = 30;
  for (int i = 0; i < kRequests; ++i)
    requests += post("/wait/" + std::to_string(i % 3), std::to_string(i));
  client.send(requests);
  for (int i = 0; i < kRequests; ++i) {
    const auto response = client.response();
    ASSERT_TRUE(response) << i;
    EXPECT_EQ(response->body, "POST /wait/" + std::to_string(i % 3) + " " + std::to_string(i));
  }
}

TEST(HttpServer, TakesMorePipelinedBytesThanItReadsAhead) {
  TestServer server;
  TestClient client = server.client();
  const std::string body(10'000, 'x');
  constexpr int kRequests = 40;
  std::thread sender([&] {
    for (int i = 0; i < kRequests; ++i) client.send(post("/wait/1", body));
  });
  for (int i = 0; i < kRequests; ++i) {
    const auto response = client.response();
    EXPECT_TRUE(response && response->body.size() == body.size() + 13) << i;
  }
  sender.join();
}

TEST(HttpServer, ReadsChunkedBodies) {
  TestServer server;
  TestClient client = server.client();
  const std::string head = "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string request = head + "3;note=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: t\r\n\r\n";
  EXPECT_EQ(client.ask(request).body, "POST /c abcde");
  EXPECT_EQ(client.ask(head + "0\r\n\r\n").body, "POST /c ");
  for (const char c : request) client.send(std::string_view(&c, 1));
  EXPECT_EQ(client.response().value().body, "POST /c abcde");
}

TEST(HttpServer, SaysContinueBeforeTheBodyOnly) {
  TestServer server;
  TestClient client = server.client();
  client.send("POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.response().value().status, 100);
  EXPECT_EQ(client.ask("ok").body, "POST /e ok");
  EXPECT_EQ(client.ask(post("/e", "at once", "Expect: 100-continue\r\n")).status, 200);
}

TEST(HttpServer, AnswersHeadWithoutTheBody) {
  TestServer server;
  TestClient client = server.client();
  client.send("HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto head = client.response(true).value();
  EXPECT_EQ(head.headers.at("content-length"), std::to_string(std::string("GET /h ").size()));
  EXPECT_EQ(client.ask(get("/next")).body, "GET /next ");
  EXPECT_EQ(server.access_log(2)[0].method, "HEAD");
}

TEST(HttpServer, DecodesBodies) {
  TestServer server;
  TestClient client = server.client();
  const std::string text(5000, 'g');
  EXPECT_EQ(
      client
          .ask(post("/z", encode_content(ContentCoding::kGzip, text), "Content-Encoding: gzip\r\n"))
          .body,
      "POST /z " + text);
  EXPECT_EQ(
      client
          .ask(post("/z", encode_content(ContentCoding::kZstd, text), "Content-Encoding: zstd\r\n"))
          .body,
      "POST /z " + text);
  EXPECT_EQ(client.ask(post("/z", "x", "Content-Encoding: gzip\r\n")).status, 400);
  EXPECT_EQ(client.ask(post("/z", "x", "Content-Encoding: br\r\n")).status, 415);
  EXPECT_EQ(client.ask(get("/alive")).status, 200);
}

TEST(HttpServer, CompressesLargeAnswersToGetAlone) {
  const std::string page(20'000, 'p');
  TestServer server(local_options(), [&](const auto& request, const Respond& respond) {
    HttpResponse response;
    response.body = request->path == "/small" ? "small" : page;
    respond(std::move(response));
  });
  TestClient client = server.client();
  const std::string_view accept = "Accept-Encoding: br, gzip\r\n";
  auto response = client.ask(get("/large", accept));
  EXPECT_EQ(response.headers.at("content-encoding"), "gzip");
  EXPECT_FALSE(decode_content("gzip", page.size(), response.body));
  EXPECT_EQ(response.body, page);
  response = client.ask(get("/large", "Accept-Encoding: gzip, zstd\r\n"));
  EXPECT_EQ(response.headers.at("content-encoding"), "zstd");
  EXPECT_FALSE(decode_content("zstd", page.size(), response.body));
  EXPECT_EQ(response.body, page);
  EXPECT_EQ(client.ask(get("/small", accept)).body, "small");
  EXPECT_EQ(client.ask(get("/large")).body, page);
  EXPECT_EQ(client.ask(post("/large", "", accept)).body, page);
}

TEST(HttpServer, SurvivesRequestsCutAtEveryByte) {
  TestServer server;
  const std::string request =
      "POST /cut HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  for (std::size_t i = 0; i < request.size(); ++i) {
    server.client().send(request.substr(0, i));  // and closes
    TestClient client = server.client();
    client.send(request.substr(0, i));
    std::this_thread::sleep_for(milliseconds(1));
    EXPECT_EQ(client.ask(request.substr(i)).body, "POST /cut abc") << i;
  }
  EXPECT_TRUE(eventually([&] { return server.server->connections() == 0; }));
}

TEST(HttpServer, KeepsSaneRequestIds) {
  std::promise<std::string> seen;
  TestServer server(local_options(), [&](const auto& request, const Respond& respond) {
    if (request->path == "/first") seen.set_value(request->id);
    respond({});
  });
  TestClient client = server.client();
  EXPECT_EQ(client.ask(get("/first", "X-Request-ID: mine-1\r\n")).headers.at("x-request-id"),
            "mine-1");
  EXPECT_EQ(seen.get_future().get(), "mine-1");
  for (const std::string& id : {std::string(129, 'x'), std::string("with space"), std::string()}) {
    EXPECT_EQ(
        client.ask(get("/", "x-request-id: " + id + "\r\n")).headers.at("x-request-id").size(),
        32u);
  }
}

TEST(HttpServer, StopsTheRequestOfAClientThatHasGone) {
  Later later;
  TestServer server(local_options(), later.handler());
  for (const std::size_t ahead : {0u, 100u, 50'000u}) {
    TestClient client = server.client();
    client.send(post("/", "") + std::string(ahead, '\n'));
    const auto [request, respond] = later.next();
    std::this_thread::sleep_for(milliseconds(20));
    EXPECT_FALSE(request->stop.stop_requested());
    client.close();
    EXPECT_TRUE(eventually([&] { return request->stop.stop_requested(); })) << ahead;
    respond({});
  }
  EXPECT_TRUE(eventually([&] { return server.server->connections() == 0; }));
}

TEST(HttpServer, AnswersAClientThatOnlyHasNoMoreToSend) {
  Later later;
  TestServer server(local_options(), later.handler());
  for (const std::string& request : {post("/", ""), post("/", "") + std::string(50'000, '\n'),
                                     std::string("GET / HTTP/1.0\r\n\r\n")}) {
    TestClient client = server.client();
    client.send(request);
    const auto [waiting, respond] = later.next();
    client.shutdown_write();
    const bool interim = request.find("HTTP/1.1") != std::string::npos;
    if (interim) {
      EXPECT_EQ(client.response().value().status, 100);  // it has seen the end
    }
    EXPECT_FALSE(waiting->stop.stop_requested());
    respond({});
    EXPECT_EQ(client.response().value().status, 200);
    EXPECT_EQ(client.rest(), "");
  }
  EXPECT_EQ(server.access_log(3)[2].status, 200);
}

TEST(HttpServer, KeepsWhatComesWhileItAnswers) {
  Later later;
  TestServer server(local_options(), later.handler());
  TestClient client = server.client();
  client.send(post("/1", ""));
  const auto first = later.next();
  client.send(post("/2", "second"));
  std::this_thread::sleep_for(milliseconds(20));
  first.second({});
  EXPECT_TRUE(client.response());
  const auto second = later.next();
  EXPECT_EQ(second.first->body, "second");
  EXPECT_EQ(second.first->connection, first.first->connection);
  EXPECT_EQ(second.first->peer, "127.0.0.1");
  second.second({});
  EXPECT_TRUE(client.response());
}

TEST(HttpServer, AlwaysAnswersOnce) {
  std::atomic<int> calls = 0;
  TestServer server(local_options(), [&](const auto&, const Respond& respond) {
    const int call = calls++;
    if (call == 0) throw std::runtime_error("a fault of the handler");
    if (call == 1) return;
    respond({});
    respond(HttpResponse());
  });
  TestClient client = server.client();
  const auto thrown = client.ask(get("/"));
  EXPECT_EQ(thrown.status, 500);
  EXPECT_EQ(thrown.body.find("a fault of the handler"), std::string::npos)
      << "its text is not told";
  EXPECT_EQ(client.ask(get("/")).status, 500);
  EXPECT_EQ(client.ask(get("/")).status, 200);
  EXPECT_EQ(client.ask(get("/")).status, 200);
}

TEST(HttpServer, AnswersMayComeAfterItsEnd) {
  Later later;
  std::optional<Later::Waiting> waiting;
  {
    TestServer server(local_options(), later.handler());
    TestClient client = server.client();
    client.send(get("/"));
    waiting = later.next();
    server.server.reset();
    EXPECT_TRUE(waiting->first->stop.stop_requested());
    EXPECT_EQ(client.rest(), "");
  }
  waiting->second({});
}

TEST(HttpServer, WritesLargeAnswersToASlowReader) {
  const std::string large(std::size_t{24} << 20, 'v');
  TestServer server(local_options(), [&](const auto&, const Respond& respond) {
    HttpResponse response;
    response.body = large;
    respond(std::move(response));
  });
  TestClient client = server.client();
  client.send(post("/", "") + post("/", ""));
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_EQ(client.response().value().body, large);
  EXPECT_EQ(client.response().value().body, large);
}

TEST(HttpServer, LogsRequestsWithoutTheirText) {
  TestServer server(local_options(), [](const auto&, const Respond& respond) {
    HttpResponse response;
    response.status = 429;
    response.headers.emplace_back("x-nestvec-tokens", "12");
    response.body = "later";
    respond(std::move(response));
  });
  server.client().ask(post("/v1/embeddings?secret=1", "a text", "x-request-id: r\r\n"));
  server.client().ask("nonsense\r\n\r\n");
  const std::vector<AccessRecord> log = server.access_log(2);
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[0].id, "r");
  EXPECT_EQ(log[0].client, "127.0.0.1");
  EXPECT_EQ(log[0].method, "POST");
  EXPECT_EQ(log[0].path, "/v1/embeddings");
  EXPECT_EQ(log[0].status, 429);
  EXPECT_EQ(log[0].bytes_in, 6u);
  EXPECT_GT(log[0].bytes_out, 100u);
  EXPECT_EQ(log[0].tokens, 12u);
  EXPECT_EQ(log[1].method, "-");
  EXPECT_EQ(log[1].status, 400);
}

TEST(HttpServer, UsesSeveralIoThreads) {
  HttpServerOptions options = local_options();
  options.io_threads = 3;
  TestServer server(options);
  std::vector<TestClient> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(server.client());
  for (TestClient& client : clients) client.send(post("/wait/5", "x"));
  for (TestClient& client : clients) EXPECT_EQ(client.response().value().body, "POST /wait/5 x");
  EXPECT_TRUE(server.server->drain(steady_clock::now() + seconds(10)));
}

}  // namespace
}  // namespace nestvec
