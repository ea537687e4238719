// SPDX-License-Identifier: Apache-2.0
// The dialect of OpenAI, which is Jina's too.
#pragma once

#include <vector>

#include "service/router.h"

namespace nestvec {

// POST /v1/embeddings for who has an exchange already. Throws Error for what is wrong with the
// body, before it has answered.
void answer_embeddings(Exchange exchange);

// POST /v1/embeddings, GET /v1/models, GET /v1/models/{}. `service` outlives the routes.
std::vector<Route> openai_routes(const Service& service);

}  // namespace nestvec
