// SPDX-License-Identifier: Apache-2.0
#include "service/model_kind.h"

#include <string_view>

namespace nestvec {
namespace {

struct Lack {
  std::string_view is_not;
  std::string_view instead;
};

Lack lack_of(ModelKind kind) {
  switch (kind) {
    case ModelKind::kRerank:  // in text-embeddings-inference's words
      return {"a re-ranker model",
              "serve a reranker such as BAAI/bge-reranker-v2-m3 to score pairs"};
    case ModelKind::kClassify:
      return {"a classifier model", "serve a classifier for scores of labels"};
    case ModelKind::kSparse:
      return {"a model with sparse vectors",
              "serve one such as BAAI/bge-m3 or a SPLADE model for them"};
    case ModelKind::kMultiVector:
      return {"a model with vectors of tokens", "serve one such as BAAI/bge-m3 for them"};
    case ModelKind::kEmbed:
    case ModelKind::kAny:
      break;
  }
  return {"an embedding model", "serve an embedding model for vectors"};
}

}  // namespace

std::string describe_kind(const ModelInfo& model) {
  if (model.labels.size() == 1) return model.id + " is a reranker (POST /v1/rerank)";
  if (!model.labels.empty()) {
    return model.id + " is a classifier with " + std::to_string(model.labels.size()) +
           " labels (POST /predict)";
  }
  if (!model.dense) return model.id + " is a model for sparse vectors (POST /embed_sparse)";
  return model.id + " is a text-embedding model (POST /v1/embeddings)";
}

void require_kind(const ModelInfo& model, ModelKind kind) {
  if (is_of_kind(model, kind)) return;
  const Lack lack = lack_of(kind);
  std::string message = "model is not ";
  message.append(lack.is_not).append(": ").append(describe_kind(model));
  throw Error(ErrorCode::kFailedPrecondition, message.append("; ").append(lack.instead));
}

}  // namespace nestvec
