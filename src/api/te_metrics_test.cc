// SPDX-License-Identifier: Apache-2.0
#include "api/te_metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

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
  const TeMetrics te(metrics);
  te.count_request(true, 2);
  te.count_request(false, 1);
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

TEST(TeMetrics, CountsFailuresByReason) {
  Metrics metrics;
  const TeMetrics te(metrics);
  for (const int status : {400, 413, 422, 429, 499, 424, 500, 503}) te.count_failure(status);
  te.count_failure("batch_size");
  EXPECT_TRUE(has_line(metrics, "te_request_failure{err=\"validation\"} 3"));
  EXPECT_TRUE(has_line(metrics, "te_request_failure{err=\"overloaded\"} 1"));
  EXPECT_TRUE(has_line(metrics, "te_request_failure{err=\"dropped\"} 1"));
  EXPECT_TRUE(has_line(metrics, "te_request_failure{err=\"inference\"} 3"));
  EXPECT_TRUE(has_line(metrics, "te_request_failure{err=\"batch_size\"} 1"));
}

}  // namespace
}  // namespace nestvec
