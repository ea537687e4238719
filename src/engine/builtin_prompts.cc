// SPDX-License-Identifier: Apache-2.0
#include "engine/builtin_prompts.h"

#include <string_view>
#include <vector>

#include "base/embedded_file.h"
#include "base/json.h"
#include "base/lower.h"
#include "config/model_location.h"

namespace nestvec {

// builtin_prompts.json, as the build writes it.
std::span<const EmbeddedFile> builtin_prompt_files();

namespace {

// The last two parts of a path or a reference, without its revision.
std::string last_two_parts(std::string_view name) {
  while (name.ends_with('/')) name.remove_suffix(1);
  const std::size_t last = name.rfind('/');
  if (last == std::string_view::npos || last == 0) return "";
  const std::size_t before = name.rfind('/', last - 1);
  if (before != std::string_view::npos) name = name.substr(before + 1);
  return std::string(name.substr(0, name.find('@')));
}

std::vector<std::string> ids_of(std::span<const std::string> names) {
  std::vector<std::string> ids;
  for (const std::string& name : names) {
    for (const std::string& id : {repo_of_path(name), last_two_parts(name)}) {
      if (!id.empty()) ids.push_back(ascii_lower(id));
    }
  }
  return ids;
}

}  // namespace

std::optional<BuiltinPrompts> builtin_prompts(std::span<const std::string> names) {
  const EmbeddedFile& file = builtin_prompt_files().front();
  const JsonDocument document = JsonDocument::parse(file.body, std::string(file.name));
  const std::vector<JsonValue> models = document.root().at("models").elements();
  for (const std::string& wanted : ids_of(names)) {
    for (const JsonValue& model : models) {
      for (const JsonValue& id : model.at("ids").elements()) {
        if (ascii_lower(id.string()) != wanted) continue;
        BuiltinPrompts found{std::string(id.string()), {}};
        for (const auto& [name, prompt] : model.at("prompts").members()) {
          found.prompts.emplace_back(name, prompt.string());
        }
        return found;
      }
    }
  }
  return std::nullopt;
}

}  // namespace nestvec
