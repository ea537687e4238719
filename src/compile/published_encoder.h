// SPDX-License-Identifier: Apache-2.0
// Whether a published ONNX graph computes the encoder that config.json describes, and nothing else:
// only then may its weights be compiled into a graph of our own.
#pragma once

#include <string>

#include "compile/encoder_weights.h"
#include "compile/model_spec.h"

namespace nestvec {

// Looks at what lies between the weights and the token embeddings of the ONNX file at `path`: the
// tensors that are used, how many nodes there are of each kind, the constants of the arithmetic,
// the width of the heads, and that the last layer's normalisation gives the output. Graphs with
// adapters or rotary positions are only checked for tensors, layers, activation and output. Blocks
// on file I/O. Throws Error: kInvalidArgument with what differs; kDataLoss as parse_onnx_topology.
void check_published_encoder(const std::string& path, const ModelSpec& spec,
                             const EncoderWeights& weights);

}  // namespace nestvec
