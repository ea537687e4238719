// SPDX-License-Identifier: Apache-2.0
// EuroBERT (arXiv:2503.05500): Llama's block in which every token sees every other.
#include <optional>

#include "compile/config_keys.h"
#include "compile/families/family.h"
#include "compile/families/llama_block.h"

namespace nestvec {

const Family kEuroBert = {
    .name = "eurobert",
    .matches = [](const JsonValue& config) { return is_kind(config, "eurobert", "EuroBert"); },
    .read =
        [](const JsonValue& config) {
          // Its own code takes a base of 250,000 where config.json has none, transformers 10,000.
          ModelSpec spec =
              read_llama_block(config, {.rotary_base = std::nullopt, .norm_epsilon = 1e-5});
          spec.block.causal = flag_or(config, "is_causal", false);
          return spec;
        }};

}  // namespace nestvec
