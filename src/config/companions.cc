// SPDX-License-Identifier: Apache-2.0
#include "config/companions.h"

#include <algorithm>
#include <array>

namespace nestvec {

bool is_module_folder(std::string_view name) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto end = std::find_if_not(name.begin(), name.end(), is_digit);
  return end != name.begin() && end != name.end() && *end == '_' &&
         name.find('/') == std::string_view::npos;
}

bool is_companion(std::string_view path) {
  static constexpr std::array<std::string_view, 6> kNames = {
      "config.json",       "config_sentence_transformers.json",
      "modules.json",      "special_tokens_map.json",
      "added_tokens.json", "chat_template.jinja"};
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) {
    return std::find(kNames.begin(), kNames.end(), path) != kNames.end() ||
           std::find(kSentenceConfigs.begin(), kSentenceConfigs.end(), path) !=
               kSentenceConfigs.end() ||
           (path.starts_with("tokenizer") && path.ends_with(".json"));
  }
  return is_module_folder(path.substr(0, slash)) && path.substr(slash + 1) == "config.json";
}

}  // namespace nestvec
