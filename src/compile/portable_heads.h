// SPDX-License-Identifier: Apache-2.0
// What stands on an encoder, in stock operators.
#pragma once

#include <string>

#include "compile/encoder_weights.h"
#include "compile/graph.h"
#include "compile/model_spec.h"

namespace nestvec {

// The last hidden states [batch, tokens, H].
struct PortableTokens {
  std::string name;
  bool padded;  // the graph's input attention_mask leaves some out
};

// Adds the outputs of the spec's heads. `weights` must outlive the graph.
void add_portable_heads(const ModelSpec& spec, const EncoderWeights& weights,
                        const PortableTokens& tokens, GraphBuilder& graph);

}  // namespace nestvec
