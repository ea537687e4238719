// SPDX-License-Identifier: Apache-2.0
#include "compile/families/layer_types.h"

#include <optional>
#include <string>

#include "compile/config_keys.h"

namespace nestvec {

double rotary_base_of_kind(const JsonValue& config, const char* kind, const char* old_key,
                           double fallback) {
  std::optional<JsonValue> base = config.find(old_key);
  const auto all = config.find("rope_parameters");
  const auto rope = all ? all->find(kind) : std::nullopt;
  if (rope) {
    const std::string type = text_or(*rope, "rope_type", "default");
    if (type != "default") {
      throw unsupported(*rope, "rope_type \"" + type + "\" is not supported; default is");
    }
    if (const auto theta = rope->find("rope_theta")) base = theta;
  }
  if (!base) return fallback;
  if (!(base->number() > 1.0)) throw base->error("expected a number over 1");
  return base->number();
}

std::vector<std::size_t> window_layers_of(const JsonValue& config, std::size_t layers,
                                          const std::function<bool(std::size_t)>& is_window) {
  std::vector<std::size_t> windows;
  const auto types = config.find("layer_types");
  if (!types) {
    for (std::size_t i = 0; i < layers; ++i) {
      if (is_window(i)) windows.push_back(i);
    }
    return windows;
  }
  const std::vector<JsonValue> all = types->elements();
  if (all.size() != layers) {
    throw types->error("has " + std::to_string(all.size()) + " entries for " +
                       std::to_string(layers) + " layers");
  }
  for (std::size_t i = 0; i < layers; ++i) {
    if (all[i].string() == kSlidingAttention) {
      windows.push_back(i);
    } else if (all[i].string() != kFullAttention) {
      throw unsupported(all[i], "\"" + std::string(all[i].string()) +
                                    "\" is not supported; full_attention and sliding_attention "
                                    "are");
    }
  }
  return windows;
}

}  // namespace nestvec
