// SPDX-License-Identifier: Apache-2.0
#include "engine/model_folder.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/json.h"
#include "compile/artefact.h"
#include "weights/model_weights.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

std::optional<JsonDocument> load_if_there(const fs::path& path) {
  if (!is_file(path)) return std::nullopt;
  return JsonDocument::load(path.string());
}

Error missing(const std::string& folder, const std::string& what) {
  return Error(ErrorCode::kNotFound,
               folder + ": " + what +
                   "; expected a model folder as Hugging Face lays it out (config.json, "
                   "tokenizer.json, and model.safetensors or onnx/model.onnx)");
}

// A folder of safetensors files counts by its index.
void find_weights(const fs::path& path, ModelFolder& folder) {
  folder.has_safetensors =
      is_file(path / "model.safetensors") || is_file(path / "model.safetensors.index.json");
  folder.onnx = find_onnx(folder.path);
  if (!folder.has_safetensors && folder.onnx.empty()) {
    throw missing(folder.path, "holds neither model.safetensors nor onnx/model.onnx");
  }
}

void read_pooling(const JsonValue& pooling, ModelFolder& folder) {
  const auto set = [&](std::string_view key) {
    const std::optional<JsonValue> value = pooling.find(key);
    return value && value->boolean();
  };
  const std::optional<JsonValue> mode = pooling.find("pooling_mode");  // the newer spelling
  const std::string_view name = mode ? mode->string() : "";
  const bool mean = name == "mean" || set("pooling_mode_mean_tokens");
  const bool cls = name == "cls" || set("pooling_mode_cls_token");
  for (const char* other : {"pooling_mode_max_tokens", "pooling_mode_mean_sqrt_len_tokens",
                            "pooling_mode_weightedmean_tokens", "pooling_mode_lasttoken"}) {
    if (set(other)) {
      throw Error(ErrorCode::kUnimplemented,
                  pooling.error(other).what() + std::string(" is not supported, mean and CLS are"));
    }
  }
  if (mean == cls) throw pooling.error("expected one of mean and CLS pooling");
  folder.pooling = cls ? Pooling::kCls : Pooling::kMean;
}

// modules.json lists the steps; without it a folder is a plain transformer, mean-pooled and
// normalised.
void read_modules(const fs::path& path, ModelFolder& folder) {
  const std::optional<JsonDocument> modules = load_if_there(path / "modules.json");
  if (!modules) return;
  folder.normalize = false;
  for (const JsonValue& module : modules->root().elements()) {
    const std::string type(module.at("type").string());
    const std::string step = type.substr(type.rfind('.') + 1);
    if (step == "Normalize") {
      folder.normalize = true;
    } else if (step == "Pooling") {
      const fs::path config = path / module.at("path").string() / "config.json";
      const JsonDocument pooling = JsonDocument::load(config.string());
      read_pooling(pooling.root(), folder);
    } else if (step != "Transformer") {
      throw Error(ErrorCode::kUnimplemented,
                  module.at("type").error("module " + type + " is not supported").what());
    }
  }
}

void lower_limit(const std::optional<JsonValue>& value, std::size_t& limit) {
  if (!value) return;
  const double number = value->number();  // "no limit" is written as 1e30
  if (number < 1) throw value->error("expected a positive number");
  if (number > 1e9) return;
  const auto tokens = static_cast<std::size_t>(number);
  limit = limit == 0 ? tokens : std::min(limit, tokens);
}

void read_limits(const fs::path& path, ModelFolder& folder) {
  if (const auto file = load_if_there(path / "sentence_bert_config.json")) {
    lower_limit(file->root().find("max_seq_length"), folder.max_tokens);
  }
  if (const auto file = load_if_there(path / "tokenizer_config.json")) {
    lower_limit(file->root().find("model_max_length"), folder.max_tokens);
  }
}

void read_prompts(const JsonValue& prompts, ModelFolder& folder) {
  for (const auto& [name, prompt] : prompts.members()) {
    folder.prompts.emplace_back(name, prompt.string());
  }
}

}  // namespace

ModelFolder read_model_folder(const std::string& name) {
  const fs::path path = name;
  ModelFolder folder;
  folder.path = name;
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) throw missing(name, "no such folder");
  if (!is_file(path / "config.json")) throw missing(name, "config.json is missing");
  folder.tokenizer = (path / "tokenizer.json").string();
  if (!is_file(folder.tokenizer)) throw missing(name, "tokenizer.json is missing");
  folder.is_compiled = is_artefact(name);
  if (!folder.is_compiled) find_weights(path, folder);
  read_modules(path, folder);
  read_limits(path, folder);

  const auto sentence = load_if_there(path / "config_sentence_transformers.json");
  if (sentence) {
    if (const auto prompts = sentence->root().find("prompts")) read_prompts(*prompts, folder);
    if (const auto prompt = sentence->root().find("default_prompt_name")) {
      folder.default_prompt = prompt->string();
    }
  }
  if (folder.prompts.empty()) {
    const JsonDocument config = JsonDocument::load((path / "config.json").string());
    if (const auto prompts = config.root().find("task_instructions"))
      read_prompts(*prompts, folder);
  }
  return folder;
}

}  // namespace nestvec
