// SPDX-License-Identifier: Apache-2.0
// gte v1.5 and multilingual (arXiv:2407.19669), and arctic-embed-m-v2.0: BERT's block with a gated
// GELU and rotary positions, whose angles may be scaled once and for all.
#include <cmath>
#include <optional>

#include "compile/config_keys.h"
#include "compile/families/bert_block.h"
#include "compile/families/family.h"

namespace nestvec {
namespace {

bool is_gte(const JsonValue& config) {
  return is_kind(config, "new", "New") || is_kind(config, "gte", "Gte");
}

// A factor f makes the base f times as large and every angle smaller by f^(2 / width): "ntk" of the
// first publication. Transformers 5 states the same as a base and a "linear" factor.
void read_gte_positions(const JsonValue& config, ModelSpec& spec) {
  spec.positions = PositionKind::kRotary;
  spec.max_positions = checked_size(config.at("max_position_embeddings"), 1 << 24);
  const bool native = text_or(config, "model_type", "") == "gte";
  spec.rotary_base = native ? 160000.0 : 10000.0;  // the defaults of the two configuration classes
  std::optional<JsonValue> base = config.find("rope_theta");
  const auto scaling = config.find("rope_scaling");
  const auto parameters = config.find("rope_parameters");
  if (parameters && parameters->find("rope_theta")) base = parameters->find("rope_theta");
  if (base) {
    if (!(base->number() > 1.0)) throw base->error("expected a number over 1");
    spec.rotary_base = base->number();
  }
  const auto rope = scaling ? scaling : parameters;
  if (!rope) return;
  const std::string type =
      text_or(*rope, rope->find("rope_type") ? "rope_type" : "type", "default");
  if (type == "default") return;
  const double factor = rope->at("factor").number();
  const bool fits = factor >= 1.0 && factor <= 1024.0;
  if (!fits) throw rope->at("factor").error("expected 1 to 1024");
  if (type == "ntk") {
    spec.rotary_base *= factor;
    spec.rotary_divisor = std::pow(factor, 2.0 / static_cast<double>(spec.head_width()));
  } else if (type == "linear") {
    spec.rotary_divisor = factor;
  } else {
    throw unsupported(*rope, "rope type \"" + type + "\" is not supported; ntk and linear are");
  }
}

ModelSpec read_gte(const JsonValue& config) {
  for (const char* key : {"logn_attention_scale", "logn_attention_clip1"}) {
    if (flag_or(config, key, false)) {
      throw unsupported(config.at(key), "true is not supported");
    }
  }
  ModelSpec spec = read_bert_block(config, {.token_types = 0});
  check_rotary_heads(config, spec);
  read_gte_positions(config, spec);
  spec.block.gated = true;
  spec.block.gate_biases = false;
  spec.block.gate_last = true;
  return spec;
}

}  // namespace

const Family kGte = {
    .name = "gte",
    .also = "new",
    .matches = is_gte,
    .read = read_gte,
    .classifier = {.outputs = "classifier", .dense = "pooler.dense", .dense_inside = true}};

}  // namespace nestvec
