// SPDX-License-Identifier: Apache-2.0
// The embedding route of llama.cpp's server that is not OpenAI's.
#pragma once

#include <vector>

#include "dialects/inputs.h"
#include "service/router.h"

namespace nestvec {

// POST /embedding.
std::vector<Route> llama_routes(const Service& service);

// POST /embedding for who has an exchange and its body. Throws RequestError.
void answer_llama(Exchange exchange, const JsonValue& body);

// Whether a request is meant so where another route could be, too: it has "content" and no "input".
bool is_llama_request(const JsonValue& body);

// A request: content or input (texts, token ids, lists of them), embd_normalize (-1 = vectors as
// they are, 2 = of length 1, the default), model. Throws RequestError.
EmbedCall read_llama(const JsonValue& body, const InputRules& rules);

// [{"index": 0, "embedding": [[...]]}, ...]: a list of vectors for each text, which has one.
std::string render_llama(const Embeddings& rows, Pace& pace);

}  // namespace nestvec
