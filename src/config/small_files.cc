// SPDX-License-Identifier: Apache-2.0
#include "config/small_files.h"

#include "config/companions.h"

namespace nestvec {

bool is_file(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

std::optional<JsonDocument> load_if_there(const std::string& folder, const std::string& name) {
  const std::filesystem::path path = std::filesystem::path(folder) / name;
  if (!is_file(path)) return std::nullopt;
  return JsonDocument::load(path.string());
}

std::optional<JsonDocument> load_sentence_config(const std::string& folder) {
  for (const std::string_view name : kSentenceConfigs) {
    std::optional<JsonDocument> config = load_if_there(folder, std::string(name));
    if (config && config->root().size() > 0) return config;
  }
  return std::nullopt;
}

}  // namespace nestvec
