// SPDX-License-Identifier: Apache-2.0
// The special and added tokens that the files beside tokenizer.json name.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "tokenizer/added_token.h"

namespace nestvec {

struct StatedTokens {
  std::vector<AddedToken> decoder;  // added_tokens_decoder, by id; it says what the token is
  std::vector<AddedToken> older;    // added_tokens.json, by id
  std::vector<std::pair<std::string, AddedToken>> named;  // "cls_token" and the like
  std::vector<AddedToken> extra;                          // additional_special_tokens

  // The content of a named one; nullopt where no file names it.
  std::optional<std::string> named_content(std::string_view key) const;
  // All of them, in the order in which transformers adds them.
  std::vector<AddedToken> all() const;
};

// Reads them as transformers does: `config` is the root of tokenizer_config.json, if there is one;
// special_tokens_map.json and added_tokens.json count where it has no added_tokens_decoder. Blocks
// on file I/O. Throws Error: kInvalidArgument (a value of the wrong type), as JsonDocument::load.
StatedTokens read_stated_tokens(const std::string& folder, const std::optional<JsonValue>& config);

}  // namespace nestvec
