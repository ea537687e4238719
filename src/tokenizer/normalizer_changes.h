// SPDX-License-Identifier: Apache-2.0
// What the files beside tokenizer.json say about the letters of a text and about added tokens.
#pragma once

#include <string>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace nestvec {

// Reads do_lower_case of the sentence_..._config.json, and do_lower_case, strip_accents and
// tokenize_chinese_chars, split_special_tokens and the tokens (stated_tokens.h) of
// tokenizer_config.json. Adds a line to `notes` for what tokenizer.json contradicts. Blocks on file
// I/O. Throws Error: kInvalidArgument (a value of the wrong type), as check_rebuilt_tokenizer and
// JsonDocument::load.
NormalizerChanges read_normalizer_changes(const std::string& folder,
                                          std::vector<std::string>& notes);

}  // namespace nestvec
