// SPDX-License-Identifier: Apache-2.0
// What an encoder is: everything a graph needs to know of config.json, and nothing of tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/token_types.h"
#include "compile/block_spec.h"
#include "ops/activation.h"
#include "ops/vocabulary.h"

namespace nestvec {

class JsonValue;

// How a token's place enters: a learned table added to the embedding, a rotation of queries and
// keys (RoFormer, arXiv:2104.09864; the two halves of a head rotate against each other, as in
// GPT-NeoX), or neither, where scores know distances.
enum class PositionKind { kAbsolute, kRotary, kNone };

// Low-rank side paths: W x + scaling * B (A x), one pair (A, B) a task.
struct AdapterSpec {
  std::vector<std::string> tasks;  // in the order of task ids; empty for a model without adapters
  std::vector<std::string>
      folders;           // PEFT folder of each task; empty where A and B stand in the base file
  std::size_t rank = 0;  // of the one with most
  float scaling = 0.0f;  // alpha / rank; in folders that of the first, and LowRank has each one's
};

// What of a text's hidden states a classifier reads: those of its first token or its last, or their
// mean; or, late, the mean of what its dense layer makes of each. The numbers stand in artefacts.
enum class HeadPooling { kFirst = 0, kMean = 1, kLast = 2, kLate = 3 };

// Folders of adapters by the tasks that they become.
using AdapterFolders = std::vector<std::pair<std::string, std::string>>;

// What stands on the encoder and makes of its last hidden states what the model is for. A model has
// none (its hidden states are pooled to vectors), one, or several. All of their linear layers have
// a bias, unless a member says otherwise.
struct HeadSpec {
  // Outputs of a text or a pair: outputs(norm(activation(dense(x)))), where x is what `pooling`
  // takes, `dense` is [H, H] and `outputs` [labels, H]. Of kLate outputs(mean(activation(dense))).
  struct Classifier {
    Activation activation = Activation::kTanh;
    std::size_t outputs = 0;  // one a label
    HeadPooling pooling = HeadPooling::kFirst;
    bool dense = true;  // else outputs(x)
    bool dense_bias = true;
    bool norm = false;  // a LayerNorm, with a bias if those of the block have one
    bool outputs_bias = true;
    // Not empty: there is one output, the language model's logit of the first token less that of
    // the second, if there is one.
    std::vector<std::uint32_t> tokens = {};
    bool tied = false;  // the word table is that of the logits

    friend bool operator==(const Classifier&, const Classifier&) = default;
  };
  std::optional<Classifier> classifier;

  // A weight for each token of a text, relu(w h[t] + b), and a vector of so many numbers: bge-m3's
  // sparse and multi-vector heads. 0: none.
  bool token_weights = false;
  std::size_t token_vectors = 0;

  // A masked language model's head, pooled over the tokens of a text (SPLADE).
  struct Vocabulary {
    Activation activation = Activation::kGelu;
    VocabularyPooling pooling = VocabularyPooling::kMax;
    VocabularyScale scale = VocabularyScale::kLog;
    bool tied = true;  // the word table is the decoder's weight

    friend bool operator==(const Vocabulary&, const Vocabulary&) = default;
  };
  std::optional<Vocabulary> vocabulary;

  // Whether it gives weights of token ids, and whether it gives anything.
  bool any_sparse() const noexcept { return token_weights || vocabulary.has_value(); }
  bool any() const noexcept { return classifier || any_sparse() || token_vectors > 0; }
  friend bool operator==(const HeadSpec&, const HeadSpec&) = default;
};

// A transformer that turns tokens into hidden states.
struct ModelSpec {
  std::string family;          // as docs/models.md names it: "bert", "jina-embeddings-v5"
  std::size_t vocabulary = 0;  // V
  std::size_t hidden = 0;      // H
  std::size_t layers = 0;
  std::size_t heads = 0;
  std::size_t intermediate = 0;  // I
  std::size_t token_types = 0;   // 0: there is no table of types
  TokenTypes text_types;  // of a text's tokens, by the folder's tokenizer; of 0 where not stated
  std::size_t max_positions = 0;  // longest sequence the positions allow, in tokens
  BlockSpec block;
  float layer_norm_eps = 0.0f;  // of every norm
  Activation activation = Activation::kGelu;
  float embedding_scale = 0.0f;  // of words; 0: none
  float score_scale = 0.0f;      // 0: 1 / sqrt(head width)
  PositionKind positions = PositionKind::kAbsolute;
  std::size_t position_offset = 0;  // absolute: row of the first token (padding_idx + 1 for XLM-R)
  double rotary_base = 0.0;
  double rotary_divisor = 1.0;  // of all angles
  // Of scaled positions: radians a position for each pair of a head's numbers, in place of what
  // base and divisor give (empty), and a factor of cos and sin. Windows have their own base alone.
  std::vector<float> rotary_frequencies;
  float rotary_magnitude = 1.0f;
  std::int32_t pad_id = 0;
  AdapterSpec adapters;
  HeadSpec head;
  std::vector<std::size_t> matryoshka_dimensions;  // as listed; may be empty

  std::size_t head_width() const noexcept {
    return block.head_width > 0 ? block.head_width : hidden / heads;
  }
  std::size_t kv_heads() const noexcept { return block.kv_heads > 0 ? block.kv_heads : heads; }
  // Whether the graph is told the type of each token: a head may read pairs of texts.
  bool takes_types() const noexcept { return head.classifier && token_types > 1; }
  // Rows of the type table that tokens may have.
  std::size_t type_rows() const;
};

// Reads FOLDER/config.json, for a base with PEFT adapters the adapter_config.json of the folders
// beside it, and for a model with several token types those of its tokenizer.json. The family is
// decided by the keys that are there, model_type being only one of them. Throws Error: kNotFound
// (no config.json), kInvalidArgument (a key is missing or of the wrong type, sizes that do not fit
// together; the key is named), kUnimplemented (another family, position type or activation; what is
// supported is listed). `adapters` are added to the model's own. Throws Error for their folders as
// read_peft_config, and kInvalidArgument for the name of a task that the model has.
ModelSpec read_model_spec(const std::string& folder, const AdapterFolders& adapters = {});

// The same from the root of a parsed config.json, without looking at other files.
ModelSpec parse_model_spec(const JsonValue& config);

}  // namespace nestvec
