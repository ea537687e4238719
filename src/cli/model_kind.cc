// SPDX-License-Identifier: Apache-2.0
#include "cli/model_kind.h"

#include <string>

#include "nestvec/error.h"

namespace nestvec {
namespace {

Error wrong_kind(const ModelInfo& model, const std::string& what) {
  return Error(ErrorCode::kInvalidArgument, model.id + " is " + what);
}

}  // namespace

void check_embeds(const ModelInfo& model) {
  if (model.dense || model.labels.empty()) return;
  if (model.labels.size() == 1) {
    throw wrong_kind(model, "a reranker and makes no vectors; use nestvec rerank");
  }
  throw wrong_kind(model, "a classifier of " + std::to_string(model.labels.size()) +
                              " labels and makes no vectors; nestvec serve answers /predict with "
                              "it");
}

void check_makes(const ModelInfo& model, bool sparse) {
  if (sparse && !model.sparse) {
    throw Error(ErrorCode::kInvalidArgument,
                model.id + " has no sparse vectors; leave --sparse out");
  }
  if (!sparse && !model.dense && model.sparse) {
    throw wrong_kind(model, "a sparse encoder; add --sparse");
  }
}

void check_reranks(const ModelInfo& model) {
  if (model.labels.size() == 1) return;
  if (model.labels.empty()) {
    throw wrong_kind(model,
                     "an embedding model and no reranker; use nestvec embed, or name a reranker "
                     "such as BAAI/bge-reranker-v2-m3");
  }
  throw wrong_kind(model, "a classifier of " + std::to_string(model.labels.size()) +
                              " labels; nestvec rerank needs a model with one");
}

}  // namespace nestvec
