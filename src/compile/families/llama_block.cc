// SPDX-License-Identifier: Apache-2.0
#include "compile/families/llama_block.h"

#include "compile/config_keys.h"
#include "compile/rotary_scaling.h"

namespace nestvec {
namespace {

// rope_theta stands in rope_parameters since transformers 5, at the top before.
void read_rotation(const JsonValue& config, std::optional<double> fallback, ModelSpec& spec) {
  std::optional<JsonValue> base = config.find("rope_theta");
  std::optional<JsonValue> scaled;
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    const auto rope = config.find(key);
    if (!rope) continue;
    scaled = rope;
    if (const auto part = rope->find("partial_rotary_factor"); part && part->number() != 1.0) {
      throw unsupported(*part, "rotation of a part of a head is not supported");
    }
    if (const auto theta = rope->find("rope_theta")) base = theta;
  }
  if (base && !(base->number() > 1.0)) throw base->error("expected a number over 1");
  if (!base && !fallback) {
    throw config.error(
        "\"rope_theta\" is missing, and versions of transformers read that differently; add the "
        "one that the model was trained with");
  }
  spec.positions = PositionKind::kRotary;
  spec.rotary_base = base ? base->number() : *fallback;
  if (scaled) read_rotary_scaling(config, *scaled, spec);
}

void read_llama_heads(const JsonValue& config, ModelSpec& spec) {
  spec.heads = checked_size(config.at("num_attention_heads"), 1 << 12);
  spec.block.kv_heads = size_or(config, "num_key_value_heads", 1 << 12, spec.heads);
  if (spec.heads % spec.block.kv_heads != 0) {
    throw config.at("num_key_value_heads")
        .error(std::to_string(spec.block.kv_heads) + " do not divide num_attention_heads " +
               std::to_string(spec.heads));
  }
  const auto width = config.find("head_dim");
  if (width) spec.block.head_width = checked_size(*width, 1 << 16);
  check_rotary_heads(config, spec);
}

void refuse_other_blocks(const JsonValue& config, const LlamaDefaults& defaults) {
  const std::string architecture = first_architecture(config);
  if (architecture.find("TokenClassification") != std::string::npos) {
    throw unsupported(config, "architecture \"" + architecture +
                                  "\" is not supported; embedding models of this family are");
  }
  for (const char* key : {"attention_bias", "mlp_bias", "use_sliding_window", "clip_qkv"}) {
    const auto value = config.find(key);
    if (value && value->kind() == JsonValue::Kind::kBool && value->boolean()) {
      throw unsupported(*value, "true is not supported");
    }
  }
  const auto types = config.find("layer_types");
  if (types && !defaults.takes_layer_types) {
    for (const JsonValue& type : types->elements()) {
      if (type.string() == "full_attention") continue;
      throw unsupported(
          type, "\"" + std::string(type.string()) + "\" is not supported; full_attention is");
    }
  }
  if (const auto quantised = config.find("quantization_config")) {
    throw unsupported(*quantised,
                      "quantised weights are not supported; take the model that they were made "
                      "from, and runtime.precision int8");
  }
}

}  // namespace

ModelSpec read_llama_block(const JsonValue& config, const LlamaDefaults& defaults) {
  refuse_other_blocks(config, defaults);
  ModelSpec spec;
  spec.vocabulary = checked_size(config.at("vocab_size"), 1 << 28);
  spec.hidden = checked_size(config.at("hidden_size"), 1 << 16);
  spec.layers = checked_size(config.at("num_hidden_layers"), 1 << 12);
  spec.intermediate = checked_size(config.at("intermediate_size"), 1 << 20);
  spec.max_positions = checked_size(config.at("max_position_embeddings"), 1 << 24);
  const auto epsilon = config.find("rms_norm_eps");
  spec.layer_norm_eps =
      epsilon ? checked_epsilon(*epsilon) : static_cast<float>(defaults.norm_epsilon);
  spec.activation = activation_of(config, "hidden_act", "silu");
  spec.block.norm = NormKind::kRms;
  spec.block.norm_first = true;
  spec.block.biases = false;
  spec.block.gated = true;
  read_llama_heads(config, spec);
  read_rotation(config, defaults.rotary_base, spec);
  return spec;
}

}  // namespace nestvec
