// SPDX-License-Identifier: Apache-2.0
#include "engine/read_text_rules.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "base/json.h"
#include "config/small_files.h"
#include "engine/unsupported.h"
#include "tokenizer/normalizer_changes.h"

namespace nestvec {
namespace {

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> choices) {
  return std::find(choices.begin(), choices.end(), text) != choices.end();
}

// 0 for "no limit", which is written as 1e30, as -1, or not at all.
std::size_t limit_of(const JsonValue& value) {
  const double number = value.number();
  if (number == -1 || number > 1e9) return 0;
  if (!(number >= 1)) throw value.error("expected a positive number, or -1 for no limit");
  return static_cast<std::size_t>(number);
}

// Whether a value says nothing: null, {}, [], false.
bool is_void(const JsonValue& value) {
  const JsonValue::Kind kind = value.kind();
  if (kind == JsonValue::Kind::kBool) return !value.boolean();
  return (kind == JsonValue::Kind::kObject || kind == JsonValue::Kind::kArray) && value.size() == 0;
}

// Arguments of transformers' from_pretrained that do not change what is computed. All others might.
void check_arguments(const JsonValue& arguments) {
  for (const auto& [name, value] : arguments.members()) {
    if (is_one_of(name, {"torch_dtype", "dtype", "attn_implementation", "low_cpu_mem_usage",
                         "use_safetensors", "trust_remote_code", "use_fast", "padding_side",
                         "clean_up_tokenization_spaces", "use_flash_attn", "device_map",
                         "cache_dir", "revision", "token", "local_files_only", "add_pooling_layer",
                         "model_max_length"})) {
      continue;
    }
    if (value.is_null()) continue;
    throw unsupported_value(value, "this argument of transformers is not supported");
  }
}

// One value that a key may have besides null, {} and false.
void expect(const JsonValue& config, std::string_view key, std::string_view usual) {
  const std::optional<JsonValue> value = config.find(key);
  if (!value || is_void(*value)) return;
  if (value->kind() == JsonValue::Kind::kString && value->string() == usual) return;
  throw unsupported_value(*value, usual.empty()
                                      ? "is not supported"
                                      : "is not supported; \"" + std::string(usual) + "\" is");
}

// One value that a key may have besides null, {} and false, and in the folder of a model with a
// head another.
void expect_either(const JsonValue& config, std::string_view key, std::string_view usual,
                   std::string_view own_value, bool has_head) {
  const std::optional<JsonValue> value = config.find(key);
  const bool own = has_head && value && value->kind() == JsonValue::Kind::kString &&
                   value->string() == own_value;
  if (!own) expect(config, key, usual);
}

// The modality "text" through forward() and last_hidden_state is what every text model does.
void check_modalities(const JsonValue& config, bool gives_logits, bool reads_pairs) {
  const std::optional<JsonValue> modalities = config.find("modality_config");
  if (!modalities) return;
  const std::optional<JsonValue> text = modalities->find("text");
  if (!text)
    throw unsupported_value(*modalities, "a model without the modality \"text\" is not supported");
  if (!reads_pairs && modalities->find("message")) {  // else see read_score_rules
    throw unsupported_value(*modalities,
                            "the modality \"message\" (a chat template) is not supported");
  }
  expect(*text, "method", "forward");
  expect_either(*text, "method_output_name", "last_hidden_state", "logits", gives_logits);
}

// True where the file limits the length, and so tokenizer_config.json does not.
bool read_sentence_config(ModelFolder& folder) {
  const std::optional<JsonDocument> file = load_sentence_config(folder.path);
  if (!file) return false;
  const JsonValue config = file->root();
  const bool classifier = folder.is_classifier && !folder.names_pooling;
  const bool by_logit = classifier && folder.is_logit_score;
  expect_either(config, "transformer_task", "feature-extraction",
                by_logit     ? "text-generation"
                : classifier ? "sequence-classification"
                             : "fill-mask",
                classifier || folder.is_splade);
  expect_either(config, "module_output_name", "token_embeddings",
                by_logit ? "causal_logits" : "scores", classifier);
  for (const char* key : {"query_expansion", "query_length", "document_length"}) {
    expect(config, key, "");
  }
  if (!classifier) expect(config, "processing_kwargs", "");  // else see read_score_rules
  check_modalities(config, classifier || folder.is_splade, classifier);
  std::optional<JsonValue> limit = config.find("max_seq_length");
  for (const char* key : {"model_args", "model_kwargs", "config_args", "config_kwargs",
                          "tokenizer_args", "processor_kwargs"}) {
    const std::optional<JsonValue> arguments = config.find(key);
    if (!arguments) continue;
    check_arguments(*arguments);
    if (!is_one_of(key, {"tokenizer_args", "processor_kwargs"})) continue;
    if (const auto own = arguments->find("model_max_length")) limit = own;
  }
  if (limit) folder.max_tokens = limit_of(*limit);
  return limit.has_value();
}

void read_tokenizer_config(bool has_limit, ModelFolder& folder) {
  const auto file = load_if_there(folder.path, "tokenizer_config.json");
  if (!file) return;
  const JsonValue config = file->root();
  std::optional<JsonValue> limit = config.find("model_max_length");
  if (!limit) limit = config.find("max_len");  // of older folders
  if (limit && !has_limit) folder.max_tokens = limit_of(*limit);
  if (const auto side = config.find("truncation_side")) {
    folder.truncates_left = side->string() == "left";
    if (!*folder.truncates_left && side->string() != "right") {
      throw side->error("expected \"left\" or \"right\"");
    }
  }
}

}  // namespace

void read_text_rules(ModelFolder& folder) {
  const bool has_limit = read_sentence_config(folder);
  read_tokenizer_config(has_limit, folder);
  folder.normalizer = read_normalizer_changes(folder.path, folder.notes);
}

}  // namespace nestvec
