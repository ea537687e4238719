// SPDX-License-Identifier: Apache-2.0
// What to do about a model folder whose files have other names or formats than those that are read.
#pragma once

#include <string>

namespace nestvec {

// What to add to an error about a folder without weights that nestvec reads: "; " and how to
// convert or rename those that are there, or nothing. Blocks on file I/O.
std::string advice_for_other_weights(const std::string& folder);

// The same for a folder without tokenizer.json.
std::string advice_for_other_tokenizer(const std::string& folder);

}  // namespace nestvec
