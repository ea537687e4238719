// SPDX-License-Identifier: Apache-2.0
// The service clarifai.api.V2 over the model. Errors are told in the body; gRPC's status is OK.
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "api/embed_call.h"
#include "api/gather.h"
#include "clarifai.grpc.pb.h"
#include "server/clarifai_model.h"
#include "server/clarifai_predict.h"
#include "server/clarifai_status.h"
#include "server/grpc_services.h"
#include "server/grpc_status.h"
#include "server/grpc_stream.h"
#include "server/grpc_unary.h"

namespace nestvec {
namespace {

namespace v2 = clarifai::api;

struct Backend {
  const Service& service;
  ClarifaiModel model;
};

void stamp(google::protobuf::Timestamp* timestamp) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  timestamp->set_seconds(std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

// The error in the body. Old SDKs look at the first output whatever the status, so there is one.
template <typename Response>
grpc::Status refuse(const Error& error, Response* response) {
  response->Clear();
  write_status(error, response->mutable_status());
  if constexpr (requires { response->add_outputs(); }) {
    write_status(error, response->add_outputs()->mutable_status());
  }
  return grpc::Status::OK;
}

// A prediction on its way: a call of the model for each input.
struct Prediction {
  ClarifaiVariant variant;
  JsonCarrier carrier;
  std::vector<ClarifaiInput> inputs;
};
using Rows = std::vector<Embeddings>;

Prediction read_prediction(const Backend& backend, const GrpcCall& call,
                           const v2::PostModelOutputsRequest& request) {
  const Service& service = backend.service;
  if (!service.ready) throw Error(ErrorCode::kUnavailable, "the model is being loaded");
  Prediction prediction{
      .variant =
          backend.model.find(request.user_app_id(), request.model_id(), request.version_id()),
      .carrier = json_carrier(call.sdk),
      .inputs = {},
  };
  const ClarifaiRules rules{backend.model.info(), prediction.variant, service.options.max_inputs};
  const auto& params = request.model().model_version().output_info().params();
  if (static_cast<std::size_t>(request.inputs_size()) > rules.max_texts) {
    throw Error(ErrorCode::kInvalidArgument, std::to_string(request.inputs_size()) +
                                                 " inputs; this server takes " +
                                                 std::to_string(rules.max_texts) + " at once");
  }
  for (const v2::Input& input : request.inputs()) {
    prediction.inputs.push_back(read_input(input, params, rules));
    EmbedOptions& options = prediction.inputs.back().call.options;
    apply_call(call, service.options, options);
    // The queue takes a request as a whole: what it let in may queue the rest.
    if (prediction.inputs.size() > 1) options.queue.max_tokens = 0;
    if (prediction.inputs.size() > 1) options.queue.max_seconds = 0;
  }
  return prediction;
}

void write_outputs(const Backend& backend, const v2::PostModelOutputsRequest& request,
                   const Prediction& prediction, const Rows& rows,
                   v2::MultiOutputResponse* response) {
  write_success(response->mutable_status());
  for (std::size_t i = 0; i < prediction.inputs.size(); ++i) {
    const ClarifaiInput& input = prediction.inputs[i];
    const std::string& id = request.inputs(static_cast<int>(i)).id();
    v2::Output* output = response->add_outputs();
    write_success(output->mutable_status());
    stamp(output->mutable_created_at());
    output->set_id(id);
    if (!id.empty()) output->mutable_input()->set_id(id);
    if (input.answer == ClarifaiInput::Answer::kSignatures) {
      output->mutable_data()->mutable_text()->set_raw(
          backend.model.signatures_json(prediction.variant));
      continue;
    }
    write_output(input, rows[i], prediction.variant, prediction.carrier, output);
    count_texts(backend.service, input.call, rows[i]);
  }
}

// Queues the calls; `finish` gets the rows of all, on a request thread.
void run_calls(const Service& service, const std::shared_ptr<const Prediction>& prediction,
               std::stop_token stop, std::function<void(Result<Rows>)> finish) {
  const auto on_request_thread = [&service, finish](Result<Rows> result) {
    auto shared = std::make_shared<Result<Rows>>(std::move(result));
    service.post([finish, shared] { finish(std::move(*shared)); });
  };
  if (prediction->inputs.empty()) return on_request_thread(Rows{});
  const auto gather = std::make_shared<Gather<Embeddings>>(prediction->inputs.size(), service.post,
                                                           std::move(stop), on_request_thread);
  for (std::size_t i = 0; i < prediction->inputs.size(); ++i) {
    const EmbedCall& call = prediction->inputs[i].call;
    if (call.texts.empty()) {
      gather->put(i, Embeddings{});
      continue;
    }
    EmbedOptions options = call.options;
    options.stop = gather->stop();
    service.model.predict_async(call.texts, {}, options, [gather, i](Result<Embeddings> rows) {
      gather->put(i, std::move(rows));
    });
  }
}

using SharedBackend = std::shared_ptr<const Backend>;

void predict(const SharedBackend& backend, const GrpcCall& call,
             const v2::PostModelOutputsRequest& request, v2::MultiOutputResponse* response,
             const GrpcDone& done) {
  const auto prediction =
      std::make_shared<const Prediction>(read_prediction(*backend, call, request));
  run_calls(backend->service, prediction, call.stop,
            [backend, prediction, &request, response, done](Result<Rows> rows) {
              GrpcOutcome outcome;
              try {
                write_outputs(*backend, request, *prediction, rows.value(), response);
              } catch (...) {
                outcome.error = current_error();
                count_failure(backend->service, *outcome.error);
              }
              done(std::move(outcome));
            });
}

void answer(const Backend& backend, const v2::GetModelRequest& request,
            v2::SingleModelResponse* response) {
  const v2::UserAppIDSet& owner = request.user_app_id();
  const ClarifaiVariant variant =
      backend.model.find(owner, request.model_id(), request.version_id());
  backend.model.describe(variant, owner, response->mutable_model());
}

void answer(const Backend& backend, const v2::ListModelsRequest& request,
            v2::MultiModelResponse* response) {
  const v2::UserAppIDSet& owner = request.user_app_id();
  const ClarifaiVariant variant = backend.model.find(owner, backend.model.info().id, "");
  if (request.page() > 1) return;  // clients ask until a page is empty
  backend.model.describe(variant, owner, response->add_models());
}

void answer(const Backend& backend, const v2::GetModelVersionRequest& request,
            v2::SingleModelVersionResponse* response) {
  const v2::UserAppIDSet& owner = request.user_app_id();
  const ClarifaiVariant variant =
      backend.model.find(owner, request.model_id(), request.version_id());
  backend.model.describe_version(variant, owner, response->mutable_model_version());
}

void answer(const Backend& backend, const v2::ListModelVersionsRequest& request,
            v2::MultiModelVersionResponse* response) {
  const v2::UserAppIDSet& owner = request.user_app_id();
  const ClarifaiVariant variant = backend.model.find(owner, request.model_id(), "");
  if (request.page() > 1) return;
  backend.model.describe_version(variant, owner, response->add_model_versions());
}

void answer(const Backend& backend, const v2::GetModelTypeRequest& request,
            v2::SingleModelTypeResponse* response) {
  backend.model.describe_type(request.model_type_id(), response->mutable_model_type());
}

// Accounts, deployments and nodepools do not exist here; whoever asks for one is told that it does.
void answer(const Backend&, const v2::GetUserRequest& request, v2::SingleUserResponse* response) {
  response->mutable_user()->set_id(request.user_app_id().user_id());
}

void answer(const Backend&, const v2::GetDeploymentRequest& request,
            v2::SingleDeploymentResponse* response) {
  response->mutable_deployment()->set_id(request.deployment_id());
  response->mutable_deployment()->set_user_id(request.user_app_id().user_id());
}

void answer(const Backend&, const v2::GetNodepoolRequest& request,
            v2::SingleNodepoolResponse* response) {
  response->mutable_nodepool()->set_id(request.nodepool_id());
}

// Sends one message on a stream that answers one request.
class GenerateCall final : public grpc::ServerWriteReactor<v2::MultiOutputResponse> {
 public:
  using Method = GrpcMethod<v2::PostModelOutputsRequest, v2::MultiOutputResponse>;

  explicit GenerateCall(const Method& method) : method_(method) {}

  void start(const GrpcContext& context, const grpc::CallbackServerContext& server_context,
             const v2::PostModelOutputsRequest* request) {
    GrpcCall call;
    try {
      call = admit(server_context, context.keys);
    } catch (...) {
      finish({.error = current_error(), .truncated = false});
      return;
    }
    call.stop = stop_.get_token();
    context.service.post([this, call = std::move(call), request] {
      method_(call, *request, &response_, [this](const GrpcOutcome& outcome) { finish(outcome); });
    });
  }

  void OnCancel() override { stop_.request_stop(); }
  void OnDone() override { const std::unique_ptr<GenerateCall> self(this); }

 private:
  void finish(const GrpcOutcome& outcome) {
    if (outcome.error) refuse(*outcome.error, &response_);
    StartWriteAndFinish(&response_, {}, grpc::Status::OK);
  }

  const Method& method_;
  v2::MultiOutputResponse response_;
  std::stop_source stop_;
};

class ClarifaiService final : public v2::V2::CallbackService {
 public:
  ClarifaiService(const GrpcContext& context, SharedBackend backend)
      : context_(context), backend_(std::move(backend)) {}

  grpc::ServerUnaryReactor* GetUser(grpc::CallbackServerContext* call,
                                    const v2::GetUserRequest* request,
                                    v2::SingleUserResponse* response) override {
    return at_once(call, request, response);
  }
  grpc::ServerUnaryReactor* GetDeployment(grpc::CallbackServerContext* call,
                                          const v2::GetDeploymentRequest* request,
                                          v2::SingleDeploymentResponse* response) override {
    return at_once(call, request, response);
  }
  grpc::ServerUnaryReactor* GetNodepool(grpc::CallbackServerContext* call,
                                        const v2::GetNodepoolRequest* request,
                                        v2::SingleNodepoolResponse* response) override {
    return at_once(call, request, response);
  }
  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* call,
                                     const v2::GetModelRequest* request,
                                     v2::SingleModelResponse* response) override {
    return at_once(call, request, response);
  }
  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* call,
                                       const v2::ListModelsRequest* request,
                                       v2::MultiModelResponse* response) override {
    return at_once(call, request, response);
  }
  grpc::ServerUnaryReactor* GetModelVersion(grpc::CallbackServerContext* call,
                                            const v2::GetModelVersionRequest* request,
                                            v2::SingleModelVersionResponse* response) override {
    return at_once(call, request, response);
  }
  grpc::ServerUnaryReactor* ListModelVersions(grpc::CallbackServerContext* call,
                                              const v2::ListModelVersionsRequest* request,
                                              v2::MultiModelVersionResponse* response) override {
    return at_once(call, request, response);
  }
  grpc::ServerUnaryReactor* GetModelType(grpc::CallbackServerContext* call,
                                         const v2::GetModelTypeRequest* request,
                                         v2::SingleModelTypeResponse* response) override {
    return at_once(call, request, response);
  }

  grpc::ServerUnaryReactor* PostModelOutputs(grpc::CallbackServerContext* call,
                                             const v2::PostModelOutputsRequest* request,
                                             v2::MultiOutputResponse* response) override {
    auto* reactor =
        std::make_unique<GrpcUnary<v2::PostModelOutputsRequest, v2::MultiOutputResponse>>(
            call, response, refuse<v2::MultiOutputResponse>, predict_)
            .release();
    reactor->start(context_.service, context_.keys, request);
    return reactor;
  }
  grpc::ServerWriteReactor<v2::MultiOutputResponse>* GenerateModelOutputs(
      grpc::CallbackServerContext* call, const v2::PostModelOutputsRequest* request) override {
    auto* reactor = std::make_unique<GenerateCall>(predict_).release();
    reactor->start(context_, *call, request);
    return reactor;
  }
  grpc::ServerBidiReactor<v2::PostModelOutputsRequest, v2::MultiOutputResponse>* StreamModelOutputs(
      grpc::CallbackServerContext* call) override {
    auto* reactor =
        std::make_unique<GrpcStream<v2::PostModelOutputsRequest, v2::MultiOutputResponse>>(
            context_.service, grpc_status, answered_in_body_, cost_)
            .release();
    reactor->start(*call, context_.keys, context_.drain);
    return reactor;
  }

 private:
  using Method = GrpcMethod<v2::PostModelOutputsRequest, v2::MultiOutputResponse>;

  // Methods that need no model: answered where they come in.
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* at_once(grpc::CallbackServerContext* call, const Request* request,
                                    Response* response) const {
    try {
      admit(*call, context_.keys);
      answer(*backend_, *request, response);
      write_success(response->mutable_status());
    } catch (...) {
      refuse(current_error(), response);
    }
    grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  GrpcContext context_;
  SharedBackend backend_;
  Method predict_ = [this](const GrpcCall& call, const v2::PostModelOutputsRequest& request,
                           v2::MultiOutputResponse* response, const GrpcDone& done) {
    try {
      predict(backend_, call, request, response, done);
    } catch (...) {
      done({.error = current_error(), .truncated = false});
    }
  };
  // On a stream a message's error is its answer and ends nothing.
  Method answered_in_body_ = [this](const GrpcCall& call,
                                    const v2::PostModelOutputsRequest& request,
                                    v2::MultiOutputResponse* response, const GrpcDone& done) {
    predict_(call, request, response, [response, done](GrpcOutcome outcome) {
      if (outcome.error) refuse(*outcome.error, response);
      done({});
    });
  };
  GrpcStream<v2::PostModelOutputsRequest, v2::MultiOutputResponse>::Cost cost_ =
      [this](const v2::PostModelOutputsRequest& request) {
        // A float takes some forty bytes as a value of a Struct.
        constexpr std::size_t kValueBytes = 40;
        std::size_t texts = 0;
        for (const v2::Input& input : request.inputs()) {
          texts += 1;
          for (const v2::Part& part : input.data().parts()) {
            texts += static_cast<std::size_t>(part.data().parts_size());
          }
        }
        return request.ByteSizeLong() + texts * backend_->model.info().dimensions * kValueBytes;
      };
};

}  // namespace

GrpcServices make_clarifai_services(const GrpcContext& context, const ModelIdentity& identity) {
  GrpcServices services;
  services.push_back(std::make_unique<ClarifaiService>(
      context, std::make_shared<const Backend>(Backend{
                   context.service, ClarifaiModel(context.service.model.info(), identity)})));
  return services;
}

}  // namespace nestvec
