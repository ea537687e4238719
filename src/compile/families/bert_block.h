// SPDX-License-Identifier: Apache-2.0
// The keys that BERT's block has in all its families: norms behind each half of a layer, biases,
// one head of keys for each of queries.
#pragma once

#include <string_view>

#include "base/json.h"
#include "compile/model_spec.h"

namespace nestvec {

// Throws Error kUnimplemented for keys that make another model of an encoder's family.
void refuse_other_kinds(const JsonValue& config, std::string_view feed_forward = "original");

// Where the file does not say.
struct BertDefaults {
  std::size_t token_types = 2;  // 0: and a file may say 0
  std::int64_t pad_id = 0;
  float norm_epsilon = 1e-12f;
  bool counts_from_pad = false;                // absolute positions begin behind the padding row
  std::string_view feed_forward = "original";  // the only feed_forward_type
};

// All but the positions. Throws Error as parse_model_spec.
ModelSpec read_bert_block(const JsonValue& config, const BertDefaults& defaults);

// A table of positions, the only kind that the family has. Throws Error
// kUnimplemented for another kind.
void read_position_table(const JsonValue& config, const BertDefaults& defaults, ModelSpec& spec);

// Heads of equal width, as wide together as the hidden state. Throws Error.
void check_bert_heads(const JsonValue& config, const ModelSpec& spec);

// XLM-RoBERTa and jina-embeddings-v3, which was built on it.
inline constexpr BertDefaults kRobertaDefaults = {.pad_id = 1, .counts_from_pad = true};

// By its type, or where that is missing by its class.
bool is_roberta(const JsonValue& config);

}  // namespace nestvec
