// SPDX-License-Identifier: Apache-2.0
// EmbeddingGemma (arXiv:2509.20354), Gemma 3's text model without its mask: Llama's block with a
// norm behind each half, norms of queries and keys, and windows in most layers.
#include <cmath>

#include "compile/config_keys.h"
#include "compile/families/family.h"
#include "compile/families/layer_types.h"
#include "compile/families/llama_block.h"

namespace nestvec {
namespace {

bool is_gemma3(const JsonValue& config) { return is_kind(config, "gemma3_text", "Gemma3Text"); }

void refuse_other_gemmas(const JsonValue& config) {
  if (!flag_or(config, "use_bidirectional_attention", false)) {
    throw unsupported(config,
                      "use_bidirectional_attention is not true: of this family, models that "
                      "were trained as encoders are supported");
  }
  for (const char* key : {"attn_logit_softcapping", "rope_scaling"}) {
    if (const auto value = config.find(key)) throw unsupported(*value, "is not supported");
  }
}

float score_scale(const JsonValue& config, const ModelSpec& spec) {
  const auto scalar = config.find("query_pre_attn_scalar");
  const double width = scalar ? scalar->number() : 256.0;
  if (width <= 0 || width >= 1e6) {
    throw config.at("query_pre_attn_scalar").error("expected a positive number");
  }
  if (width == static_cast<double>(spec.head_width())) return 0.0f;
  return static_cast<float>(1.0 / std::sqrt(width));
}

ModelSpec read_gemma3(const JsonValue& config) {
  refuse_other_gemmas(config);
  ModelSpec spec = read_llama_block(config, {.takes_layer_types = true});
  spec.activation = activation_of(config, "hidden_activation", "gelu_pytorch_tanh");
  BlockSpec& block = spec.block;
  if (block.head_width == 0) block.head_width = 256;
  spec.embedding_scale = static_cast<float>(std::sqrt(static_cast<double>(spec.hidden)));
  spec.score_scale = score_scale(config, spec);
  spec.rotary_base = rotary_base_of_kind(config, kFullAttention, "rope_theta", 1000000.0);
  block.head_norms = true;
  block.inner_norms = true;
  block.norms_from_one = true;
  // As in transformers, which writes "_sliding_window_pattern", too, and does not read it.
  const std::size_t every = size_or(config, "sliding_window_pattern", 1 << 12, 6);
  block.window_layers = window_layers_of(
      config, spec.layers, [every](std::size_t layer) { return (layer + 1) % every != 0; });
  if (block.window_layers.empty()) return spec;
  block.window = size_or(config, "sliding_window", 1 << 24, 4096) / 2;
  block.window_rotary_base =
      rotary_base_of_kind(config, kSlidingAttention, "rope_local_base_freq", 10000.0);
  return spec;
}

}  // namespace

const Family kGemma3 = {.name = "gemma3_text", .matches = is_gemma3, .read = read_gemma3};

}  // namespace nestvec
