// SPDX-License-Identifier: Apache-2.0
// The block of Llama and its kin, which several families share: RMSNorm first, rotary positions, a
// gated feed-forward network, and no position or type tables.
#pragma once

#include <optional>

#include "compile/model_spec.h"

namespace nestvec {

class JsonValue;

// What the families have set differently where config.json is silent.
struct LlamaDefaults {
  std::optional<double> rotary_base = 10000.0;  // none: config.json must have it
  double norm_epsilon = 1e-6;
  bool takes_layer_types = false;  // the family reads them
};

// Everything but the family's name, the mask and norms of heads.
ModelSpec read_llama_block(const JsonValue& config, const LlamaDefaults& defaults);

}  // namespace nestvec
