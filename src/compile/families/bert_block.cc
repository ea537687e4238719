// SPDX-License-Identifier: Apache-2.0
#include "compile/families/bert_block.h"

#include "compile/config_keys.h"

namespace nestvec {
namespace {

void read_pad_id(const JsonValue& config, const BertDefaults& defaults, ModelSpec& spec) {
  const auto pad = config.find("pad_token_id");
  std::int64_t id = pad ? integer_of(*pad) : defaults.pad_id;
  // -1 is none: positions of RoBERTa's kind then begin at 0.
  if (pad && (id < -1 || id >= static_cast<std::int64_t>(spec.vocabulary))) {
    throw pad->error("is not a token of the vocabulary");
  }
  if (id == -1 && !defaults.counts_from_pad) id = 0;
  spec.pad_id = static_cast<std::int32_t>(id);
}

}  // namespace

void refuse_other_kinds(const JsonValue& config, std::string_view feed_forward) {
  for (const char* key : {"is_decoder", "add_cross_attention", "is_encoder_decoder"}) {
    const auto value = config.find(key);
    if (value && value->boolean()) {
      throw unsupported(*value, "true is not supported: only encoders are");
    }
  }
  const std::string kind = text_or(config, "feed_forward_type", "original");
  if (kind != feed_forward) {
    throw unsupported(config.at("feed_forward_type"),
                      "\"" + kind + "\" is not supported; " + std::string(feed_forward) + " is");
  }
  if (const auto quantised = config.find("quantization_config")) {
    throw unsupported(*quantised,
                      "quantised weights are not supported; take the model that they were made "
                      "from, and runtime.precision int8");
  }
}

ModelSpec read_bert_block(const JsonValue& config, const BertDefaults& defaults) {
  refuse_other_kinds(config, defaults.feed_forward);
  ModelSpec spec;
  spec.vocabulary = checked_size(config.at("vocab_size"), 1 << 28);
  spec.hidden = checked_size(config.at("hidden_size"), 1 << 16);
  spec.layers = checked_size(config.at("num_hidden_layers"), 1 << 12);
  spec.heads = checked_size(config.at("num_attention_heads"), 1 << 12);
  spec.intermediate = checked_size(config.at("intermediate_size"), 1 << 20);
  const auto types = config.find("type_vocab_size");
  const bool none = defaults.token_types == 0 && types && integer_of(*types) == 0;
  spec.token_types = none ? 0 : size_or(config, "type_vocab_size", 1 << 16, defaults.token_types);
  read_pad_id(config, defaults, spec);
  const auto epsilon = config.find("layer_norm_eps");
  spec.layer_norm_eps = epsilon ? checked_epsilon(*epsilon) : defaults.norm_epsilon;
  spec.activation = activation_of(config, "hidden_act", "gelu");
  return spec;
}

void read_position_table(const JsonValue& config, const BertDefaults& defaults, ModelSpec& spec) {
  const std::size_t rows = checked_size(config.at("max_position_embeddings"), 1 << 24);
  const std::string kind = text_or(config, "position_embedding_type", "absolute");
  if (kind != "absolute") {
    throw unsupported(config.at("position_embedding_type"),
                      "\"" + kind + "\" is not supported for this family; absolute is");
  }
  spec.positions = PositionKind::kAbsolute;
  spec.position_offset = defaults.counts_from_pad ? static_cast<std::size_t>(spec.pad_id) + 1 : 0;
  if (rows <= spec.position_offset) {
    throw config.at("max_position_embeddings")
        .error("expected over " + std::to_string(spec.position_offset));
  }
  spec.max_positions = rows - spec.position_offset;
}

void check_bert_heads(const JsonValue& config, const ModelSpec& spec) {
  if (spec.hidden % spec.heads != 0) {
    throw config.at("num_attention_heads")
        .error(std::to_string(spec.heads) + " heads do not divide hidden_size " +
               std::to_string(spec.hidden));
  }
  if (spec.positions == PositionKind::kRotary && spec.head_width() % 2 != 0) {
    throw config.at("num_attention_heads")
        .error("rotary positions need heads of even width, found " +
               std::to_string(spec.head_width()));
  }
  const auto width = config.find("head_dim");
  if (width && checked_size(*width, 1 << 16) != spec.head_width()) {
    throw unsupported(*width,
                      "heads of another width than hidden_size / num_attention_heads are "
                      "not supported");
  }
}

bool is_roberta(const JsonValue& config) {
  const std::string type = text_or(config, "model_type", "");
  if (!type.empty()) return is_one_of(type, {"xlm-roberta", "roberta", "camembert"});
  const std::string architecture = first_architecture(config);
  return architecture.find("Roberta") != std::string::npos ||
         architecture.find("RoBERTa") != std::string::npos;
}

}  // namespace nestvec
