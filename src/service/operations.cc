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

// By the names that Kubernetes' own components, KServe, NVIDIA's and Weaviate's servers have.
struct ProbePath {
  std::string_view path;
  bool live;   // else readiness
  bool empty;  // 204 instead of 200
};
constexpr std::array<ProbePath, 12> kProbes = {{
    {"/health", true, false},
    {"/ping", true, false},
    {"/healthz", true, false},
    {"/livez", true, false},
    {"/v1/health/live", true, false},
    {"/v2/health/live", true, false},
    {"/.well-known/live", true, true},
    {"/ready", false, false},
    {"/readyz", false, false},
    {"/v1/health/ready", false, false},
    {"/v2/health/ready", false, false},
    {"/.well-known/ready", false, true},
}};
constexpr std::array<std::string_view, 2> kMetricsPaths = {"/metrics", "/v1/metrics"};

HttpResponse probe_response(const ProbePath& probe, Readiness readiness) {
  HttpResponse response;
  if (readiness == Readiness::kLoading) {
    response.body = R"({"status":"loading"})";
  } else if (readiness == Readiness::kDraining) {
    response.body = R"({"status":"draining"})";
  } else {
    response.body = R"({"status":"ready"})";
  }
  if (probe.live && readiness != Readiness::kLoading) response.body = R"({"status":"ok"})";
  if (!probe.live && readiness != Readiness::kReady) {
    response.status = 503;
    if (readiness == Readiness::kLoading) response.headers.emplace_back("Retry-After", "1");
  } else if (probe.empty) {
    response.status = 204;
    response.content_type = "";
    response.body = "";
  }
  return response;
}

Readiness readiness_of(const Service& service) {
  if (service.draining) return Readiness::kDraining;
  return service.ready ? Readiness::kReady : Readiness::kLoading;
}

void metrics_text(const Exchange& exchange) {
  exchange.respond(metrics_response(exchange.service.metrics));
}

using Lease = ServedModels::Lease;
using Read = std::function<double(const Model&)>;

// What is asked of a model when the text is written: nothing of one that has left.
std::function<double()> reading(const Lease& served, Read read) {
  return [weak = std::weak_ptr<const Service>(served), read = std::move(read)] {
    const Lease there = weak.lock();
    return there ? read(there->model) : 0.0;
  };
}

struct ModelMetric {
  std::string_view name;
  std::string_view help;
  double (*read)(const Model&);
};

constexpr ModelMetric kModelGauges[] = {
    {"nestvec_queue_tokens", "Tokens that wait for the model.",
     [](const Model& model) { return static_cast<double>(model.queue().tokens); }},
    {"nestvec_queue_texts", "Texts that wait for the model.",
     [](const Model& model) { return static_cast<double>(model.queue().texts); }},
    {"nestvec_queue_seconds", "Expected time until the queue is empty.",
     [](const Model& model) { return model.queue().expected_seconds; }},
    {"nestvec_running_tokens", "Tokens in the batch that runs.",
     [](const Model& model) { return static_cast<double>(model.queue().running_tokens); }},
    {"nestvec_tokens_per_second", "Measured speed of the model while it runs.",
     [](const Model& model) { return model.queue().tokens_per_second; }},
    {"nestvec_cache_bytes", "Size of the cache of vectors.",
     [](const Model& model) { return static_cast<double>(model.cache().bytes); }},
    {"nestvec_cache_entries", "Vectors in the cache.",
     [](const Model& model) { return static_cast<double>(model.cache().entries); }},
};
constexpr ModelMetric kModelCounters[] = {
    {"nestvec_cache_hits_total", "Texts whose vector was in the cache.",
     [](const Model& model) { return static_cast<double>(model.cache().hits); }},
    {"nestvec_cache_misses_total", "Texts whose vector was not in the cache.",
     [](const Model& model) { return static_cast<double>(model.cache().misses); }},
};

// Of all models, as text-embeddings-inference has it of one.
void add_queue_size(const Service& service) {
  service.metrics.gauge("te_queue_size", "Texts that wait for the model.", [&service] {
    double texts = 0;
    for (const Lease& served : all_models(service)) {
      texts += static_cast<double>(served->model.queue().texts);
    }
    return texts;
  });
}

}  // namespace

void add_model_metrics(const ServedModels::Lease& served) {
  Metrics& metrics = served->metrics;
  const std::string& labels = served->metric_labels;
  for (const auto& [name, help, read] : kModelGauges) {
    metrics.gauge(name, help, reading(served, read), labels);
  }
  for (const auto& [name, help, read] : kModelCounters) {
    metrics.counter_of(name, help, reading(served, read), labels);
  }
  // For joining with the other metrics: what they are of.
  const ModelInfo& model = served->model.info();
  metrics.gauge("nestvec_build_info", "The server and its model; always 1.",
                reading(served, [](const Model&) { return 1.0; }),
                metric_label("version", served->version) + "," + metric_label("model", model.id) +
                    "," + metric_label("precision", model.precision) + "," +
                    metric_label("isa", model.isa));
}

std::vector<Route> operations_routes(const Service& service) {
  add_queue_size(service);
  service.metrics.gauge("nestvec_ready", kReadyHelp,
                        [&service] { return service.ready && !service.draining ? 1.0 : 0.0; });
  service.metrics.gauge("nestvec_resident_bytes", "Resident memory of the process.", [] {
    return static_cast<double>(resident_memory(this_system()).current_bytes);
  });
  std::vector<Route> routes;
  for (const ProbePath& probe : kProbes) {
    const RouteHandler answer = [&probe, &service](const Exchange& exchange) {
      exchange.respond(probe_response(probe, readiness_of(service)));
    };
    routes.push_back({"GET", probe.path, answer, &openai_errors(), true});
  }
  for (const std::string_view path : kMetricsPaths) {
    routes.push_back({"GET", path, metrics_text, &openai_errors(), true});
  }
  return routes;
}

std::optional<HttpResponse> answer_probe(std::string_view path, Readiness readiness) {
  const auto probe = std::ranges::find(kProbes, path, &ProbePath::path);
  if (probe == kProbes.end()) return std::nullopt;
  return probe_response(*probe, readiness);
}

bool is_metrics_path(std::string_view path) {
  return std::ranges::find(kMetricsPaths, path) != kMetricsPaths.end();
}

HttpResponse metrics_response(const Metrics& metrics) {
  HttpResponse response;
  response.content_type = Metrics::kContentType;
  response.body = metrics.text();
  return response;
}

bool is_operations_request(const HttpRequest& request) {
  return (request.method == "GET" || request.method == "HEAD") &&
         (is_metrics_path(request.path) ||
          std::ranges::find(kProbes, request.path, &ProbePath::path) != kProbes.end());
}

BatchObserver batch_metrics(Metrics& metrics, std::string_view labels) {
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
      metrics.counter("nestvec_batches_total", "Runs of the graph.", labels),
      metrics.counter("nestvec_retried_fp32_total",
                      "Texts computed again in fp32 because their vector was not finite.", labels),
      metrics.histogram("nestvec_batch_tokens", "Tokens of a run.", token_bounds, labels),
      metrics.histogram("nestvec_batch_texts", "Texts of a run.", text_bounds, labels),
      metrics.histogram("nestvec_batch_seconds", "Time of a run.", Metrics::seconds(), labels),
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
