// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/read_token_types.h"

#include <algorithm>
#include <optional>

#include "base/json.h"
#include "config/small_files.h"
#include "tokenizer/component_loader.h"

namespace nestvec {

bool model_takes_types(const std::string& folder) {
  const auto config = load_if_there(folder, "tokenizer_config.json");
  const auto names = config ? config->root().find("model_input_names") : std::nullopt;
  if (!names) return true;
  const std::vector<JsonValue> all = names->elements();
  return std::any_of(all.begin(), all.end(),
                     [](const JsonValue& name) { return name.string() == "token_type_ids"; });
}

TokenTypes read_token_types(const std::string& folder) {
  const auto document = load_if_there(folder, "tokenizer.json");
  const auto post_processor = document ? document->root().find("post_processor") : std::nullopt;
  if (!post_processor) return {};
  TokenTypes types = load_post_processor(*post_processor).types();
  return types.any() && model_takes_types(folder) ? types : TokenTypes{};
}

}  // namespace nestvec
