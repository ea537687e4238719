// SPDX-License-Identifier: Apache-2.0
// jina-embeddings-v3 (arXiv:2409.10173): XLM-RoBERTa's block with rotary positions and an adapter a
// task, in the names of its first publication and in transformers' own.
#include <array>
#include <cmath>
#include <optional>

#include "compile/config_keys.h"
#include "compile/families/bert_block.h"
#include "compile/families/family.h"

namespace nestvec {
namespace {

constexpr std::array<std::string_view, 5> kV3Adapters = {
    "retrieval.query", "retrieval.passage", "separation", "classification", "text-matching"};

bool has_rotary_keys(const JsonValue& config) {
  return text_or(config, "position_embedding_type", "") == "rotary" ||
         config.find("rotary_emb_base") || config.find("rope_parameters");
}

// Its first publication has no type, or that of XLM-RoBERTa.
bool is_v3(const JsonValue& config) {
  const std::string type = text_or(config, "model_type", "");
  if (type == "jina_embeddings_v3") return true;
  const bool untyped = type.empty() && first_architecture(config).empty();
  if (untyped) return config.find("lora_adaptations") || config.find("rotary_emb_base");
  return is_roberta(config) && (config.find("lora_adaptations") || has_rotary_keys(config));
}

// rope_theta stands in rope_parameters since transformers 5, at the top before; the original
// publication of jina-embeddings-v3 has rotary_emb_base.
double rotary_base_of_v3(const JsonValue& config) {
  std::optional<JsonValue> base = config.find("rotary_emb_base");
  if (!base) base = config.find("rope_theta");
  if (const auto rope = config.find("rope_parameters")) {
    const std::string type = text_or(*rope, "rope_type", "default");
    if (type != "default") {
      throw unsupported(*rope, "rope_type \"" + type + "\" is not supported; default is");
    }
    if (const auto part = rope->find("partial_rotary_factor"); part && part->number() != 1.0) {
      throw unsupported(*part, "rotation of a part of a head is not supported");
    }
    if (const auto theta = rope->find("rope_theta")) base = theta;
  }
  if (const auto scaling = config.find("rope_scaling")) {
    throw unsupported(*scaling, "scaled rotary positions are not supported");
  }
  // The defaults of the two publications' configuration classes.
  const bool native = text_or(config, "model_type", "") == "jina_embeddings_v3";
  if (!base) return native ? 20000.0 : 10000.0;
  if (!(base->number() > 1.0)) throw base->error("expected a number over 1");
  return base->number();
}

void read_stacked_adapters(const JsonValue& config, ModelSpec& spec) {
  const auto names = config.find("lora_adaptations");
  if (!names || names->size() == 0) return;
  for (const JsonValue& name : names->elements()) spec.adapters.tasks.emplace_back(name.string());
  spec.adapters.rank = checked_size(config.at("lora_rank"), 1024);
  const JsonValue alpha = config.at("lora_alpha");
  spec.adapters.scaling =
      static_cast<float>(alpha.number() / static_cast<double>(spec.adapters.rank));
  if (!std::isfinite(spec.adapters.scaling)) throw alpha.error("is not a usable number");
}

ModelSpec read_v3(const JsonValue& config) {
  BertDefaults defaults = kRobertaDefaults;
  defaults.token_types = 1;
  defaults.norm_epsilon = 1e-5f;
  ModelSpec spec = read_bert_block(config, defaults);
  const std::string kind = text_or(config, "position_embedding_type", "rotary");
  if (kind == "rotary") {
    spec.positions = PositionKind::kRotary;
    spec.rotary_base = rotary_base_of_v3(config);
    spec.max_positions = checked_size(config.at("max_position_embeddings"), 1 << 24);
  } else if (kind == "absolute") {
    read_position_table(config, defaults, spec);
  } else {
    throw unsupported(config.at("position_embedding_type"),
                      "\"" + kind + "\" is not supported for this family; rotary and absolute are");
  }
  check_bert_heads(config, spec);
  read_stacked_adapters(config, spec);
  return spec;
}

}  // namespace

const Family kJinaV3 = {
    .name = "jina-embeddings-v3",
    .matches = is_v3,
    .read = read_v3,
    .adapters = kV3Adapters,
    .classifier = {.outputs = "classifier.out_proj", .dense = "classifier.dense"}};

}  // namespace nestvec
