// SPDX-License-Identifier: Apache-2.0
#include "service/loading.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace nestvec {
namespace {

class WhileLoading : public testing::Test {
 protected:
  HttpResponse answer(const std::string& path, const std::string& method = "GET") const {
    HttpRequest request;
    request.method = method;
    request.path = path;
    return answer_while_loading(request, load_, metrics_);
  }

  static std::string header(const HttpResponse& response, std::string_view name) {
    const auto found = std::ranges::find(response.headers, name, &Headers::value_type::first);
    return found == response.headers.end() ? "" : found->second;
  }

  LoadState load_;
  Metrics metrics_;
};

TEST_F(WhileLoading, LivesButIsNotReady) {
  for (const char* path : {"/health", "/ping", "/healthz", "/livez", "/v2/health/live"}) {
    EXPECT_EQ(answer(path).status, 200) << path;
  }
  EXPECT_EQ(answer("/.well-known/live").status, 204);
  for (const char* path : {"/ready", "/readyz", "/v2/health/ready", "/.well-known/ready"}) {
    EXPECT_EQ(answer(path).status, 503) << path;
    EXPECT_EQ(header(answer(path), "Retry-After"), "1") << path;
  }
  for (const char* path : {"/v1/embeddings", "/nothing", "/v1/models", "/info"}) {
    const HttpResponse response = answer(path);
    EXPECT_EQ(response.status, 503) << path;
    EXPECT_NE(response.body.find("still loading"), std::string::npos) << response.body;
    EXPECT_EQ(header(response, "Retry-After"), "2") << path;
  }
  EXPECT_EQ(answer("/", "POST").status, 503);
}

TEST_F(WhileLoading, MetricsAreThere) {
  metrics_.counter("a_total", "A.").add();
  for (const char* path : {"/metrics", "/v1/metrics"}) {
    const HttpResponse response = answer(path);
    EXPECT_EQ(response.status, 200) << path;
    EXPECT_EQ(response.content_type, Metrics::kContentType);
    EXPECT_NE(response.body.find("a_total 1\n"), std::string::npos);
  }
}

TEST_F(WhileLoading, SaysHowFarItIs) {
  EXPECT_EQ(answer("/ready").body, R"({"status":"loading","progress":0.00})");
  load_.progress(0.425);
  load_.note("reading <weights> & more");
  EXPECT_EQ(answer("/ready").body,
            R"({"status":"loading","progress":0.42,"step":"reading <weights> & more"})");
  load_.note(std::string(1000, 'x'));
  EXPECT_EQ(load_.step().size(), 400u);
}

// They ask /ready themselves, and whatever a browser keeps of them is right once there is a model.
TEST_F(WhileLoading, ThePagesAreThoseOfAServerWithAModel) {
  for (const auto& [path, title] :
       {std::pair{"/", "<title>nestvec</title>"}, {"/docs", "<title>API "}}) {
    const HttpResponse page = answer(path);
    EXPECT_EQ(page.status, 200) << path;
    EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
    EXPECT_NE(page.body.find(title), std::string::npos) << page.body;
    EXPECT_EQ(header(page, "Cache-Control"), "no-cache");
    EXPECT_NE(header(page, "ETag"), "");
    EXPECT_EQ(answer(path, "HEAD").status, 200);
  }
  EXPECT_EQ(answer("/style.css").content_type, "text/css; charset=utf-8");
  EXPECT_EQ(answer("/favicon.svg").status, 200);
  EXPECT_EQ(answer("/openapi.json").status, 503) << "it describes the model";
}

}  // namespace
}  // namespace nestvec
