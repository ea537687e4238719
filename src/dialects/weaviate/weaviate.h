// SPDX-License-Identifier: Apache-2.0
// What Weaviate's module text2vec-transformers asks its inference container. Its /.well-known
// routes are in operations.h.
#pragma once

#include <string>
#include <vector>

#include "dialects/inputs.h"
#include "service/router.h"

namespace nestvec {

// POST /vectors, GET /meta.
std::vector<Route> weaviate_routes(const Service& service);

// A request: text, or in newer versions texts, and of its config task_type ("query", "passage") and
// dimensions; a pooling that is not the model's is refused. Throws RequestError.
EmbedCall read_weaviate(const JsonValue& body, const InputRules& rules);

}  // namespace nestvec
