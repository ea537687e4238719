// SPDX-License-Identifier: Apache-2.0
// An encoder as an fp32 graph of ONNX's own ops and ONNX Runtime's com.microsoft ops.
#pragma once

#include <cstddef>

#include "compile/encoder_weights.h"
#include "compile/graph.h"
#include "compile/model_spec.h"

namespace nestvec {

struct PortableOptions {
  // With an attention_mask input, for texts of several lengths in one run. Without, ONNX Runtime's
  // CPU provider takes the attention that needs no S x S matrix.
  bool padded = false;
  std::size_t max_tokens = 0;  // rows of the rotary tables
};

// Adds the whole encoder to `graph`: inputs input_ids int64 [batch, tokens], attention_mask the
// same (padded only), token_type_ids the same (only where the spec's text_types are not all 0, or
// its head reads pairs of texts),
// task_ids int64 [batch] with -1 for the base weights (only where the spec has
// adapters); output token_embeddings float [batch, tokens, hidden], and
// with a classifier logits float [batch, labels]. `weights` must outlive the
// graph.
void build_portable(const ModelSpec& spec, const EncoderWeights& weights,
                    const PortableOptions& options, GraphBuilder& graph);

}  // namespace nestvec
