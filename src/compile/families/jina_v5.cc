// SPDX-License-Identifier: Apache-2.0
// jina-embeddings-v5-text: nano on EuroBERT's body, small on Qwen3's. Both say the same of
// themselves, so the heads tell them apart: Qwen3's together are wider than the hidden state.
#include <array>

#include "compile/config_keys.h"
#include "compile/families/family.h"

namespace nestvec {
namespace {

constexpr std::array<std::string_view, 4> kV5Adapters = {"retrieval", "text-matching", "clustering",
                                                         "classification"};

constexpr std::string_view kDocument = "Document: ";

// Its authors put one of the two prompts before every text. The names of jina-embeddings-v3 mean
// the same here, and the model's own "retrieval" is the side of the documents.
constexpr std::array<FamilyTask, 6> kV5Tasks = {{
    {"retrieval.query", "retrieval", "query", "Query: "},
    {"retrieval.passage", "retrieval", "document", kDocument},
    {"retrieval", "retrieval", "document", kDocument},
    {"text-matching", "text-matching", "document", kDocument},
    {"clustering", "clustering", "document", kDocument},
    {"classification", "classification", "document", kDocument},
}};

bool is_v5(const JsonValue& config) {
  return is_kind(config, "jina_embeddings_v5", "JinaEmbeddingsV5Model");
}

ModelSpec read_v5(const JsonValue& config) {
  const bool small = config.find("head_dim").has_value();
  ModelSpec spec = (small ? kQwen3 : kEuroBert).read(config);
  if (const auto names = config.find("task_names")) {
    for (const JsonValue& name : names->elements()) spec.adapters.tasks.emplace_back(name.string());
  }
  if (!config.find("matryoshka_dimensions")) {
    for (std::size_t width = 32; width < spec.hidden && width <= 512; width *= 2) {
      spec.matryoshka_dimensions.push_back(width);
    }
    spec.matryoshka_dimensions.push_back(spec.hidden);
  }
  return spec;
}

}  // namespace

const Family kJinaV5 = {.name = "jina-embeddings-v5",
                        .matches = is_v5,
                        .read = read_v5,
                        .adapters = kV5Adapters,
                        .tasks = kV5Tasks,
                        .last_token = true};

}  // namespace nestvec
