// SPDX-License-Identifier: Apache-2.0
// Cohere's embedding routes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dialects/embedding_format.h"
#include "dialects/inputs.h"
#include "service/router.h"

namespace nestvec {

// POST /v2/embed and /v1/embed.
std::vector<Route> cohere_routes(const Service& service);

// {"message"}.
const ErrorStyle& cohere_errors();

struct CohereCall {
  EmbedCall call;
  std::optional<FormatChoice> types;  // none: version 1 with its plain list of rows
};

// A request of `version` 1 or 2: texts or inputs, input_type (a task or an alias), embedding_types,
// output_dimension, truncate; max_tokens under the model's own limit is refused. Throws
// RequestError, whose param is the member at fault.
CohereCall read_cohere(const JsonValue& body, int version, const InputRules& rules);

// Of an answer, what is known before the rows.
struct CohereAnswer {
  int version = 2;
  std::string id;
  std::vector<std::string> texts;
  std::optional<FormatChoice> types;
};
std::string render_cohere(const CohereAnswer& answer, const Embeddings& rows, Pace& pace);

}  // namespace nestvec
