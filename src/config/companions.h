// SPDX-License-Identifier: Apache-2.0
// The small files of a model folder.
#pragma once

#include <string_view>

namespace nestvec {

// "1_Pooling": how sentence-transformers names the folder of a module.
bool is_module_folder(std::string_view name);

// Whether the file at `path`, relative to the folder of a model and with '/', is one of its
// configuration, tokenizer or prompts, or configures a module of sentence-transformers: what makes
// a model of weights.
bool is_companion(std::string_view path);

}  // namespace nestvec
