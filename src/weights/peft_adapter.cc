// SPDX-License-Identifier: Apache-2.0
#include "weights/peft_adapter.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

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

// DoRA scales each row of the weights by a norm that all updates of it change, so it is no sum
// beside the base.
Error unsupported_dora(const JsonValue& where) {
  return Error(ErrorCode::kUnimplemented,
               where
                   .error("DoRA is not supported, because it changes the length of the base's own "
                          "weights; merge the adapter into the weights (peft: merge_and_unload)")
                   .what());
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
  if (is_set(config, "use_dora")) throw unsupported_dora(config.at("use_dora"));
  for (const char* key : {"lora_bias", "use_qalora", "use_bdlora"}) {
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
  if (const auto saved = config.find("modules_to_save"); saved && saved->size() > 0) {
    throw unsupported(*saved, "modules_to_save");
  }
}

std::size_t rank_at(const JsonValue& value) {
  if (value.integer() < 1 || value.integer() > 1024) throw value.error("expected 1 to 1024");
  return static_cast<std::size_t>(value.integer());
}

// Finite as a float, and so whatever the rank is that divides it.
double alpha_at(const JsonValue& value) {
  const double alpha = value.number();
  if (!std::isfinite(static_cast<float>(alpha))) throw value.error("is not a usable number");
  return alpha;
}

template <typename Read>
auto patterns_at(const JsonValue& config, const char* key, Read read) {
  std::vector<std::pair<ModulePattern, decltype(read(config))>> patterns;
  const auto all = config.find(key);
  if (!all) return patterns;
  for (const auto& [name, value] : all->members()) {
    std::optional<ModulePattern> pattern = ModulePattern::parse(name);
    if (!pattern) {
      throw Error(ErrorCode::kUnimplemented,
                  value
                      .error("a regular expression of this kind is not supported; names of "
                             "modules, \"^\", \".\", \".*\" and \"\\.\" are")
                      .what());
    }
    patterns.emplace_back(*std::move(pattern), read(value));
  }
  return patterns;
}

// The module as PEFT knew it when it chose ranks.
std::string_view inner_name(std::string_view module) {
  constexpr std::string_view kWrapper = "base_model.model.";
  return module.starts_with(kWrapper) ? module.substr(kWrapper.size()) : module;
}

template <typename Value>
Value value_of(const std::vector<std::pair<ModulePattern, Value>>& patterns,
               std::string_view module, Value usual) {
  const std::string_view name = inner_name(module);
  const auto found = std::ranges::find_if(
      patterns, [name](const auto& pattern) { return pattern.first.matches(name); });
  return found == patterns.end() ? usual : found->second;
}

}  // namespace

std::size_t PeftConfig::rank_of(std::string_view module) const {
  return value_of(ranks, module, rank);
}

std::size_t PeftConfig::largest_rank() const {
  std::size_t largest = rank;
  for (const auto& [pattern, own] : ranks) largest = std::max(largest, own);
  return largest;
}

float PeftConfig::scaling_of(std::string_view module) const {
  const auto divisor = static_cast<double>(rank_of(module));
  return static_cast<float>(value_of(alphas, module, alpha) /
                            (rank_stabilised ? std::sqrt(divisor) : divisor));
}

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
  return parse_peft_config(document.root());
}

PeftConfig parse_peft_config(const JsonValue& config) {
  refuse_variants(config);
  PeftConfig out;
  out.rank = rank_at(config.at("r"));
  out.alpha = alpha_at(config.at("lora_alpha"));
  out.rank_stabilised = is_set(config, "use_rslora");
  out.ranks = patterns_at(config, "rank_pattern", rank_at);
  out.alphas = patterns_at(config, "alpha_pattern", alpha_at);
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
