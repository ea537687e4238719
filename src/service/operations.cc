// SPDX-License-Identifier: Apache-2.0
#include "service/operations.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/cgroup.h"
#include "base/cpu.h"

namespace nestvec {
namespace {

constexpr int kLastTokens = 20;  // buckets up to 2^20 tokens
constexpr int kLastTexts = 12;   // and 2^12 texts

void health(const Exchange& exchange) {
  HttpResponse response;
  response.body = "{\"status\":\"ok\"}";
  exchange.respond(std::move(response));
}

void ready(const Exchange& exchange) {
  const Service& service = exchange.service;
  HttpResponse response;
  if (service.draining) {
    response.status = 503;
    response.body = "{\"status\":\"draining\"}";
  } else if (!service.ready) {
    response.status = 503;
    response.body = "{\"status\":\"loading\"}";
    response.headers.emplace_back("Retry-After", "1");
  } else {
    response.body = "{\"status\":\"ready\"}";
  }
  exchange.respond(std::move(response));
}

void metrics_text(const Exchange& exchange) {
  HttpResponse response;
  response.content_type = Metrics::kContentType;
  response.body = exchange.service.metrics.text();
  exchange.respond(std::move(response));
}

void add_queue_gauges(const Model& model, Metrics& metrics) {
  metrics.gauge("nestvec_queue_tokens", "Tokens that wait for the model.",
                [&model] { return static_cast<double>(model.queue().tokens); });
  metrics.gauge("nestvec_queue_texts", "Texts that wait for the model.",
                [&model] { return static_cast<double>(model.queue().texts); });
  metrics.gauge("nestvec_queue_seconds", "Expected time until all that waits is done.",
                [&model] { return model.queue().expected_seconds; });
  metrics.gauge("nestvec_running_tokens", "Tokens in the batch that runs.",
                [&model] { return static_cast<double>(model.queue().running_tokens); });
  metrics.gauge("nestvec_tokens_per_second", "Measured speed of the model while it runs.",
                [&model] { return model.queue().tokens_per_second; });
  metrics.gauge("te_queue_size", "Texts that wait for the model.",
                [&model] { return static_cast<double>(model.queue().texts); });
}

void add_cache_metrics(const Model& model, Metrics& metrics) {
  metrics.counter_of("nestvec_cache_hits_total", "Texts whose vector was kept from before.",
                     [&model] { return static_cast<double>(model.cache().hits); });
  metrics.counter_of("nestvec_cache_misses_total",
                     "Texts that were looked for in the cache in vain.",
                     [&model] { return static_cast<double>(model.cache().misses); });
  metrics.gauge("nestvec_cache_bytes", "Size of the cache of vectors.",
                [&model] { return static_cast<double>(model.cache().bytes); });
  metrics.gauge("nestvec_cache_entries", "Vectors in the cache.",
                [&model] { return static_cast<double>(model.cache().entries); });
}

}  // namespace

std::vector<Route> operations_routes(const Service& service) {
  add_queue_gauges(service.model, service.metrics);
  add_cache_metrics(service.model, service.metrics);
  service.metrics.gauge("nestvec_ready", "1 where /ready answers 200.",
                        [&service] { return service.ready && !service.draining ? 1.0 : 0.0; });
  service.metrics.gauge("nestvec_resident_bytes", "Resident memory of the process.", [] {
    return static_cast<double>(resident_memory(this_system()).current_bytes);
  });
  const ErrorStyle* errors = &openai_errors();
  return {
      {"GET", "/health", health, errors, true},
      {"GET", "/ping", health, errors, true},
      {"GET", "/ready", ready, errors, true},
      {"GET", "/metrics", metrics_text, errors, true},
  };
}

bool is_operations_request(const HttpRequest& request) {
  constexpr std::array<std::string_view, 4> kPaths = {"/health", "/ping", "/ready", "/metrics"};
  return request.method == "GET" && std::ranges::find(kPaths, request.path) != kPaths.end();
}

BatchObserver batch_metrics(Metrics& metrics) {
  struct Families {
    Counter& batches;
    Counter& retried;
    Histogram& tokens;
    Histogram& texts;
    Histogram& seconds;
    Histogram& te_tokens;
    Histogram& te_texts;
  };
  const std::vector<double> token_bounds = Metrics::powers_of_two(kLastTokens);
  const std::vector<double> text_bounds = Metrics::powers_of_two(kLastTexts);
  const Families families{
      metrics.counter("nestvec_batches_total", "Runs of the graph."),
      metrics.counter("nestvec_retried_fp32_total",
                      "Texts computed again in fp32 because their vector was not finite."),
      metrics.histogram("nestvec_batch_tokens", "Tokens of a run.", token_bounds),
      metrics.histogram("nestvec_batch_texts", "Texts of a run.", text_bounds),
      metrics.histogram("nestvec_batch_seconds", "Time of a run.", Metrics::seconds()),
      metrics.histogram("te_batch_next_tokens", "Tokens of a run.", token_bounds),
      metrics.histogram("te_batch_next_size", "Texts of a run.", text_bounds),
  };
  return [families](const BatchReport& report) {
    families.batches.add();
    families.retried.add(report.retried);
    families.tokens.observe(static_cast<double>(report.tokens));
    families.texts.observe(static_cast<double>(report.texts));
    families.seconds.observe(report.seconds);
    families.te_tokens.observe(static_cast<double>(report.tokens));
    families.te_texts.observe(static_cast<double>(report.texts));
  };
}

}  // namespace nestvec
