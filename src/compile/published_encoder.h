// SPDX-License-Identifier: Apache-2.0
// Whether a published ONNX graph computes the encoder that config.json describes, and nothing else:
// only then may its weights be compiled into a graph of our own.
#pragma once

#include <string>

#include "compile/encoder_weights.h"
#include "compile/model_spec.h"

namespace nestvec {

// Follows the ONNX file at `path` from its token embeddings back to the inputs, layer by layer.
// With adapters or rotary positions, which exporters write in many ways, it compares the tensors,
// the number of layers, their constants, the activation and the output. Blocks on file I/O. Throws
// Error: kInvalidArgument with what differs, or is not recognised; kDataLoss as
// parse_onnx_topology.
void check_published_encoder(const std::string& path, const ModelSpec& spec,
                             const EncoderWeights& weights);

}  // namespace nestvec
