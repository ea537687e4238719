// SPDX-License-Identifier: Apache-2.0
// What tells two models apart by what they do.
#pragma once

#include <string>

#include "nestvec/model.h"

namespace nestvec {

// Of the vocabulary, the prompts, and the vectors of a short text under each task: another model,
// other weights, another precision or instruction set give another one; another folder, number of
// threads or size of batches do not. Blocks. Throws Error as Model::predict.
std::string model_digest(const Model& model);

}  // namespace nestvec
