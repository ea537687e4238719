// SPDX-License-Identifier: Apache-2.0
// The token types of a model folder, for what needs nothing else of its tokenizer.
#pragma once

#include <string>

#include "base/token_types.h"

namespace nestvec {

// The types that FOLDER/tokenizer.json gives to a single text; none where tokenizer_config.json has
// model_input_names without token_type_ids, because transformers then leaves them out. Blocks on
// file I/O. Throws Error as Tokenizer::load.
TokenTypes read_token_types(const std::string& folder);

// Whether transformers gives the model types at all: not where tokenizer_config.json has
// model_input_names without token_type_ids. Blocks on file I/O. Throws Error as
// JsonDocument::load, and kInvalidArgument for a broken list.
bool model_takes_types(const std::string& folder);

}  // namespace nestvec
