// SPDX-License-Identifier: Apache-2.0
// The memory of requests in the server as a whole.
#include <gtest/gtest.h>

#include <string>

#include "nestvec/load.h"
#include "server/server.h"
#include "support/folders.h"
#include "support/test_client.h"

namespace nestvec {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

class RequestMemoryServer : public testing::Test {
 protected:
  void start() {
    ModelConfig config;
    config.checkpoints.repo_id = test_data() + "/../models/v3-tiny";
    config.runtime.cache_dir = test_build() + "/server-cache";
    config.runtime.precision = "fp32";
    options_.http = "127.0.0.1:0";
    server_.emplace(options_, log_);
    server_->open(load_model(config), 64 * kMiB);
  }
  TestClient client() {
    const std::string text = server_->addresses();
    return TestClient(static_cast<std::uint16_t>(std::stoi(text.substr(text.rfind(':') + 1))));
  }
  double metric(const std::string& name) {
    const std::string text = client().ask(get("/metrics")).body;
    const std::size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }

  ServerOptions options_;
  Log log_{LogFormat::kText, [](std::string_view) {}, LogLevel::kInfo};
  std::optional<Server> server_;
};

const std::string kJson = "Content-Type: application/json\r\n";

TEST_F(RequestMemoryServer, IsToldByTheMetrics) {
  start();
  EXPECT_EQ(metric("nestvec_request_memory_limit_bytes"), 64 * kMiB);
  const std::string text(10'000, 'a');
  EXPECT_EQ(client().ask(post("/embed", R"({"inputs":")" + text + "\"}", kJson)).status, 200);
  EXPECT_GT(metric("nestvec_request_memory_peak_bytes"), 200'000);
  // What is under way then is the question itself.
  EXPECT_TRUE(eventually([&] { return metric("nestvec_request_memory_bytes") < 100'000; }));
  EXPECT_EQ(metric("nestvec_request_memory_refused_total"), 0);
}

TEST_F(RequestMemoryServer, BodiesWithoutAKeyAreNotRead) {
  options_.api_keys = "secret";
  start();
  for (const std::string path : {"/v1/embeddings", "/embed", "/nowhere"}) {
    TestClient stranger = client();
    stranger.send("POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n" +
                  "Expect: 100-continue\r\n\r\n");
    EXPECT_EQ(stranger.response().value().status, path == "/nowhere" ? 404 : 401) << path;
    EXPECT_EQ(stranger.rest(), "");
  }
  EXPECT_LT(metric("nestvec_request_memory_peak_bytes"), 400'000);
  EXPECT_EQ(
      client().ask(post("/embed", R"({"inputs":"a"})", kJson + "x-api-key: secret\r\n")).status,
      200);
}

// Each in the form of its dialect, with what it would take.
TEST_F(RequestMemoryServer, WhatCouldNeverFitIsToldTheNumbers) {
  start();
  const std::string text(kMiB / 2, '!');
  const auto tokens = client().ask(post("/tokenize", R"({"inputs":")" + text + "\"}", kJson));
  EXPECT_EQ(tokens.status, 429);
  EXPECT_NE(tokens.body.find("the answer takes up to 45"), std::string::npos) << tokens.body;
  EXPECT_NE(tokens.body.find("server.request_memory"), std::string::npos) << tokens.body;
  const auto body = client().ask(post("/v1/embeddings", std::string(4 * kMiB, ' '), kJson));
  EXPECT_EQ(body.status, 413);
  EXPECT_NE(body.body.find("request_too_large"), std::string::npos) << body.body;
}

}  // namespace
}  // namespace nestvec
