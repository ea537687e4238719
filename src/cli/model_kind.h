// SPDX-License-Identifier: Apache-2.0
// Which command a model is for.
#pragma once

#include "nestvec/model.h"

namespace nestvec {

// Throws Error kInvalidArgument for a reranker or classifier, naming the command for it.
void check_embeds(const ModelInfo& model);

// Throws Error kInvalidArgument for a model without the vectors that are asked for. `model` is of a
// loaded model: before, it is not known.
void check_makes(const ModelInfo& model, bool sparse);

// Throws Error kInvalidArgument for a model that is no reranker, naming the command for it.
void check_reranks(const ModelInfo& model);

}  // namespace nestvec
