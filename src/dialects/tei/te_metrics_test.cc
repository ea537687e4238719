// SPDX-License-Identifier: Apache-2.0
#include "dialects/tei/te_metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "dialects/tei/tei_style.h"

namespace nestvec {
namespace {

bool has_line(const Metrics& metrics, const std::string& line) {
  return ("\n" + metrics.text()).find("\n" + line + "\n") != std::string::npos;
}

TeCost two_inputs(std::span<const std::uint32_t> tokens) {
  TeCost cost;
  cost.batch = true;
  cost.inputs = 2;
  cost.characters = 11;
  cost.tokens = tokens;
  cost.timing.tokenize = 0.004;
  cost.timing.queue = 0.010;
  cost.timing.compute = 0.020;
  cost.total = 0.0341;
  return cost;
}

constexpr std::array<std::uint32_t, 2> kTokens = {5, 300};

TEST(TeMetrics, HeadersAreWholeMilliseconds) {
  HttpResponse response;
  add_te_headers(two_inputs(kTokens), response);
  const Headers expected = {{"x-compute-type", "cpu+optimized"},
                            {"x-compute-time", "34"},
                            {"x-compute-characters", "11"},
                            {"x-compute-tokens", "305"},
                            {"x-total-time", "34"},
                            {"x-tokenization-time", "2"},
                            {"x-queue-time", "10"},
                            {"x-inference-time", "20"}};
  EXPECT_EQ(response.headers, expected);
}

TEST(TeMetrics, CountsRequestsAndTheirInputs) {
  Metrics metrics;
  const TeMetrics te(metrics, 512);
  te.count_request(true);
  te.count_inputs(2);
  te.count_request(false);
  te.count_inputs(1);
  te.count_success(two_inputs(kTokens));
  EXPECT_TRUE(has_line(metrics, "te_request_count{method=\"batch\"} 1"));
  EXPECT_TRUE(has_line(metrics, "te_request_count{method=\"single\"} 1"));
  EXPECT_TRUE(has_line(metrics, "te_request_success{method=\"batch\"} 1"));
  EXPECT_TRUE(has_line(metrics, "te_request_success{method=\"single\"} 0"));
  EXPECT_TRUE(has_line(metrics, "te_embed_count 3"));
  EXPECT_TRUE(has_line(metrics, "te_embed_success 2"));
  EXPECT_TRUE(has_line(metrics, "te_request_input_length_sum 305"));
  EXPECT_TRUE(has_line(metrics, "te_request_duration_count 1"));
  EXPECT_TRUE(has_line(metrics, "te_request_queue_duration_sum 0.01"));
  EXPECT_TRUE(has_line(metrics, "te_embed_tokenization_duration_count 2"));
  EXPECT_TRUE(has_line(metrics, "te_embed_inference_duration_sum 0.04"));
}

TEST(TeMetrics, LengthsGoUpToTheModelsLimit) {
  for (const auto& [max_tokens, last] :
       {std::pair{512u, "512"}, {8194u, "8192"}, {4u << 20, "524288"}}) {
    Metrics metrics;
    TeMetrics(metrics, max_tokens).count_success(two_inputs(kTokens));
    const std::string text = metrics.text();
    const std::string bound = "te_request_input_length_bucket{le=\"";
    const std::size_t at = text.find(bound + last + "\"} 2\n");
    ASSERT_NE(at, std::string::npos) << last;
    EXPECT_EQ(text.find(bound, at + 1), text.find(bound + "+Inf\"")) << last;
  }
}

TEST(TeMetrics, CountsFailuresByTheirKind) {
  Metrics metrics;
  const TeMetrics te(metrics, 512);
  te.count_failure(Error(ErrorCode::kResourceExhausted, "full"));
  te.count_failure(Error(ErrorCode::kInternal, "broken"));
  te.count_failure(Error(ErrorCode::kInternal, "broken"));
  te.count_failure(BatchSizeError(33, 32, "inputs"));
  te.count_failure(RequestError(ErrorCode::kInvalidArgument, "{", "", Fault::kMalformed));
  EXPECT_TRUE(has_line(metrics, "te_request_failure{err=\"overloaded\"} 1"));
  EXPECT_TRUE(has_line(metrics, "te_request_failure{err=\"inference\"} 2"));
  EXPECT_TRUE(has_line(metrics, "te_request_failure{err=\"batch_size\"} 1"));
  EXPECT_FALSE(has_line(metrics, "te_request_failure{err=\"\"} 1"));
}

}  // namespace
}  // namespace nestvec
