// SPDX-License-Identifier: Apache-2.0
// jina-embeddings-v2 (arXiv:2310.19923): BERT's block with a gated feed-forward network, and ALiBi
// in place of positions. base-code has norms of queries and keys, and its gate behind what it lets
// through. Both call themselves BERT.
#include "compile/config_keys.h"
#include "compile/families/bert_block.h"
#include "compile/families/family.h"

namespace nestvec {
namespace {

bool is_jina_v2(const JsonValue& config) {
  return is_kind(config, "bert", "JinaBert") &&
         text_or(config, "position_embedding_type", "") == "alibi";
}

// Which of the two is told by the code that the file names.
bool is_code(const JsonValue& config) {
  const auto code = config.find("auto_map");
  return (code ? text_or(*code, "AutoModel", "") : "").find("qk-post-norm") != std::string::npos ||
         text_or(config, "_name_or_path", "").find("qk-post-norm") != std::string::npos;
}

ModelSpec read_jina_v2(const JsonValue& config) {
  const std::string gate = text_or(config, "feed_forward_type", "original");
  if (!is_one_of(gate, {"geglu", "reglu"})) {
    throw unsupported(config.at("position_embedding_type"),
                      "\"alibi\" is not supported beside feed_forward_type \"" + gate +
                          "\"; beside geglu and reglu it is");
  }
  ModelSpec spec = read_bert_block(config, {.feed_forward = gate});
  spec.activation = gate == "reglu" ? Activation::kRelu : Activation::kGelu;
  spec.max_positions = checked_size(config.at("max_position_embeddings"), 1 << 24);
  spec.positions = PositionKind::kNone;
  check_bert_heads(config, spec);
  spec.block.score_bias = ScoreBias::kAlibi;
  spec.block.gated = true;
  spec.block.gate_biases = false;
  const bool code = is_code(config);
  spec.block.joint_norms = code;
  spec.block.outer_norm = code;
  spec.block.gate_last = code;
  return spec;
}

}  // namespace

// Stands before BERT, whose model type it has. jina-reranker-v1 names its class in auto_map alone,
// as jina-embeddings-v2 does, too.
const Family kJinaV2 = {.name = "jina-embeddings-v2",
                        .matches = is_jina_v2,
                        .read = read_jina_v2,
                        .classifier = {.outputs = "classifier",
                                       .dense = "pooler.dense",
                                       .dense_inside = true,
                                       .may_be_unnamed = true}};

}  // namespace nestvec
