// SPDX-License-Identifier: Apache-2.0
// How HttpServer ends, and what becomes of the requests that it has then.
#include <gtest/gtest.h>

#include <thread>
#include <utility>

#include "http/http_server.h"
#include "support/later.h"
#include "support/test_client.h"

namespace nestvec {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

TEST(HttpDrain, FinishesWhatWasBegunBeforeItEnds) {
  Later later;
  TestServer server(local_options(), later.handler());
  TestClient busy = server.client();
  TestClient idle = server.client();
  busy.send(get("/"));
  const auto waiting = later.next();
  server.server->stop_accepting();
  EXPECT_THROW(server.client(), std::runtime_error);
  EXPECT_TRUE(idle.is_closed_within(seconds(5)));
  std::thread answer([&] {
    std::this_thread::sleep_for(milliseconds(100));
    waiting.second({});
  });
  EXPECT_TRUE(server.server->drain(steady_clock::now() + seconds(10)));
  answer.join();
  EXPECT_EQ(busy.response().value().headers.at("connection"), "close");
  EXPECT_EQ(busy.rest(), "");
}

TEST(HttpDrain, RefusesWhatIsNotDoneInTimeBeforeItEnds) {
  Later later;
  HttpServerOptions options = local_options();
  options.refusal = [](const HttpRequest& head, const Error& error) {
    HttpResponse response;
    response.status = 503;
    response.body = head.path + ": " + error.what();
    return response;
  };
  TestServer server(options, later.handler());
  TestClient busy = server.client();
  TestClient sending = server.client();
  TestClient beginning = server.client();
  beginning.send("GET / HT");
  sending.send("POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx");
  busy.send(get("/work"));
  const auto waiting = later.next();
  EXPECT_FALSE(server.server->drain(steady_clock::now()));
  EXPECT_TRUE(waiting.first->stop.stop_requested());
  waiting.second({});  // too late
  for (const auto& [client, path] : {std::pair(&busy, "/work: "), std::pair(&sending, "/body: ")}) {
    const auto refused = client->response().value();
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(refused.body.starts_with(path)) << refused.body;
    EXPECT_NE(refused.body.find("shutting down"), std::string::npos) << refused.body;
    EXPECT_EQ(client->rest(), "");
  }
  const auto refused = beginning.response().value();
  EXPECT_EQ(refused.status, 503);
  EXPECT_TRUE(refused.headers.contains("retry-after"));
}

TEST(HttpDrain, AnswersWhoConnectedBeforeItStoppedToAccept) {
  RequestThreads threads(2);
  HttpServer server(local_options(), &echo, threads);
  std::vector<TestClient> clients;
  for (int i = 0; i < 100; ++i) {  // more than are accepted in one turn
    clients.emplace_back(server.port());
    clients.back().send(get("/"));
  }
  server.start();
  EXPECT_TRUE(server.drain(steady_clock::now() + seconds(10)));
  for (TestClient& client : clients) EXPECT_EQ(client.response().value().status, 200);
}

}  // namespace
}  // namespace nestvec
