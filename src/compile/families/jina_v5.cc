// SPDX-License-Identifier: Apache-2.0
// jina-embeddings-v5-text: nano on EuroBERT's body, small on Qwen3's. Both say the same of
// themselves, so the heads tell them apart: Qwen3's together are wider than the hidden state.
#include "compile/config_keys.h"
#include "compile/families/family.h"

namespace nestvec {

const Family kJinaV5 = {.name = "jina-embeddings-v5",
                        .matches =
                            [](const JsonValue& config) {
                              return text_or(config, "model_type", "") == "jina_embeddings_v5" ||
                                     first_architecture(config) == "JinaEmbeddingsV5Model";
                            },
                        .read =
                            [](const JsonValue& config) {
                              const bool small = config.find("head_dim").has_value();
                              ModelSpec spec = (small ? kQwen3 : kEuroBert).read(config);
                              if (const auto names = config.find("task_names")) {
                                for (const JsonValue& name : names->elements()) {
                                  spec.adapters.tasks.emplace_back(name.string());
                                }
                              }
                              return spec;
                            }};

}  // namespace nestvec
