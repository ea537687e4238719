// SPDX-License-Identifier: Apache-2.0
// The routes of text-embeddings-inference.
#pragma once

#include <vector>

#include "service/router.h"

namespace nestvec {

// GET /info, POST /embed, /embed_all, /embed_sparse, /similarity, /rerank, /predict, /tokenize,
// /decode, /embeddings, /vertex; and / and /invocations, which embed, rerank or predict as the
// model does. A route that the model cannot answer says what it is. /health, /ping and /metrics are
// in operations.h. Counts te_* in the service's metrics.
std::vector<Route> tei_routes(const Service& service);

}  // namespace nestvec
