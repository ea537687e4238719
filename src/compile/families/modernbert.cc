// SPDX-License-Identifier: Apache-2.0
// ModernBERT (arXiv:2412.13663): norms first, a gated GELU, and windows in all but every third
// layer, whose rotary positions have another base. Its "position_embedding_type" means nothing.
#include "base/excerpt.h"
#include "compile/config_keys.h"
#include "compile/families/family.h"
#include "compile/families/layer_types.h"

namespace nestvec {
namespace {

bool is_modernbert(const JsonValue& config) { return is_kind(config, "modernbert", "ModernBert"); }

void refuse_other_modernberts(const JsonValue& config) {
  const std::string architecture = first_architecture(config);
  if (architecture.find("TokenClassification") != std::string::npos) {
    throw unsupported(config, "architecture \"" + architecture +
                                  "\" is not supported; embedding models of this family are");
  }
  for (const char* key : {"attention_bias", "mlp_bias", "norm_bias"}) {
    const auto value = config.find(key);
    if (value && value->boolean()) throw unsupported(*value, "true is not supported");
  }
  for (const char* key : {"quantization_config", "rope_scaling"}) {
    if (const auto value = config.find(key)) throw unsupported(*value, "is not supported");
  }
}

ModelSpec read_modernbert(const JsonValue& config) {
  refuse_other_modernberts(config);
  ModelSpec spec;
  spec.vocabulary = checked_size(config.at("vocab_size"), 1 << 28);
  spec.hidden = checked_size(config.at("hidden_size"), 1 << 16);
  spec.layers = checked_size(config.at("num_hidden_layers"), 1 << 12);
  spec.heads = checked_size(config.at("num_attention_heads"), 1 << 12);
  spec.intermediate = checked_size(config.at("intermediate_size"), 1 << 20);
  spec.max_positions = checked_size(config.at("max_position_embeddings"), 1 << 24);
  const auto epsilon = config.find("norm_eps");
  spec.layer_norm_eps = epsilon ? checked_epsilon(*epsilon) : 1e-5f;
  spec.activation = activation_of(config, "hidden_activation", "gelu");
  check_rotary_heads(config, spec);
  spec.positions = PositionKind::kRotary;
  spec.rotary_base = rotary_base_of_kind(config, kFullAttention, "global_rope_theta", 160000.0);
  BlockSpec& block = spec.block;
  block.norm_first = true;
  block.biases = false;
  block.norm_biases = false;
  block.embedding_norm = true;
  block.bare_first = true;
  block.gated = true;
  const std::size_t every = size_or(config, "global_attn_every_n_layers", 1 << 12, 3);
  block.window_layers = window_layers_of(config, spec.layers,
                                         [every](std::size_t layer) { return layer % every != 0; });
  if (block.window_layers.empty()) return spec;
  block.window = size_or(config, "local_attention", 1 << 24, 128) / 2;
  block.window_rotary_base =
      rotary_base_of_kind(config, kSlidingAttention, "local_rope_theta", 10000.0);
  return spec;
}

void read_modernbert_head(const JsonValue& config, HeadSpec::Classifier& head) {
  head.activation = activation_of(config, "classifier_activation", "gelu");
  head.dense_bias = flag_or(config, "classifier_bias", false);
  head.norm = true;
  const std::string pooling = text_or(config, "classifier_pooling", "cls");
  if (pooling != "cls" && pooling != "mean") {
    throw unsupported(config.at("classifier_pooling"),
                      "\"" + excerpt(pooling) + "\" is not supported; cls and mean are");
  }
  head.pooling = pooling == "cls" ? HeadPooling::kFirst : HeadPooling::kMean;
}

}  // namespace

const Family kModernBert = {.name = "modernbert",
                            .matches = is_modernbert,
                            .read = read_modernbert,
                            .classifier = {.outputs = "classifier",
                                           .dense = "head.dense",
                                           .norm = "head.norm",
                                           .read = read_modernbert_head}};

}  // namespace nestvec
