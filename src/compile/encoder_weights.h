// SPDX-License-Identifier: Apache-2.0
// The tensors of an encoder by what they are for, whatever their publication called them. Every
// shape is checked against the spec; nothing is read yet.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "compile/model_spec.h"
#include "weights/weight_set.h"

namespace nestvec {

// One task's update of some output rows of a linear layer: scaling * up (down x). Each has its
// rank.
struct LowRank {
  TensorView down;        // [rank, in]
  TensorView up;          // [rows, rank]
  std::size_t first = 0;  // first output row
  float scaling = 1.0f;
};

// y = weight x + bias. Query, key and value projections are one layer, whether the file has them as
// one tensor or as three behind one another; so are a gate and what it lets through, in that order.
struct LinearWeights {
  std::string name;  // "layer.0.qkv"
  std::size_t in = 0;
  std::size_t out = 0;
  std::vector<TensorView> weight;              // [out_i, in], summing to out rows
  std::vector<TensorView> bias;                // [out_i]; none: zeros
  std::vector<std::vector<LowRank>> adapters;  // [tasks]; a task without an update has none
  bool gated = false;                          // the first half of the rows is the gate
};

// One task's update of an embedding table: row i gets scaling * a[i] b.
struct LowRankTable {
  TensorView a;  // [rows, rank]
  TensorView b;  // [rank, width]
  float scaling = 1.0f;
  bool transposed = false;  // a is [rank, rows] and b is [width, rank], as PEFT has them
};

struct TableWeights {
  std::string name;
  std::size_t rows = 0;
  std::size_t width = 0;
  TensorView table;                                 // [rows, width]
  std::vector<std::vector<LowRankTable>> adapters;  // [tasks]; each none or one
};

struct NormWeights {
  TensorView weight;  // [H]
  TensorView bias;    // [H]; without elements where the norm has none
};

struct LayerWeights {
  LinearWeights qkv;
  LinearWeights attention_out;
  NormWeights attention_norm;
  NormWeights attention_second_norm;  // as the block has one; else empty
  LinearWeights feed_in;
  LinearWeights feed_out;
  NormWeights feed_norm;
  NormWeights feed_second_norm;
  NormWeights query_norm;  // [head width], of joint norms that of all heads; empty without either
  NormWeights key_norm;
};

// As HeadSpec; a head that the spec does not have has no tensors.
struct HeadWeights {
  struct Classifier {
    LinearWeights dense;    // [H, H]; no weight where the head has none
    NormWeights norm;       // likewise
    LinearWeights outputs;  // [labels, H]
  };
  Classifier classifier;
  LinearWeights token_weights;  // [1, H]
  LinearWeights token_vectors;  // [W, H]
  struct Vocabulary {
    LinearWeights transform;  // [H, H]
    NormWeights norm;
    LinearWeights decoder;  // [V, H]
  };
  Vocabulary vocabulary;
};

// Movable; views stay valid as long as it lives.
struct EncoderWeights {
  std::vector<WeightSet> sets;  // own the mapped files: the base, then one a PEFT folder
  TableWeights words;
  TableWeights types;
  TensorView positions;        // [position_offset + max_positions, H]; empty with rotary positions
  TensorView score_bias;       // [buckets, heads]; empty where scores have none that is learned
  NormWeights norm;            // after the embeddings, or with norms first behind the last layer
  NormWeights embedding_norm;  // of BlockSpec::embedding_norm
  std::vector<LayerWeights> layers;
  HeadWeights head;
  std::vector<float> logit_row;  // owns the weight of a head of logits; else empty

  // Gives the pages of a tensor of one of the sets back to the system.
  void release(const TensorView& tensor) const;
};

// Maps the file of a head: a linear layer's weight and bias, of torch or safetensors. Throws Error
// as their readers.
WeightSet read_head_weights(const std::string& path);

// Maps the folder's weights (as read_model_weights chooses them) and adapters and finds what `spec`
// lists. Throws Error: kNotFound (no weights), kDataLoss (corrupt file), kInvalidArgument
// (a missing or misshapen tensor: its name, expected and found shape, the likest names; or names of
// no publication that is known).
EncoderWeights open_encoder_weights(const ModelSpec& spec, const std::string& folder);

}  // namespace nestvec
