// SPDX-License-Identifier: Apache-2.0
// What transformers 5 makes of a tokenizer whose class it knows: it takes the vocabulary and the
// merges of tokenizer.json and builds the rest anew, where older versions follow the file, as
// nestvec does. Files of Llama 3, EuroBERT and ModernBERT name no such class, and are followed by
// all.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "tokenizer/stated_tokens.h"

namespace nestvec {

// For BertTokenizer, XLMRobertaTokenizer, RobertaTokenizer, GPT2Tokenizer and Qwen2Tokenizer, by
// tokenizer_class or else by config.json's model_type. Adds a line to `notes` where tokenizer.json
// has other parts than the class. Blocks on file I/O. Throws Error: kInvalidArgument where
// tokenizer_config.json (`config`) names another token at an end of a text, another unknown token
// or another add_prefix_space than tokenizer.json has; as JsonDocument::load.
void check_rebuilt_tokenizer(const std::string& folder, const std::optional<JsonValue>& config,
                             const StatedTokens& stated, std::vector<std::string>& notes);

}  // namespace nestvec
