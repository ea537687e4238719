// SPDX-License-Identifier: Apache-2.0
// What those who run the server look at: health, readiness, metrics.
#pragma once

#include <vector>

#include "service/router.h"

namespace nestvec {

// GET /health and /ping (200 as long as the process answers), /ready (200 once a text has been
// embedded; 503 before and while draining), /metrics. All of them without an API key. Registers the
// gauges of the model's queue, its speed, its cache and the process's memory in the service's
// metrics.
std::vector<Route> operations_routes(const Service& service);

// Whether a request is for one of these routes: they are answered whatever the server is busy with.
bool is_operations_request(const HttpRequest& request);

// Counts every run of the graph: nestvec_batches_total, nestvec_batch_tokens, nestvec_batch_texts,
// nestvec_batch_seconds, nestvec_retried_fp32_total, te_batch_next_tokens, te_batch_next_size.
// For Model::observe_batches. `metrics` outlives it.
BatchObserver batch_metrics(Metrics& metrics);

}  // namespace nestvec
