// SPDX-License-Identifier: Apache-2.0
// What a model folder says about a text before and while it is tokenised: its length and its
// letters.
#pragma once

#include "engine/model_folder.h"

namespace nestvec {

// Reads the sentence_..._config.json and tokenizer_config.json. Errors as read_model_folder.
void read_text_rules(ModelFolder& folder);

}  // namespace nestvec
