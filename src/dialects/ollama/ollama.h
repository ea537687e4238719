// SPDX-License-Identifier: Apache-2.0
// Ollama's routes for an embedding model.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_writer.h"
#include "dialects/inputs.h"
#include "service/router.h"

namespace nestvec {

// POST /api/embed, /api/embeddings (the older form), /api/show, /api/pull; GET /api/tags, /api/ps,
// /api/version. One model has whatever name a request gives, unless server.strict_model.
std::vector<Route> ollama_routes(const Service& service);

// A request of /api/embed: model, input (or prompt), truncate, dimensions, task (an extension);
// options and keep_alive are not used. No texts, no vectors: clients load a model so. A text of a
// list may be empty. Throws RequestError.
EmbedCall read_ollama_embed(const JsonValue& body, const InputRules& rules);
// A request of /api/embeddings: prompt (or input).
EmbedCall read_ollama_embeddings(const JsonValue& body, const InputRules& rules);

// The model as the routes describe it.
struct OllamaModel {
  std::string name;         // "jina-embeddings-v3:latest"
  std::string digest;       // SHA-256 in hexadecimal of what was loaded, by its name
  std::string modified_at;  // RFC 3339
};
OllamaModel describe_ollama_model(const ModelInfo& model);

// Its entries in the lists of models that there are and that are loaded: all that there are.
void append_ollama_tags(const OllamaModel& names, const ModelInfo& model, JsonArray& models);
void append_ollama_ps(const OllamaModel& names, const ModelInfo& model, JsonArray& models);
std::string render_ollama_show(const OllamaModel& names, const ModelInfo& model);

}  // namespace nestvec
