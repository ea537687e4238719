// SPDX-License-Identifier: Apache-2.0
// nomic-embed-text (arXiv:2402.01613): BERT's block with a gated SiLU, rotary positions and no
// biases but those of its norms. Published with GPT-2's keys, saved again with BERT's.
#include <optional>

#include "compile/config_keys.h"
#include "compile/families/bert_block.h"
#include "compile/families/family.h"

namespace nestvec {
namespace {

bool is_nomic(const JsonValue& config) { return is_kind(config, "nomic_bert", "NomicBert"); }

// The value under GPT-2's key, else under BERT's.
JsonValue either(const JsonValue& config, const char* old_key, const char* key) {
  const auto value = config.find(old_key);
  return value ? *value : config.at(key);
}

void refuse_other_nomics(const JsonValue& config) {
  refuse_other_kinds(config);
  for (const char* key : {"qkv_proj_bias", "mlp_fc1_bias", "mlp_fc2_bias", "prenorm",
                          "rotary_emb_interleaved", "num_experts", "causal", "use_rms_norm"}) {
    const auto value = config.find(key);
    const bool off = !value || (value->kind() == JsonValue::Kind::kBool && !value->boolean());
    if (!off) throw unsupported(*value, "is not supported for this family");
  }
  if (const auto factor = config.find("rotary_scaling_factor")) {
    throw unsupported(*factor,
                      "positions that are scaled by the longest text of a batch are not supported: "
                      "vectors would depend on the other texts; remove the key for vectors as "
                      "without it");
  }
  for (const char* key : {"rotary_emb_scale_base", "rope_scaling"}) {
    if (const auto value = config.find(key)) {
      throw unsupported(*value, "scaled rotary positions are not supported");
    }
  }
  const auto share = config.find("rotary_emb_fraction");
  if (share && share->number() != 1.0) {
    throw unsupported(*share, "rotation of a part of a head is not supported");
  }
}

Activation nomic_activation(const JsonValue& config) {
  const std::string name = text_or(config, "activation_function", "swiglu");
  if (config.find("hidden_act")) return activation_of(config, "hidden_act", "silu");
  if (name == "swiglu") return Activation::kSilu;
  throw unsupported(config.at("activation_function"),
                    "\"" + name + "\" is not supported for this family; swiglu is");
}

double nomic_rotary_base(const JsonValue& config) {
  std::optional<JsonValue> base = config.find("rotary_emb_base");
  if (!base) base = config.find("rope_theta");
  if (const auto rope = config.find("rope_parameters")) {
    const std::string type = text_or(*rope, "rope_type", "default");
    if (type != "default") {
      throw unsupported(*rope, "rope_type \"" + type + "\" is not supported; default is");
    }
    if (const auto theta = rope->find("rope_theta")) base = theta;
  }
  if (!base) return 1000.0;
  if (!(base->number() > 1.0)) throw base->error("expected a number over 1");
  return base->number();
}

ModelSpec read_nomic(const JsonValue& config) {
  refuse_other_nomics(config);
  ModelSpec spec;
  spec.vocabulary = checked_size(config.at("vocab_size"), 1 << 28);
  spec.hidden = checked_size(either(config, "n_embd", "hidden_size"), 1 << 16);
  spec.layers = checked_size(either(config, "n_layer", "num_hidden_layers"), 1 << 12);
  spec.heads = checked_size(either(config, "n_head", "num_attention_heads"), 1 << 12);
  spec.intermediate = checked_size(either(config, "n_inner", "intermediate_size"), 1 << 20);
  spec.max_positions =
      checked_size(either(config, "n_positions", "max_position_embeddings"), 1 << 24);
  spec.token_types = size_or(config, "type_vocab_size", 1 << 16, 2);
  const auto epsilon = config.find("layer_norm_epsilon");
  spec.layer_norm_eps = checked_epsilon(epsilon ? *epsilon : config.at("layer_norm_eps"));
  spec.activation = nomic_activation(config);
  check_rotary_heads(config, spec);
  spec.positions = PositionKind::kRotary;
  spec.rotary_base = nomic_rotary_base(config);
  spec.block.biases = false;
  spec.block.gated = true;
  return spec;
}

}  // namespace

const Family kNomicBert = {
    .name = "nomic_bert",
    .matches = is_nomic,
    .read = read_nomic,
    .classifier = {.outputs = "classifier", .dense = "pooler.dense", .dense_inside = true}};

}  // namespace nestvec
