// SPDX-License-Identifier: Apache-2.0
#include "service/loading.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace nestvec {
namespace {

HttpResponse answer(const std::string& path) {
  HttpRequest request;
  request.path = path;
  return answer_while_loading(request);
}

TEST(AnswerWhileLoading, LivesButIsNotReady) {
  EXPECT_EQ(answer("/health").status, 200);
  EXPECT_EQ(answer("/ping").status, 200);
  for (const char* path : {"/ready", "/v1/embeddings", "/", "/metrics", "/nothing"}) {
    const HttpResponse response = answer(path);
    EXPECT_EQ(response.status, 503) << path;
    EXPECT_NE(response.body.find("being loaded"), std::string::npos);
    EXPECT_TRUE(std::any_of(
        response.headers.begin(), response.headers.end(),
        [](const auto& header) { return header.first == "Retry-After" && header.second == "2"; }))
        << path;
  }
}

}  // namespace
}  // namespace nestvec
