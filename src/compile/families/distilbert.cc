// SPDX-License-Identifier: Apache-2.0
// DistilBERT (arXiv:1910.01108): BERT's block with other keys, no token types, and an epsilon that
// no key names.
#include "compile/config_keys.h"
#include "compile/families/bert_block.h"
#include "compile/families/family.h"

namespace nestvec {
namespace {

bool is_distilbert(const JsonValue& config) { return is_kind(config, "distilbert", "DistilBert"); }

ModelSpec read_distilbert(const JsonValue& config) {
  refuse_other_kinds(config);
  ModelSpec spec;
  spec.vocabulary = checked_size(config.at("vocab_size"), 1 << 28);
  spec.hidden = checked_size(config.at("dim"), 1 << 16);
  spec.layers = checked_size(config.at("n_layers"), 1 << 12);
  spec.heads = checked_size(config.at("n_heads"), 1 << 12);
  spec.intermediate = checked_size(config.at("hidden_dim"), 1 << 20);
  spec.max_positions = checked_size(config.at("max_position_embeddings"), 1 << 24);
  spec.layer_norm_eps = 1e-12f;
  spec.activation = activation_of(config, "activation", "gelu");
  if (spec.hidden % spec.heads != 0) {
    throw config.at("n_heads").error(std::to_string(spec.heads) + " heads do not divide dim " +
                                     std::to_string(spec.hidden));
  }
  return spec;
}

void read_distilbert_head(const JsonValue&, HeadSpec::Classifier& head) {
  head.activation = Activation::kRelu;
}

}  // namespace

const Family kDistilBert = {
    .name = "distilbert",
    .matches = is_distilbert,
    .read = read_distilbert,
    .classifier = {
        .outputs = "classifier", .dense = "pre_classifier", .read = read_distilbert_head}};

}  // namespace nestvec
