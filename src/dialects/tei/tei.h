// SPDX-License-Identifier: Apache-2.0
// The routes of text-embeddings-inference for an embedding model.
#pragma once

#include <vector>

#include "service/router.h"

namespace nestvec {

// GET /info, POST /embed (also / and /invocations), /embed_all, /similarity, /tokenize, /decode,
// /embeddings, /vertex; and /embed_sparse, /rerank and /predict, which say what this model is.
// /health, /ping and /metrics are in operations.h. Counts te_* in the service's metrics.
std::vector<Route> tei_routes(const Service& service);

}  // namespace nestvec
