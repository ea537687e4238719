// SPDX-License-Identifier: Apache-2.0
// Scaled rotary positions as transformers computes them (modeling_rope_utils.py): what
// "rope_scaling" or "rope_parameters" of config.json make of the frequencies.
#pragma once

#include "base/json.h"
#include "compile/model_spec.h"

namespace nestvec {

// Sets the frequencies of the spec, whose base, head width and positions are read already, where
// `rope` asks for others than the default. "dynamic" changes nothing: it begins beyond
// max_position_embeddings, which no text passes. Throws Error kUnimplemented for another type, and
// for frequencies that depend on how long the texts of a batch are; kInvalidArgument for a factor
// that is none.
void read_rotary_scaling(const JsonValue& config, const JsonValue& rope, ModelSpec& spec);

}  // namespace nestvec
