// SPDX-License-Identifier: Apache-2.0
// What stands on the encoder of a published graph that classifies.
#pragma once

#include <string_view>

#include "compile/encoder_weights.h"
#include "compile/model_spec.h"
#include "compile/published_graph.h"

namespace nestvec {

// The hidden states [batch, tokens, H] of whose first token a published graph makes its output
// "logits" by this head; empty where it makes them in another way, and for heads of other kinds.
std::string_view classified_states(const PublishedGraph& graph, const HeadSpec::Classifier& spec,
                                   const HeadWeights::Classifier& head);

}  // namespace nestvec
