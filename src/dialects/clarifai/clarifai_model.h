// SPDX-License-Identifier: Apache-2.0
// The model as Clarifai's clients see it: whose it is, and the methods that its SDK offers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clarifai.pb.h"
#include "nestvec/config.h"
#include "nestvec/model.h"

namespace nestvec {

// The signature of `predict`, of which a model can have one. Each is a model id of its own.
enum class ClarifaiVariant {
  kBoth,    // ID: predict(input=...) gives a list of floats, predict(texts=...) a list of those
  kSingle,  // ID-single: predict(input: str) -> List[float]
  kBatch,   // ID-batch: predict(texts: List[str]) -> List[List[float]]
};

// Immutable; safe for concurrent use.
class ClarifaiModel {
 public:
  // The model as the configuration names it, before it is loaded. Without an id in `identity` it
  // answers to any.
  explicit ClarifaiModel(ModelIdentity identity);
  // The loaded one, under its own id. `info` must outlive it.
  ClarifaiModel(ModelIdentity identity, const ModelInfo& info);

  const std::string& id() const { return identity_.id; }

  // Which variant a request means. User, app and model may be left out, and the first two are
  // anybody's where the configuration has none. Throws Error kNotFound.
  ClarifaiVariant find(const clarifai::api::UserAppIDSet& owner, std::string_view model_id,
                       std::string_view version_id) const;

  // Fill a description; `owner` as the request has it stands in for a user and an app that the
  // configuration does not name.
  void describe(ClarifaiVariant variant, const clarifai::api::UserAppIDSet& owner,
                clarifai::api::Model* model) const;
  void describe_version(ClarifaiVariant variant, const clarifai::api::UserAppIDSet& owner,
                        clarifai::api::ModelVersion* version) const;
  // Throws Error kNotFound.
  void describe_type(std::string_view id, clarifai::api::ModelType* type) const;

  // What the pseudo-method _GET_SIGNATURES answers: {"predict": {...}, "openai_transport": {...}}.
  std::string signatures_json(ClarifaiVariant variant) const;

 private:
  std::vector<clarifai::api::MethodSignature> signatures(ClarifaiVariant variant) const;

  ModelIdentity identity_;
  const ModelInfo* info_;  // null before the model is loaded
};

}  // namespace nestvec
