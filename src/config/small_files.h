// SPDX-License-Identifier: Apache-2.0
// Small files of a model folder that several parts read.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/json.h"

namespace nestvec {

// Whether a regular file, or a link to one, is there and can be seen.
bool is_file(const std::filesystem::path& path);

// FOLDER/NAME, or nullopt where there is no such file. Throws Error as JsonDocument::load.
std::optional<JsonDocument> load_if_there(const std::string& folder, const std::string& name);

// The configuration of sentence-transformers' Transformer module: the first file of
// kSentenceConfigs that is there and not empty. Throws Error as JsonDocument::load.
std::optional<JsonDocument> load_sentence_config(const std::string& folder);

}  // namespace nestvec
