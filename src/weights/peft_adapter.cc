// SPDX-License-Identifier: Apache-2.0
#include "weights/peft_adapter.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/excerpt.h"
#include "base/json.h"
#include "weights/safetensors.h"
#include "weights/torch_file.h"

namespace nestvec {
namespace {

std::filesystem::path config_path(const std::string& folder) {
  return std::filesystem::path(folder) / "adapter_config.json";
}

bool is_set(const JsonValue& config, std::string_view key) {
  const auto value = config.find(key);
  return value && value->boolean();
}

Error unsupported(const JsonValue& where, const std::string& what) {
  return Error(ErrorCode::kUnimplemented,
               where.error(what + " is not supported, plain LoRA is").what());
}

// Some ways to begin training take a part of the weights into the adapter, so that it does not
// belong to the weights as they were published.
void refuse_other_base(const JsonValue& config) {
  const auto start = config.find("init_lora_weights");
  if (!start || start->kind() != JsonValue::Kind::kString) return;
  for (const char* plain : {"gaussian", "eva", "orthogonal"}) {
    if (start->string() == plain) return;
  }
  throw unsupported(*start, "\"" + excerpt(start->string()) + "\"");
}

// Variants of LoRA that compute something else than W x + scaling * B (A x).
void refuse_variants(const JsonValue& config) {
  if (const auto type = config.find("peft_type"); type && type->string() != "LORA") {
    throw unsupported(*type, "method " + std::string(type->string()));
  }
  for (const char* key : {"use_dora", "lora_bias", "use_qalora", "use_bdlora"}) {
    if (is_set(config, key)) throw unsupported(config.at(key), key);
  }
  for (const char* key : {"layer_replication", "trainable_token_indices", "target_parameters",
                          "alora_invocation_tokens", "arrow_config"}) {
    const auto value = config.find(key);
    const bool is_list = value && (value->kind() == JsonValue::Kind::kArray ||
                                   value->kind() == JsonValue::Kind::kObject);
    if (value && (!is_list || value->size() > 0)) throw unsupported(*value, key);
  }
  refuse_other_base(config);
  if (const auto bias = config.find("bias"); bias && bias->string() != "none") {
    throw unsupported(*bias, "a trained bias");
  }
  for (const char* key : {"rank_pattern", "alpha_pattern", "modules_to_save"}) {
    if (const auto value = config.find(key); value && value->size() > 0) {
      throw unsupported(*value, key);
    }
  }
}

}  // namespace

bool PeftConfig::targets(const std::string& module) const {
  return std::any_of(target_modules.begin(), target_modules.end(), [&](const std::string& target) {
    if (!module.ends_with(target)) return false;
    return module.size() == target.size() || module[module.size() - target.size() - 1] == '.';
  });
}

bool is_peft_folder(const std::string& folder) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(config_path(folder), ignored);
}

PeftConfig read_peft_config(const std::string& folder) {
  const JsonDocument document = JsonDocument::load(config_path(folder).string());
  const JsonValue config = document.root();
  refuse_variants(config);
  PeftConfig out;
  const JsonValue rank = config.at("r");
  if (rank.integer() < 1 || rank.integer() > 1024) throw rank.error("expected 1 to 1024");
  out.rank = static_cast<std::size_t>(rank.integer());
  const double alpha = config.at("lora_alpha").number();
  const double divisor = static_cast<double>(out.rank);
  out.scaling =
      static_cast<float>(alpha / (is_set(config, "use_rslora") ? std::sqrt(divisor) : divisor));
  if (!std::isfinite(out.scaling)) throw config.at("lora_alpha").error("is not a usable number");
  // Where some layers are left out, the tensors that are there tell which are not.
  const bool partial = config.find("layers_to_transform") || config.find("exclude_modules");
  const auto targets = config.find("target_modules");
  if (!partial && targets && targets->kind() == JsonValue::Kind::kArray) {
    for (const JsonValue& target : targets->elements()) {
      out.target_modules.emplace_back(target.string());
    }
  }
  return out;
}

namespace {

// As PEFT wrote it before safetensors; empty where it is not there or not needed.
std::string torch_weights(const std::string& folder) {
  const std::filesystem::path path = std::filesystem::path(folder) / "adapter_model.bin";
  std::error_code ignored;
  const bool counts = safetensors_files(folder, "adapter_model").empty() &&
                      std::filesystem::is_regular_file(path, ignored);
  return counts ? path.string() : "";
}

}  // namespace

WeightSet read_peft_weights(const std::string& folder) {
  const std::string torch = torch_weights(folder);
  return torch.empty() ? read_safetensors_folder(folder, "adapter_model") : read_torch_file(torch);
}

std::vector<std::string> peft_files(const std::string& folder) {
  std::vector<std::string> files = safetensors_files(folder, "adapter_model");
  if (const std::string torch = torch_weights(folder); !torch.empty()) files.push_back(torch);
  files.insert(files.begin(), config_path(folder).string());
  return files;
}

}  // namespace nestvec
