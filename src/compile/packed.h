// SPDX-License-Identifier: Apache-2.0
// An encoder as a graph of nestvec's own operators over packed batches.
#pragma once

#include <cstddef>
#include <string>

#include "compile/encoder_weights.h"
#include "compile/graph.h"
#include "compile/model_spec.h"

namespace nestvec {

struct PackedOptions {
  // "fp32", "bf16" or "int8": of the products' weights and activations (of int8 without those
  // behind the gates of decoders, which are bf16); "int8-weights": of the weights and the word
  // table, with activations as in bf16. Sums, LayerNorm, softmax, residuals, adapters, pooling and
  // heads are fp32 always. In fp32, weights that are bf16 in the checkpoint stay so, which is exact
  // and takes half the memory.
  std::string precision;
  std::size_t max_tokens = 0;  // rows of the rotary tables
};

// Adds the whole encoder to `graph`: inputs input_ids int64 [tokens], offsets int64 [sequences +
// 1], task_ids int64 [sequences] with -1 for the base weights, spans int64 [spans, 2]; outputs
// span_means float [spans, hidden] and token_embeddings float [tokens, hidden]. With a classifier
// also the output logits float [spans, labels], of the span means, and where the model has token
// types the input token_type_ids int64, [tokens] or, for texts alone, [0]. `weights` must outlive
// the graph.
void build_packed(const ModelSpec& spec, const EncoderWeights& weights,
                  const PackedOptions& options, GraphBuilder& graph);

}  // namespace nestvec
