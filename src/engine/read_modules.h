// SPDX-License-Identifier: Apache-2.0
// The modules of sentence-transformers: what happens to token embeddings.
#pragma once

#include "engine/model_folder.h"

namespace nestvec {

// Follows modules.json step by step; without it, N_Pooling and N_Normalize as they lie in the
// folder. Errors as read_model_folder.
void read_modules(ModelFolder& folder);

}  // namespace nestvec
