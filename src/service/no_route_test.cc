// SPDX-License-Identifier: Apache-2.0
#include "service/no_route.h"

#include <gtest/gtest.h>

#include <vector>

#include "service/router.h"

namespace nestvec {
namespace {

std::string message(std::string_view path, std::string_view method = "POST") {
  static const std::vector<Route> kRoutes = {
      {"POST", "/v1/embeddings", {}, nullptr}, {"GET", "/v1/models", {}, nullptr},
      {"GET", "/v1/models/{}", {}, nullptr},   {"POST", "/api/embed", {}, nullptr},
      {"GET", "/health", {}, nullptr, true},   {"GET", "/app.js", {}, nullptr, true},
      {"GET", "/", {}, nullptr, true},         {"POST", "/", {}, nullptr},
      {"GET", "/metrics", {}, nullptr, true},  {"POST", "/embed", {}, nullptr},
  };
  return no_route_message(method, path, kRoutes);
}

bool says(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(NoRoute, NamesTheNearest) {
  EXPECT_TRUE(message("/v1/embedings")
                  .starts_with("no such route: POST /v1/embedings; did you mean POST "
                               "/v1/embeddings? This is nestvec"));
  EXPECT_TRUE(says(message("/v1/embedding", "GET"), "did you mean POST /v1/embeddings?"));
  EXPECT_TRUE(says(message("/helth", "GET"), "did you mean GET /health?"));
  EXPECT_FALSE(says(message("/something/else/altogether"), "did you mean"));
  EXPECT_FALSE(says(message("/app.jss"), "did you mean")) << "no route to ask";
}

TEST(NoRoute, SaysWhatItWouldTake) {
  for (const char* path : {"/v1/rerank", "/rerank/", "/v2/rerank", "/v1/score", "/api/rerank"}) {
    EXPECT_TRUE(says(message(path), "scored by POST /v1/rerank")) << path;
  }
  for (const char* path : {"/v1/chat/completions", "/api/chat", "/api/generate", "/completion"}) {
    EXPECT_TRUE(says(message(path), "needs a language model")) << path;
  }
  EXPECT_TRUE(says(message("/v1/audio/speech"), "only texts"));
  EXPECT_TRUE(says(message("/tei.v1.Embed/Embed"), "called over HTTP/2 as application/grpc"));
  EXPECT_FALSE(says(message("/v1/reranker"), "scored by")) << "a part of a segment";
}

TEST(NoRoute, AlwaysSaysWhatThisIs) {
  for (const char* path : {"", "*", "x", "/v1/rerank", "/v1/embedings", "/a\nb"}) {
    const std::string text = message(path);
    EXPECT_TRUE(says(text, "This is nestvec, a text-embedding server")) << path;
    EXPECT_TRUE(says(text, "/openapi.json")) << path;
    EXPECT_EQ(text.find('\n'), std::string::npos);
  }
  EXPECT_LT(message(std::string(1 << 14, '/')).size(), 400U);
}

}  // namespace
}  // namespace nestvec
