// SPDX-License-Identifier: Apache-2.0
// What those who run the server look at: health, readiness, metrics.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "service/router.h"
#include "service/served_models.h"

namespace nestvec {

// The help of nestvec_ready.
inline constexpr std::string_view kReadyHelp = "1 if /ready answers 200.";

// GET /health and its other names (200 as long as the process answers), /ready and its other names
// (200 once a text has been embedded; 503 before and while draining), /metrics. All of them without
// an API key. Registers the process's memory in the service's metrics.
std::vector<Route> operations_routes(const Service& service);

// Registers what the model is, the gauges of its queue, its speed and its cache, with the service's
// labels; they are 0 once the model has left.
void add_model_metrics(const ServedModels::Lease& served);

// Whether a request is for one of these routes: they are answered whatever the server is busy with.
bool is_operations_request(const HttpRequest& request);

enum class Readiness { kLoading, kReady, kDraining };
// The answer to a request of health or readiness; nullopt for another path.
std::optional<HttpResponse> answer_probe(std::string_view path, Readiness readiness);
// Of /metrics and its other name.
bool is_metrics_path(std::string_view path);
HttpResponse metrics_response(const Metrics& metrics);

// Counts every run of the graph: nestvec_batches_total, nestvec_batch_tokens, nestvec_batch_texts,
// nestvec_batch_seconds, nestvec_retried_fp32_total, te_batch_next_tokens, te_batch_next_size.
// For Model::observe_batches. `metrics` outlives it.
BatchObserver batch_metrics(Metrics& metrics, std::string_view labels = "");

}  // namespace nestvec
