// SPDX-License-Identifier: Apache-2.0
// How a layer is built, where families differ. The defaults are BERT's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace nestvec {

// LayerNorm, or RMSNorm (arXiv:1910.07467), which has no bias.
enum class NormKind { kLayer, kRms };

// What is added to the score of a query and a key before the softmax, by how far apart they are:
// minus the distance times a slope of the head (ALiBi, arXiv:2108.12409, to both sides), or a
// learned number for each head and bucket of distances (T5, arXiv:1910.10683), in all layers the
// same.
enum class ScoreBias { kNone, kAlibi, kBuckets };

struct BlockSpec {
  NormKind norm = NormKind::kLayer;
  // x + f(norm(x)), and one more norm behind the last layer; else norm(x + f(x)), and one behind
  // the embeddings.
  bool norm_first = false;
  bool biases = true;           // of linear layers
  bool norm_biases = true;      // of LayerNorms
  bool embedding_norm = false;  // with norms first: one behind the embeddings, too
  bool bare_first = false;      // with norms first: none before the first layer's attention
  bool outer_norm = false;      // of attention: norm(x + norm(x + f(x)))

  std::size_t kv_heads = 0;    // heads of keys and values; 0: as many as of queries
  std::size_t head_width = 0;  // 0: hidden / heads
  bool head_norms = false;     // of each query and key, before its rotation
  bool joint_norms = false;    // LayerNorm of a token's queries together, and of its keys
  bool causal = false;         // a token sees itself and those before it
  // Layers in which a token sees only those up to `window` positions away, with rotary positions of
  // another base.
  std::vector<std::size_t> window_layers;
  std::size_t window = 0;
  double window_rotary_base = 0.0;

  ScoreBias score_bias = ScoreBias::kNone;
  std::size_t score_buckets = 0;  // rows of the learned table

  bool gated = false;       // down(activation(gate(x)) * up(x)), else down(activation(up(x)))
  bool gate_biases = true;  // of gate and up, where there are `biases` at all
  bool gate_last = false;   // a tensor that holds both has the gate behind

  bool is_window_layer(std::size_t layer) const;

  friend bool operator==(const BlockSpec&, const BlockSpec&) = default;
};

inline bool BlockSpec::is_window_layer(std::size_t layer) const {
  return std::ranges::find(window_layers, layer) != window_layers.end();
}

}  // namespace nestvec
