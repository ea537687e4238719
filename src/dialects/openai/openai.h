// SPDX-License-Identifier: Apache-2.0
// The dialect of OpenAI, which is Jina's too.
#pragma once

#include <functional>
#include <vector>

#include "dialects/openai/openai_request.h"
#include "service/router.h"

namespace nestvec {

// POST /v1/embeddings for who has an exchange already. Throws Error for what is wrong with the
// body, before it has answered.
void answer_embeddings(Exchange exchange);

// The same for who has read the request. `settle` may add to the answer what the rows took.
using SettleRows = std::function<void(const Embeddings& rows, HttpResponse& response)>;
void answer_openai(Exchange exchange, OpenAiRequest request, SettleRows settle = {});

// POST /v1/embeddings, POST /v1/multi-vector, GET /v1/models, GET /v1/models/{}, and the addresses
// at which Azure and OpenVINO Model Server have them. `service` outlives the routes.
std::vector<Route> openai_routes(const Service& service);

}  // namespace nestvec
