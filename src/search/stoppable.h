// SPDX-License-Identifier: Apache-2.0
// Calls of a model that end when a person wants them to.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "nestvec/model.h"

namespace nestvec {

// Asked often, from the thread that called; true = end.
using Interrupted = std::function<bool()>;

// Model::predict and Model::rerank. Throw Error kCancelled after `interrupted`, else as those.
Embeddings predict_until(const Model& model, std::span<const std::string> texts,
                         EmbedOptions options, const Interrupted& interrupted);
Scores rerank_until(const Model& model, const std::string& query,
                    std::span<const std::string> documents, const Interrupted& interrupted);

}  // namespace nestvec
