// SPDX-License-Identifier: Apache-2.0
#include "weights/peft_adapter.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/json.h"
#include "weights/safetensors.h"

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

// Variants of LoRA that compute something else than W x + scaling * B (A x).
void refuse_variants(const JsonValue& config) {
  if (const auto type = config.find("peft_type"); type && type->string() != "LORA") {
    throw unsupported(*type, "method " + std::string(type->string()));
  }
  for (const char* key : {"use_dora", "lora_bias", "use_qalora", "use_bdlora"}) {
    if (is_set(config, key)) throw unsupported(config.at(key), key);
  }
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
  const auto targets = config.find("target_modules");
  if (targets && targets->kind() == JsonValue::Kind::kArray) {
    for (const JsonValue& target : targets->elements()) {
      out.target_modules.emplace_back(target.string());
    }
  }
  return out;
}

WeightSet read_peft_weights(const std::string& folder) {
  return read_safetensors_folder(folder, "adapter_model");
}

}  // namespace nestvec
