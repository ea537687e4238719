// SPDX-License-Identifier: Apache-2.0
#include "service/request_span.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

TEST(RequestSpan, TellsFiguresButNoText) {
  HttpRequest request;
  request.method = "POST";
  request.path = "/v1/models/secret";
  request.query = "secret";
  request.body = "secret";
  request.id = "my-id";
  request.received = std::chrono::steady_clock::now() - std::chrono::seconds(3);
  HttpResponse response;
  response.status = 429;
  response.headers = {{"x-nestvec-queue-ms", "0.125"}, {"Retry-After", "1"}};
  const RequestSpan span = request_span(request, "/v1/models/{}", response, std::nullopt);
  EXPECT_EQ(span.method + " " + span.route, "POST /v1/models/{}");
  EXPECT_EQ(span.request_id, "my-id");
  EXPECT_EQ(span.status, 429);
  EXPECT_GE(span.end - span.start, std::chrono::seconds(3));
  ASSERT_EQ(span.figures.size(), 1u);
  EXPECT_EQ(span.figures[0].first, "nestvec.queue_ms");
  EXPECT_EQ(span.figures[0].second, "0.125");
}

}  // namespace
}  // namespace nestvec
