// SPDX-License-Identifier: Apache-2.0
// Published graphs with rotary positions or adapters, which exporters write in many ways.
#pragma once

#include <string>

#include "compile/encoder_weights.h"
#include "compile/model_spec.h"
#include "compile/published_graph.h"

namespace nestvec {

// What differs from the encoder, empty where nothing is seen to: the tensors that are used, the
// number of layers, constants, activation, heads, and that the last layer gives the output.
std::string rotary_difference(const PublishedGraph& graph, const ModelSpec& spec,
                              const EncoderWeights& weights);

}  // namespace nestvec
