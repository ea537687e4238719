// SPDX-License-Identifier: Apache-2.0
#include "engine/module_step.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "base/excerpt.h"
#include "base/json.h"
#include "engine/module_stack.h"
#include "engine/unsupported.h"
#include "ops/packed_matrix.h"

namespace nestvec {
namespace {

constexpr std::int64_t kMostFeatures = 1 << 16;

std::size_t features_at(const JsonValue& config, std::string_view key) {
  const JsonValue value = config.at(key);
  const std::optional<std::int64_t> number = value.whole_number();
  if (!number || *number < 1 || *number > kMostFeatures) {
    throw value.error("expected 1 to " + std::to_string(kMostFeatures));
  }
  return static_cast<std::size_t>(*number);
}

// A class of torch, by its last name; tanh where no key is. Without trust in the folder's code
// sentence-transformers would replace a class that is not of torch by tanh.
Activation activation_of(const JsonValue& config) {
  constexpr std::array<std::pair<std::string_view, Activation>, 5> kClasses = {
      {{"Tanh", Activation::kTanh},
       {"Identity", Activation::kNone},
       {"GELU", Activation::kGelu},
       {"ReLU", Activation::kRelu},
       {"SiLU", Activation::kSilu}}};
  const std::optional<JsonValue> value = config.find("activation_function");
  if (!value) return Activation::kTanh;
  const std::string_view name = value->string();
  const std::string_view last = name.substr(name.rfind('.') + 1);
  for (const auto& [own, activation] : kClasses) {
    if (name.starts_with("torch.") && last == own) return activation;
  }
  throw unsupported_value(*value, "\"" + excerpt(name) +
                                      "\" is not supported; Tanh, Identity, GELU, ReLU and SiLU of "
                                      "torch.nn are");
}

// Dense may work on tokens; that is another model.
void check_names(const JsonValue& config) {
  for (const char* key : {"module_input_name", "module_output_name"}) {
    const std::optional<JsonValue> name = config.find(key);
    if (name && name->string() != "sentence_embedding") {
      throw unsupported_value(
          *name, "\"" + excerpt(name->string()) + "\" is not supported; sentence_embedding is");
    }
  }
}

bool flag_at(const JsonValue& config, std::string_view key, bool fallback) {
  const std::optional<JsonValue> value = config.find(key);
  return value ? value->boolean() : fallback;
}

std::uint64_t panel_bytes(std::size_t inputs, std::size_t outputs) {
  return PackedShape{WeightType::kF32, outputs, inputs}.bytes();
}

}  // namespace

ModuleStep read_dense(const std::string& folder, std::vector<std::string>& notes) {
  constexpr std::array<std::string_view, 7> kKeys = {
      "in_features",       "out_features",       "bias",        "activation_function",
      "module_input_name", "module_output_name", "use_residual"};
  const JsonDocument document =
      JsonDocument::load((std::filesystem::path(folder) / "config.json").string());
  const JsonValue config = document.root();
  for (const auto& [key, value] : config.members()) {
    if (std::ranges::find(kKeys, key) != kKeys.end()) continue;
    notes.push_back("warning: " +
                    std::string(value.error("is ignored, as in sentence-transformers").what()));
  }
  check_names(config);
  return {ModuleKind::kDense,
          folder,
          features_at(config, "in_features"),
          features_at(config, "out_features"),
          flag_at(config, "bias", true),
          flag_at(config, "use_residual", false),
          activation_of(config)};
}

ModuleStep read_layer_norm(const std::string& folder) {
  const JsonDocument document =
      JsonDocument::load((std::filesystem::path(folder) / "config.json").string());
  const std::size_t width = features_at(document.root(), "dimension");
  return {ModuleKind::kLayerNorm, folder, width, width, true, false, Activation::kNone};
}

std::size_t width_behind(std::span<const ModuleStep> steps, std::size_t width) {
  for (const ModuleStep& step : steps) width = step.outputs > 0 ? step.outputs : width;
  return width;
}

std::uint64_t module_bytes(std::span<const ModuleStep> steps) {
  std::uint64_t bytes = 0;
  std::size_t widest = 0;
  for (const ModuleStep& step : steps) {
    widest = std::max({widest, step.inputs, step.outputs});
    if (step.kind == ModuleKind::kNormalize) continue;
    bytes += 3 * sizeof(float) * step.outputs;
    if (step.kind != ModuleKind::kDense) continue;
    const std::uint64_t panels = panel_bytes(step.inputs, step.outputs);
    bytes += panels * (step.residual && step.inputs != step.outputs ? 2 : 1);
  }
  return bytes + 4 * ModuleStack::kRows * sizeof(float) * widest;
}

}  // namespace nestvec
