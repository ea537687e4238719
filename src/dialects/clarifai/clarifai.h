// SPDX-License-Identifier: Apache-2.0
// The methods of clarifai.api.V2, whatever brings the messages: gRPC, or JSON over HTTP.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/set_once.h"
#include "clarifai.pb.h"
#include "dialects/clarifai/clarifai_model.h"
#include "nestvec/config.h"
#include "service/caller.h"
#include "service/served_models.h"
#include "service/service.h"

namespace nestvec {

// A prediction as its transport knows it.
struct ClarifaiCall {
  std::string id;   // Status::req_id
  std::string sdk;  // x-clarifai-request-id-prefix: name and version of the SDK
  Caller caller;
};

// The model and the variant of it that a request means.
struct ClarifaiChoice {
  ServedModels::Lease lease;  // null before the model is loaded
  ClarifaiModel model;
  ClarifaiVariant variant = ClarifaiVariant::kBoth;
};

// Answers at once what needs no model, also while that is being loaded, and predictions when they
// are done. Every answer carries Clarifai's status. Safe for concurrent use.
class Clarifai {
 public:
  // A model that is being loaded, as the configuration names it.
  explicit Clarifai(ModelIdentity identity) : identity_(identity), loading_(std::move(identity)) {}

  // From now on predictions are answered. To be called once. `service` outlives it and all calls.
  void open(const Service& service);

  // Fill what the model is. Throw Error kNotFound.
  void answer(const clarifai::api::GetModelRequest& request,
              clarifai::api::SingleModelResponse* response) const;
  void answer(const clarifai::api::ListModelsRequest& request,
              clarifai::api::MultiModelResponse* response) const;
  void answer(const clarifai::api::GetModelVersionRequest& request,
              clarifai::api::SingleModelVersionResponse* response) const;
  void answer(const clarifai::api::ListModelVersionsRequest& request,
              clarifai::api::MultiModelVersionResponse* response) const;
  void answer(const clarifai::api::GetModelTypeRequest& request,
              clarifai::api::SingleModelTypeResponse* response) const;
  // Accounts, deployments and nodepools do not exist here; whoever asks for one is told that it
  // does.
  void answer(const clarifai::api::GetUserRequest& request,
              clarifai::api::SingleUserResponse* response) const;
  void answer(const clarifai::api::GetDeploymentRequest& request,
              clarifai::api::SingleDeploymentResponse* response) const;
  void answer(const clarifai::api::GetNodepoolRequest& request,
              clarifai::api::SingleNodepoolResponse* response) const;

  // Fills an output for each input, then calls `done`, once and from any thread, with the error
  // instead where there is one. `request` and `response` stay until then. On a request thread.
  // Does not throw.
  using Done = std::function<void(const Error* error)>;
  void predict(const ClarifaiCall& call, const clarifai::api::PostModelOutputsRequest& request,
               clarifai::api::MultiOutputResponse* response, Done done) const;

  // Bytes that a prediction and its answer take in memory, at most; about.
  std::size_t cost(const clarifai::api::PostModelOutputsRequest& request) const;

  // The default model's own id; empty while it is loaded without one.
  std::string model_id() const { return model().id(); }

 private:
  ClarifaiModel model() const;
  const Service& opened() const;
  ClarifaiChoice choose(const clarifai::api::UserAppIDSet& owner, const std::string& model_id,
                        std::string_view version_id) const;
  std::vector<ClarifaiChoice> all(const clarifai::api::UserAppIDSet& owner) const;

  const ModelIdentity identity_;
  const ClarifaiModel loading_;
  SetOnce<std::reference_wrapper<const Service>> opened_;  // of the server
};

}  // namespace nestvec
