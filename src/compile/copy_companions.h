// SPDX-License-Identifier: Apache-2.0
// The small files of a model folder: what a compiled folder needs to be a model by itself.
#pragma once

#include <string>

namespace nestvec {

// Copies config.json, the tokenizer, prompts, and the modules of sentence-transformers with their
// configurations, those that are there, from one folder into another; flushed to disk. Weights and
// graphs are left. Throws Error as file_error does.
void copy_companions(const std::string& model_folder, const std::string& output_folder);

}  // namespace nestvec
