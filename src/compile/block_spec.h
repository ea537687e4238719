// SPDX-License-Identifier: Apache-2.0
// How a layer is built, where families differ. The defaults are BERT's.
#pragma once

#include <cstddef>

namespace nestvec {

// LayerNorm, or RMSNorm (arXiv:1910.07467), which has no bias.
enum class NormKind { kLayer, kRms };

struct BlockSpec {
  NormKind norm = NormKind::kLayer;
  // x + f(norm(x)), and one more norm behind the last layer; else norm(x + f(x)), and one behind
  // the embeddings.
  bool norm_first = false;
  bool biases = true;  // of linear layers

  std::size_t kv_heads = 0;    // heads of keys and values; 0: as many as of queries
  std::size_t head_width = 0;  // 0: hidden / heads
  bool head_norms = false;     // of each query and key, before its rotation
  bool causal = false;         // a token sees itself and those before it

  bool gated = false;  // down(activation(gate(x)) * up(x)), else down(activation(up(x)))

  friend bool operator==(const BlockSpec&, const BlockSpec&) = default;
};

}  // namespace nestvec
