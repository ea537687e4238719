// SPDX-License-Identifier: Apache-2.0
// EuroBERT (arXiv:2503.05500): Llama's block in which every token sees every other.
#include "compile/config_keys.h"
#include "compile/families/family.h"
#include "compile/families/llama_block.h"

namespace nestvec {

const Family kEuroBert = {.name = "eurobert",
                          .matches =
                              [](const JsonValue& config) {
                                return text_or(config, "model_type", "") == "eurobert" ||
                                       first_architecture(config).starts_with("EuroBert");
                              },
                          .read =
                              [](const JsonValue& config) {
                                ModelSpec spec = read_llama_block(
                                    config, {.rotary_base = 250000.0, .norm_epsilon = 1e-5});
                                spec.block.causal = flag_or(config, "is_causal", false);
                                return spec;
                              }};

}  // namespace nestvec
