// SPDX-License-Identifier: Apache-2.0
// What a model is, in words, and how requests for something else are refused.
#pragma once

#include <string>

#include "nestvec/model.h"
#include "service/served_models.h"

namespace nestvec {

// "MODEL is a reranker (POST /v1/rerank)".
std::string describe_kind(const ModelInfo& model);

// Throws Error kFailedPrecondition, which says what the model is, where it is not of that kind.
void require_kind(const ModelInfo& model, ModelKind kind);

}  // namespace nestvec
