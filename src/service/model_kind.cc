// SPDX-License-Identifier: Apache-2.0
#include "service/model_kind.h"

#include <string_view>

namespace nestvec {
namespace {

[[noreturn]] void refuse(const ModelInfo& model, std::string_view is_not, std::string_view instead) {
  std::string message = "model is not ";
  message.append(is_not).append(": ").append(describe_kind(model));
  throw Error(ErrorCode::kFailedPrecondition, message.append("; ").append(instead));
}

}  // namespace

ModelKind kind_of(const ModelInfo& model) {
  if (model.labels.empty()) return ModelKind::kEmbedding;
  return model.labels.size() == 1 ? ModelKind::kReranker : ModelKind::kClassifier;
}

std::string describe_kind(const ModelInfo& model) {
  switch (kind_of(model)) {
    case ModelKind::kReranker:
      return model.id + " is a reranker (POST /v1/rerank)";
    case ModelKind::kClassifier:
      return model.id + " is a classifier with " + std::to_string(model.labels.size()) +
             " labels (POST /predict)";
    case ModelKind::kEmbedding:
      break;
  }
  if (!model.dense) return model.id + " is a model for sparse vectors (POST /embed_sparse)";
  return model.id + " is a text-embedding model (POST /v1/embeddings)";
}

void require_vectors(const ModelInfo& model) {
  if (model.dense && model.labels.empty()) return;
  refuse(model, "an embedding model", "serve an embedding model for vectors");
}

void require_sparse(const ModelInfo& model) {
  if (model.sparse) return;
  refuse(model, "a model with sparse vectors",
         "serve one such as BAAI/bge-m3 or a SPLADE model for them");
}

void require_reranker(const ModelInfo& model) {
  if (kind_of(model) == ModelKind::kReranker) return;
  refuse(model, "a re-ranker model",
         "serve a reranker such as BAAI/bge-reranker-v2-m3 to score pairs");
}

void require_labels(const ModelInfo& model) {
  if (!model.labels.empty()) return;
  refuse(model, "a classifier model", "serve a classifier for scores of labels");
}

}  // namespace nestvec
