// SPDX-License-Identifier: Apache-2.0
#include "service/router.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/json.h"
#include "support/test_service.h"

namespace nestvec {
namespace {

// A dialect whose errors are told apart from OpenAI's.
class OtherErrors final : public ErrorStyle {
 public:
  HttpResponse render(const Error& error) const override {
    HttpResponse response;
    response.status = http_status(error);
    response.body = "other: " + std::string(error.what());
    return response;
  }
};

RouteHandler says(const std::string& text) {
  return [text](const Exchange& exchange) {
    HttpResponse response;
    response.body = text;
    for (const std::string& parameter : exchange.parameters) response.body += " " + parameter;
    if (!exchange.client.empty()) response.body += " for " + exchange.client;
    exchange.respond(std::move(response));
  };
}

RouteHandler throws(const Error& error) {
  return [error](const Exchange&) { throw Error(error); };
}

class RouterTest : public testing::Test {
 protected:
  Router make() const {
    return {test_.service,
            keys_,
            {{"GET", "/", says("root"), nullptr, true},
             {"POST", "/v1/embeddings", says("embeddings"), &openai_errors()},
             {"GET", "/v1/models", says("models"), &openai_errors()},
             {"GET", "/v1/models/{}", says("model"), &openai_errors()},
             {"GET", "/files/{}/part/{}", says("part"), &openai_errors()},
             {"POST", "/api/embed", says("embed"), &other_},
             {"GET", "/api/fails",
              throws(Error(ErrorCode::kResourceExhausted, "full",
                           {.text = {}, .retry_after = std::chrono::milliseconds(2500)})),
              &other_},
             {"GET", "/fails", throws(Error(ErrorCode::kUnavailable, "later")), &openai_errors()},
             {"GET", "/breaks", [](const Exchange&) { throw std::runtime_error("secret"); },
              &openai_errors()},
             {"GET", "/health", says("healthy"), &openai_errors(), true}}};
  }

  std::string body(const std::string& method, const std::string& path) {
    return call(make(), request_of(method, path)).body;
  }
  int status(const std::string& method, const std::string& path) {
    return call(make(), request_of(method, path)).status;
  }

  TestService test_;
  KeyStore keys_;
  OtherErrors other_;
};

TEST_F(RouterTest, TellsSpansOfTracesThatAreKept) {
  std::vector<RequestSpan> spans;
  test_.service.spans = [&spans](RequestSpan span) { spans.push_back(std::move(span)); };
  const Router router = make();
  const std::string trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0";
  const auto ask = [&](Headers headers) {
    return header_of(call(router, request_of("GET", "/v1/models/a", "", std::move(headers))),
                     "traceparent");
  };
  EXPECT_EQ(ask({{"traceparent", trace + "1"}}), trace + "1");
  EXPECT_EQ(ask({{"traceparent", trace + "0"}}), trace + "0");
  EXPECT_EQ(ask({{"traceparent", "made up"}}), "");
  EXPECT_EQ(ask({}), "");
  ASSERT_EQ(spans.size(), 3u) << "not of the trace that is not sampled";
  EXPECT_EQ(spans[0].parent->parent_id, "00f067aa0ba902b7");
  EXPECT_EQ(spans[0].route, "/v1/models/{}");
  EXPECT_EQ(spans[0].status, 200);
  EXPECT_FALSE(spans[1].parent);
  EXPECT_FALSE(spans[2].parent);
}

TEST_F(RouterTest, FindsTheRouteOfMethodAndPath) {
  EXPECT_EQ(body("GET", "/"), "root");
  EXPECT_EQ(body("POST", "/v1/embeddings"), "embeddings");
  EXPECT_EQ(body("GET", "/v1/models"), "models");
  EXPECT_EQ(body("HEAD", "/v1/models"), "models");
}

TEST_F(RouterTest, ParametersStandForSegmentsAndAtTheEndForTheRest) {
  EXPECT_EQ(body("GET", "/v1/models/a"), "model a");
  EXPECT_EQ(body("GET", "/v1/models/jinaai/jina-embeddings-v3"), "model jinaai/jina-embeddings-v3");
  EXPECT_EQ(body("GET", "/files/x/part/y/z"), "part x y/z");
  for (const char* path : {"/v1/models/", "/files//part/y", "/files/x/part/", "/files/x/party"}) {
    EXPECT_EQ(status("GET", path), 404) << path;
  }
}

TEST_F(RouterTest, OtherPathsAre404InTheStyleOfTheNearestDialect) {
  for (const char* path : {"", "nothing", "/v1", "/v1/embedding", "/v1/embeddings/", "//",
                           "/v1//embeddings", "*", "/\xff\xfe"}) {
    const HttpResponse response = call(make(), request_of("POST", path));
    EXPECT_EQ(response.status, 404) << path;
    const JsonDocument document = JsonDocument::parse(response.body, "answer");
    EXPECT_EQ(document.root().at("error").at("code").string(), "not_found") << path;
  }
  EXPECT_EQ(body("POST", "/api/unknown").substr(0, 6), "other:");
}

TEST_F(RouterTest, OtherMethodsAre405WithAllow) {
  HttpResponse response = call(make(), request_of("DELETE", "/v1/models"));
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(header_of(response, "Allow"), "GET, HEAD, OPTIONS");
  response = call(make(), request_of("GET", "/v1/embeddings"));
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(header_of(response, "Allow"), "POST, OPTIONS");
  response = call(make(), request_of("PUT", "/api/embed"));
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.body.substr(0, 6), "other:");
  response = call(make(), request_of("OPTIONS", "*"));
  EXPECT_EQ(response.status, 204) << "the server as a whole";
  response = call(make(), request_of("OPTIONS", "/v1/embeddings"));
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(header_of(response, "Allow"), "POST, OPTIONS");
}

TEST_F(RouterTest, WhatAHandlerThrowsIsAnsweredInItsStyle) {
  EXPECT_EQ(body("GET", "/api/fails"), "other: full");
  EXPECT_EQ(status("GET", "/api/fails"), 429);
  EXPECT_EQ(status("GET", "/fails"), 503);
  const HttpResponse broken = call(make(), request_of("GET", "/breaks"));
  EXPECT_EQ(broken.status, 500);
  EXPECT_EQ(broken.body.find("secret"), std::string::npos);
}

TEST_F(RouterTest, AsksForAKeyWhereThereAreKeys) {
  keys_.load("first,second", "");
  const Router router = make();
  const auto answer = [&router](const Headers& headers) {
    return call(router, request_of("POST", "/v1/embeddings", "", headers));
  };
  HttpResponse response = answer({});
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(header_of(response, "WWW-Authenticate"), "Bearer");
  EXPECT_EQ(answer({{"authorization", "Bearer third"}}).status, 401);
  EXPECT_EQ(answer({{"authorization", "Basic first"}}).status, 401);
  EXPECT_EQ(answer({{"x-api-key", ""}}).status, 401);
  EXPECT_EQ(answer({{"authorization", "Bearer first"}}).body, "embeddings for key-1");
  EXPECT_EQ(answer({{"authorization", "Token second"}}).body, "embeddings for key-2");
  EXPECT_EQ(answer({{"x-api-key", "second"}}).body, "embeddings for key-2");
  EXPECT_EQ(answer({{"api-key", "second"}}).body, "embeddings for key-2");
  EXPECT_EQ(call(router, request_of("GET", "/health")).body, "healthy");
  EXPECT_EQ(call(router, request_of("GET", "/nothing")).status, 404);
}

TEST_F(RouterTest, AddsTheRequestsIdAndTrace) {
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  HttpResponse response = call(make(), request_of("GET", "/", "", {{"traceparent", trace}}));
  EXPECT_EQ(header_of(response, "x-request-id"), "request-1");
  EXPECT_EQ(header_of(response, "traceparent"), trace);
  response = call(make(), request_of("GET", "/nothing", "", {{"traceparent", "x\r\ny: z"}}));
  EXPECT_EQ(header_of(response, "x-request-id"), "request-1");
  EXPECT_EQ(header_of(response, "traceparent"), "");
}

TEST_F(RouterTest, CountsAnswersByRouteAndStatus) {
  const Router router = make();
  call(router, request_of("GET", "/v1/models/a"));
  call(router, request_of("GET", "/v1/models/b"));
  call(router, request_of("GET", "/made/up"));
  call(router, request_of("PUT", "/v1/embeddings"));
  const std::string text = test_.metrics.text();
  for (const char* line : {"nestvec_requests_total{route=\"/v1/models/{}\",status=\"200\"} 2\n",
                           "nestvec_requests_total{route=\"other\",status=\"404\"} 1\n",
                           "nestvec_requests_total{route=\"/v1/embeddings\",status=\"405\"} 1\n",
                           "nestvec_request_seconds_count{route=\"/v1/models/{}\"} 2\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

Headers preflight(const std::string& origin, const std::string& headers) {
  return {{"origin", origin},
          {"access-control-request-method", "POST"},
          {"access-control-request-headers", headers}};
}

TEST_F(RouterTest, AnswersPreflightWithoutAKey) {
  test_.options.cors_origins = "*";
  keys_.load("key", "");
  const HttpResponse response =
      call(make(),
           request_of(
               "OPTIONS", "/v1/embeddings", "",
               preflight("https://a.example",
                         "authorization, X-Stainless-OS,x-a b, user-agent, OpenAI-Beta, a\r\nb")));
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(header_of(response, "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(header_of(response, "Access-Control-Allow-Methods"), "POST, OPTIONS");
  EXPECT_EQ(header_of(response, "Access-Control-Allow-Headers"),
            "authorization, content-type, traceparent, tracestate, x-stainless-os, user-agent, "
            "openai-beta");
}

TEST_F(RouterTest, APreflightNamesBackSoManyHeaders) {
  test_.options.cors_origins = "*";
  std::string names;
  for (int i = 0; i < 1000; ++i) names += "h" + std::to_string(i) + ",";
  const HttpResponse response =
      call(make(), request_of("OPTIONS", "/v1/models", "",
                              preflight("https://a.example", names + std::string(100, 'x'))));
  const std::string allowed = header_of(response, "Access-Control-Allow-Headers");
  EXPECT_EQ(std::ranges::count(allowed, ','), 63);
  EXPECT_EQ(allowed.find(std::string(100, 'x')), std::string::npos);
}

TEST_F(RouterTest, OnlyPagesThatAreAllowedReachAPrivateNetwork) {
  test_.options.cors_origins = "https://a.example/, https://B.example";
  const auto answer = [this](const std::string& origin) {
    Headers headers = preflight(origin, "x-a");
    headers.emplace_back("access-control-request-private-network", "true");
    return call(make(), request_of("OPTIONS", "/v1/models", "", headers));
  };
  for (const char* origin : {"https://a.example", "https://b.example"}) {
    EXPECT_EQ(header_of(answer(origin), "Access-Control-Allow-Private-Network"), "true") << origin;
    EXPECT_EQ(header_of(answer(origin), "Access-Control-Allow-Origin"), origin);
  }
  const HttpResponse other = answer("https://evil.example");
  EXPECT_EQ(other.status, 204) << "it does nothing, and the browser says what is missing";
  EXPECT_EQ(header_of(other, "Access-Control-Allow-Private-Network"), "");
  EXPECT_EQ(header_of(other, "Access-Control-Allow-Origin"), "");
}

TEST_F(RouterTest, OnlyListedOriginsMayRead) {
  keys_.load("key", "");
  test_.options.cors_origins = "https://a.example, https://b.example";
  const Router router = make();
  const auto answer = [&router](const std::string& origin) {
    return call(router,
                request_of("GET", "/v1/models", "", {{"origin", origin}, {"x-api-key", "key"}}));
  };
  EXPECT_EQ(header_of(answer("https://b.example"), "Access-Control-Allow-Origin"),
            "https://b.example");
  EXPECT_EQ(header_of(answer("https://b.example"), "Vary"), "Origin");
  EXPECT_EQ(header_of(answer("https://c.example"), "Access-Control-Allow-Origin"), "");
  EXPECT_EQ(header_of(answer("https://c.example"), "Vary"), "Origin");
  const HttpResponse refused =
      call(router, request_of("OPTIONS", "/v1/models", "", preflight("https://c.example", "x-a")));
  EXPECT_EQ(header_of(refused, "Access-Control-Allow-Origin"), "");

  test_.options.cors_origins = "";
  EXPECT_EQ(header_of(call(make(), request_of("GET", "/", "", {{"origin", "https://a.example"}})),
                      "Access-Control-Allow-Origin"),
            "");
}

TEST_F(RouterTest, RefusesPagesOfOthersBeforeAnythingElse) {
  const auto answer = [this](const std::string& method, const std::string& path,
                             const Headers& headers) {
    return call(make(), request_of(method, path, "", headers)).status;
  };
  const Headers other = {{"host", "box"}, {"origin", "https://evil.example"}};
  const Headers own = {{"host", "box"}, {"origin", "http://box"}};
  for (const char* path : {"/v1/embeddings", "/api/embed"}) {
    EXPECT_EQ(answer("POST", path, other), 403) << path;
    EXPECT_EQ(answer("POST", path, own), 200) << path;
  }
  EXPECT_EQ(answer("GET", "/nothing", other), 403);
  EXPECT_EQ(answer("OPTIONS", "/v1/embeddings", other), 403);
  test_.service.local = true;
  EXPECT_EQ(answer("GET", "/health", {{"host", "evil.example"}}), 403);
  EXPECT_EQ(answer("GET", "/health", {{"host", "localhost:8080"}}), 200);
}

TEST(MatchPath, ABraceStandsForASegmentOrForTheRest) {
  using Parameters = std::optional<std::vector<std::string>>;
  const auto match = [](std::string_view pattern, std::string_view path) {
    return match_path(pattern, path);
  };
  EXPECT_EQ(match("/a/{}/b", "/a/x/b"), Parameters({"x"}));
  EXPECT_EQ(match("/a/{}", "/a/x/y"), Parameters({"x/y"}));
  EXPECT_EQ(match("/a/{one}", "/a/x"), Parameters({"x"}));
  EXPECT_EQ(match("/a/{}/b/{one}", "/a/x/b/y"), Parameters({"x", "y"}));
  for (const char* path : {"/a/x/y", "/a/", "/a", "a/x", ""}) {
    EXPECT_EQ(match("/a/{one}", path), std::nullopt) << path;
  }
}

TEST_F(RouterTest, JudgesHeadsForWhichNoBodyMatters) {
  keys_.load("secret", "");
  const Router router = make();
  const auto judged = [&](const std::string& method, const std::string& path,
                          const std::string& key = "") {
    Headers headers;
    if (!key.empty()) headers.emplace_back("x-api-key", key);
    return router.judge(request_of(method, path, "", std::move(headers))).refusal;
  };
  EXPECT_FALSE(judged("POST", "/v1/embeddings", "secret"));
  EXPECT_FALSE(judged("GET", "/health"));
  const auto unknown_key = judged("POST", "/v1/embeddings", "other").value();
  EXPECT_EQ(unknown_key.status, 401);
  EXPECT_EQ(header_of(unknown_key, "WWW-Authenticate"), "Bearer");
  EXPECT_EQ(header_of(unknown_key, "x-request-id"), "request-1");
  EXPECT_TRUE(judged("POST", "/api/embed").value().body.starts_with("other: "));
  EXPECT_EQ(judged("POST", "/nowhere").value().status, 404);
  const auto wrong_method = judged("PUT", "/v1/embeddings", "secret").value();
  EXPECT_EQ(wrong_method.status, 405);
  EXPECT_EQ(header_of(wrong_method, "Allow"), "POST, OPTIONS");
  EXPECT_EQ(judged("OPTIONS", "/v1/embeddings").value().status, 204);
  EXPECT_NE(
      test_.metrics.text().find(R"(nestvec_requests_total{route="/v1/embeddings",status="401"} 1)"),
      std::string::npos);
}

TEST_F(RouterTest, RefusesInTheFormOfTheRoute) {
  const Router router = make();
  const Error later(ErrorCode::kUnavailable, "later",
                    {.text = {}, .retry_after = std::chrono::seconds(2)});
  const HttpResponse own = router.refuse(request_of("POST", "/api/embed"), later);
  EXPECT_EQ(own.status, 503);
  EXPECT_EQ(own.body, "other: later");
  const HttpResponse openai = router.refuse(request_of("POST", "/v1/embeddings"), later);
  EXPECT_EQ(header_of(openai, "Retry-After"), "2");
  EXPECT_EQ(header_of(openai, "x-request-id"), "request-1");
}

}  // namespace
}  // namespace nestvec
