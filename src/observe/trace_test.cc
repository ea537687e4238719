// SPDX-License-Identifier: Apache-2.0
#include "api/trace.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

const std::string kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kParent = "00f067aa0ba902b7";

TEST(Traceparent, IsReadAsTheRecommendationHasIt) {
  const auto context = parse_traceparent("00-" + kTrace + "-" + kParent + "-01");
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace_id, kTrace);
  EXPECT_EQ(context->parent_id, kParent);
  for (const auto& [flags, sampled] :
       {std::pair{"00", false}, {"01", true}, {"02", false}, {"ff", true}, {"0e", false}}) {
    const auto flagged = parse_traceparent("00-" + kTrace + "-" + kParent + "-" + flags);
    ASSERT_TRUE(flagged) << flags;
    EXPECT_EQ(flagged->sampled, sampled) << flags;
  }
}

TEST(Traceparent, AnythingElseIsNone) {
  const std::string zeros(32, '0');
  for (const std::string& header :
       {std::string(), "00-" + kTrace + "-" + kParent, "00-" + kTrace + "-" + kParent + "-1",
        "00-" + kTrace + "-" + kParent + "-0g", "00-" + zeros + "-" + kParent + "-01",
        "00-" + kTrace + "-" + zeros.substr(16) + "-01", "ff-" + kTrace + "-" + kParent + "-01",
        "00-" + kTrace + "0" + kParent + "-01", "00-" + kTrace + "-" + kParent + "001",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + kParent + "-01",
        "00-" + kTrace + "-" + kParent + "-01-more"}) {
    EXPECT_FALSE(parse_traceparent(header)) << header;
  }
}

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
