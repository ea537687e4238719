// SPDX-License-Identifier: Apache-2.0
// What a model gives, and how requests for something else are refused.
#pragma once

#include <string>

#include "nestvec/model.h"

namespace nestvec {

enum class ModelKind {
  kEmbedding,   // vectors of texts: dense, sparse, or both
  kClassifier,  // a score for each of several labels
  kReranker,    // one score for a pair of texts
};
ModelKind kind_of(const ModelInfo& model);

// "MODEL is a reranker (POST /v1/rerank)".
std::string describe_kind(const ModelInfo& model);

// Throw Error kFailedPrecondition, which says what the model is, where it does not give dense
// vectors, sparse vectors, a score for a pair, or scores of labels (a reranker gives those, too).
void require_vectors(const ModelInfo& model);
void require_sparse(const ModelInfo& model);
void require_reranker(const ModelInfo& model);
void require_labels(const ModelInfo& model);

}  // namespace nestvec
