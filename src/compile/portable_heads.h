// SPDX-License-Identifier: Apache-2.0
// What stands on an encoder, in stock operators.
#pragma once

#include <string>

#include "compile/encoder_weights.h"
#include "compile/graph.h"
#include "compile/model_spec.h"

namespace nestvec {

// Adds the outputs of the spec's heads, made of the last hidden states `tokens` [batch, tokens, H].
// `weights` must outlive the graph.
void add_portable_heads(const ModelSpec& spec, const EncoderWeights& weights, GraphBuilder& graph,
                        const std::string& tokens);

}  // namespace nestvec
