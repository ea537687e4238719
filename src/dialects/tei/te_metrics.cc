// SPDX-License-Identifier: Apache-2.0
#include "dialects/tei/te_metrics.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "dialects/tei/tei_style.h"

namespace nestvec {
namespace {

constexpr std::string_view kRequests = "te_request_count";
constexpr std::string_view kRequestsHelp = "Requests with inputs, by single input or list.";
constexpr std::string_view kSuccesses = "te_request_success";
constexpr std::string_view kSuccessesHelp = "Requests that were answered.";
constexpr std::string_view kSingle = "method=\"single\"";
constexpr std::string_view kBatch = "method=\"batch\"";

Histogram& duration(Metrics& metrics, std::string_view subject, std::string_view stage) {
  std::string family = "te_";
  family.append(subject).append(stage).append("_duration");
  return metrics.histogram(family, "Seconds, the mean over the inputs of a request.",
                           Metrics::seconds());
}

std::string milliseconds(double seconds) {
  return std::to_string(static_cast<std::uint64_t>(std::llround(std::fmax(seconds, 0) * 1e3)));
}

// Powers of two up to the longest input, 2^19 at most.
std::vector<double> length_bounds(std::size_t max_tokens) {
  constexpr int kLast = 19;
  return Metrics::powers_of_two(
      std::clamp(static_cast<int>(std::bit_width(max_tokens)) - 1, 0, kLast));
}

double tokenize_share(const TeCost& cost) {
  return cost.timing.tokenize / static_cast<double>(std::max<std::size_t>(cost.inputs, 1));
}

}  // namespace

void add_te_headers(const TeCost& cost, HttpResponse& response) {
  const auto tokens = std::accumulate(cost.tokens.begin(), cost.tokens.end(), std::uint64_t{0});
  Headers& headers = response.headers;
  headers.emplace_back("x-compute-type", "cpu+optimized");
  headers.emplace_back("x-compute-time", milliseconds(cost.total));
  headers.emplace_back("x-compute-characters", std::to_string(cost.characters));
  headers.emplace_back("x-compute-tokens", std::to_string(tokens));
  headers.emplace_back("x-total-time", milliseconds(cost.total));
  headers.emplace_back("x-tokenization-time", milliseconds(tokenize_share(cost)));
  headers.emplace_back("x-queue-time", milliseconds(cost.timing.queue));
  headers.emplace_back("x-inference-time", milliseconds(cost.timing.compute));
}

TeMetrics::Durations::Durations(Metrics& metrics, std::string_view subject)
    : total(duration(metrics, subject, "")),
      tokenize(duration(metrics, subject, "_tokenization")),
      queue(duration(metrics, subject, "_queue")),
      inference(duration(metrics, subject, "_inference")) {}

void TeMetrics::Durations::observe(const TeCost& cost, std::size_t times) const {
  for (std::size_t i = 0; i < times; ++i) {
    total.observe(cost.total);
    tokenize.observe(tokenize_share(cost));
    queue.observe(cost.timing.queue);
    inference.observe(cost.timing.compute);
  }
}

TeMetrics::TeMetrics(Metrics& metrics, std::size_t max_tokens)
    : metrics_(metrics),
      single_requests_(metrics.counter(kRequests, kRequestsHelp, kSingle)),
      batch_requests_(metrics.counter(kRequests, kRequestsHelp, kBatch)),
      single_successes_(metrics.counter(kSuccesses, kSuccessesHelp, kSingle)),
      batch_successes_(metrics.counter(kSuccesses, kSuccessesHelp, kBatch)),
      embeds_(metrics.counter("te_embed_count", "Inputs that were read.")),
      embed_successes_(metrics.counter("te_embed_success", "Inputs that became vectors.")),
      predicts_(metrics.counter("te_predict_count", "Texts and pairs that were read.")),
      predict_successes_(metrics.counter("te_predict_success", "Texts and pairs with scores.")),
      lengths_(metrics.histogram("te_request_input_length", "Tokens of an input.",
                                 length_bounds(max_tokens))),
      request_(metrics, "request"),
      embed_(metrics, "embed"),
      predict_(metrics, "predict") {}

void TeMetrics::count_request(bool batch) const {
  (batch ? batch_requests_ : single_requests_).add();
}

void TeMetrics::count_inputs(std::size_t inputs, bool predicts) const {
  (predicts ? predicts_ : embeds_).add(inputs);
}

void TeMetrics::count_success(const TeCost& cost) const {
  (cost.batch ? batch_successes_ : single_successes_).add();
  (cost.predicts ? predict_successes_ : embed_successes_).add(cost.inputs);
  for (const std::uint32_t tokens : cost.tokens) lengths_.observe(tokens);
  request_.observe(cost, 1);
  (cost.predicts ? predict_ : embed_).observe(cost, cost.inputs);
}

void TeMetrics::count_failure(const Error& error) const {
  const std::string_view kind = te_failure(error);
  if (kind.empty()) return;
  metrics_
      .counter("te_request_failure", "Requests that were refused or failed.",
               metric_label("err", kind))
      .add();
}

}  // namespace nestvec
