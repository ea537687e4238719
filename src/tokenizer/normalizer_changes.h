// SPDX-License-Identifier: Apache-2.0
// What the files beside tokenizer.json say about the letters of a text.
#pragma once

#include <string>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace nestvec {

// Reads do_lower_case of the sentence_..._config.json, and do_lower_case, strip_accents and
// tokenize_chinese_chars of tokenizer_config.json. Adds a line to `notes` for each of the latter
// that tokenizer.json contradicts. Blocks on file I/O. Throws Error: kInvalidArgument (a value of
// the wrong type), as JsonDocument::load.
NormalizerChanges read_normalizer_changes(const std::string& folder,
                                          std::vector<std::string>& notes);

}  // namespace nestvec
