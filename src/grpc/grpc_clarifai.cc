// SPDX-License-Identifier: Apache-2.0
// The service clarifai.api.V2. Errors are told in the body; gRPC's status is OK.
#include <memory>
#include <string>
#include <utility>

#include "clarifai.grpc.pb.h"
#include "dialects/clarifai/clarifai.h"
#include "dialects/clarifai/clarifai_status.h"
#include "grpc/grpc_services.h"
#include "grpc/grpc_status.h"
#include "grpc/grpc_stream.h"
#include "grpc/grpc_unary.h"

namespace nestvec {
namespace {

namespace v2 = clarifai::api;
using Predict = GrpcMethod<v2::PostModelOutputsRequest, v2::MultiOutputResponse>;

constexpr std::string_view kPath = "/clarifai.api.V2/";

template <typename Response>
grpc::Status refuse_in_body(const Error& error, const std::string& id, Response* response) {
  refuse(error, id, response);
  return grpc::Status::OK;
}

std::uint64_t tokens_of(const v2::MultiOutputResponse& response) {
  std::uint64_t tokens = 0;
  for (const v2::Output& output : response.outputs()) tokens += output.prompt_tokens();
  return tokens;
}

// A gRPC call as one of HTTP.
HttpRequest http_request(const GrpcCall& call) {
  HttpRequest request;
  request.id = call.id;
  request.connection = call.client >> 1;
  request.received = call.received;
  if (call.priority) {
    request.headers.emplace_back("x-nestvec-priority",
                                 *call.priority == Priority::kBulk ? "bulk" : "interactive");
  }
  return request;
}

ClarifaiCall clarifai_call(const GrpcCall& call, const ServerOptions& options) {
  return {.id = call.id,
          .sdk = call.sdk,
          .stop = call.stop,
          .apply = [call, &options](EmbedOptions& embed) { apply_call(call, options, embed); },
          .as_http = [call] { return http_request(call); },
          .key = call.key};
}

// Sends one message on a stream that answers one request.
class GenerateCall final : public grpc::ServerWriteReactor<v2::MultiOutputResponse> {
 public:
  GenerateCall(GrpcContext& context, const grpc::CallbackServerContext& call, const Predict& method)
      : context_(context),
        trace_(context, call, std::string(kPath) + "GenerateModelOutputs"),
        method_(method) {}

  void start(const grpc::CallbackServerContext& server_call,
             const v2::PostModelOutputsRequest* request) {
    trace_.add_request(request->ByteSizeLong());
    GrpcCall call;
    call.id = trace_.id();
    call.stop = stop_.get_token();
    try {
      admit(server_call, context_.keys, call);
      serving(context_).post([this, call, request] {
        method_(call, *request, &response_, [this](const GrpcOutcome& outcome) {
          outcome.error ? finish(*outcome.error) : finish();
        });
      });
    } catch (const Error& error) {
      finish(error);
    }
  }

  void OnCancel() override { stop_.request_stop(); }
  void OnDone() override { const std::unique_ptr<GenerateCall> self(this); }

 private:
  void finish(const Error& error) {
    trace_.set_error(error);
    refuse(error, trace_.id(), &response_);
    finish();
  }
  void finish() {
    trace_.add_answer(response_.ByteSizeLong());
    StartWriteAndFinish(&response_, {}, grpc::Status::OK);
  }

  GrpcContext& context_;
  GrpcTrace trace_;
  const Predict& method_;
  v2::MultiOutputResponse response_;
  std::stop_source stop_;
};

// A stream that is refused as a whole, by one message.
class RefusedStream final
    : public grpc::ServerBidiReactor<v2::PostModelOutputsRequest, v2::MultiOutputResponse> {
 public:
  RefusedStream(GrpcContext& context, const grpc::CallbackServerContext& call, const Error& error)
      : trace_(context, call, std::string(kPath) + "StreamModelOutputs") {
    trace_.set_error(error);
    refuse(error, trace_.id(), &response_);
    StartWriteAndFinish(&response_, {}, grpc::Status::OK);
  }
  void OnDone() override { const std::unique_ptr<RefusedStream> self(this); }

 private:
  GrpcTrace trace_;
  v2::MultiOutputResponse response_;
};

class ClarifaiService final : public v2::V2::CallbackService {
 public:
  explicit ClarifaiService(GrpcContext& context) : context_(context) {}

  grpc::ServerUnaryReactor* GetUser(grpc::CallbackServerContext* call,
                                    const v2::GetUserRequest* request,
                                    v2::SingleUserResponse* response) override {
    return at_once("GetUser", call, request, response);
  }
  grpc::ServerUnaryReactor* GetDeployment(grpc::CallbackServerContext* call,
                                          const v2::GetDeploymentRequest* request,
                                          v2::SingleDeploymentResponse* response) override {
    return at_once("GetDeployment", call, request, response);
  }
  grpc::ServerUnaryReactor* GetNodepool(grpc::CallbackServerContext* call,
                                        const v2::GetNodepoolRequest* request,
                                        v2::SingleNodepoolResponse* response) override {
    return at_once("GetNodepool", call, request, response);
  }
  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* call,
                                     const v2::GetModelRequest* request,
                                     v2::SingleModelResponse* response) override {
    return at_once("GetModel", call, request, response);
  }
  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* call,
                                       const v2::ListModelsRequest* request,
                                       v2::MultiModelResponse* response) override {
    return at_once("ListModels", call, request, response);
  }
  grpc::ServerUnaryReactor* GetModelVersion(grpc::CallbackServerContext* call,
                                            const v2::GetModelVersionRequest* request,
                                            v2::SingleModelVersionResponse* response) override {
    return at_once("GetModelVersion", call, request, response);
  }
  grpc::ServerUnaryReactor* ListModelVersions(grpc::CallbackServerContext* call,
                                              const v2::ListModelVersionsRequest* request,
                                              v2::MultiModelVersionResponse* response) override {
    return at_once("ListModelVersions", call, request, response);
  }
  grpc::ServerUnaryReactor* GetModelType(grpc::CallbackServerContext* call,
                                         const v2::GetModelTypeRequest* request,
                                         v2::SingleModelTypeResponse* response) override {
    return at_once("GetModelType", call, request, response);
  }

  grpc::ServerUnaryReactor* PostModelOutputs(grpc::CallbackServerContext* call,
                                             const v2::PostModelOutputsRequest* request,
                                             v2::MultiOutputResponse* response) override {
    auto* reactor =
        std::make_unique<GrpcUnary<v2::PostModelOutputsRequest, v2::MultiOutputResponse>>(
            context_, std::string(kPath) + "PostModelOutputs", call, predict_)
            .release();
    reactor->start(request, response, refuse_in_body<v2::MultiOutputResponse>);
    return reactor;
  }
  grpc::ServerWriteReactor<v2::MultiOutputResponse>* GenerateModelOutputs(
      grpc::CallbackServerContext* call, const v2::PostModelOutputsRequest* request) override {
    auto* reactor = std::make_unique<GenerateCall>(context_, *call, predict_).release();
    reactor->start(*call, request);
    return reactor;
  }
  grpc::ServerBidiReactor<v2::PostModelOutputsRequest, v2::MultiOutputResponse>* StreamModelOutputs(
      grpc::CallbackServerContext* call) override {
    try {
      GrpcCall facts;
      admit(*call, context_.keys, facts);
      serving(context_);
    } catch (const Error& error) {
      return std::make_unique<RefusedStream>(context_, *call, error).release();
    }
    auto* reactor =
        std::make_unique<GrpcStream<v2::PostModelOutputsRequest, v2::MultiOutputResponse>>(
            context_, std::string(kPath) + "StreamModelOutputs", *call, answered_in_body_, cost_)
            .release();
    reactor->start(*call, grpc_status);
    return reactor;
  }

 private:
  // Methods that need no model: answered where they come in.
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* at_once(std::string_view method, grpc::CallbackServerContext* call,
                                    const Request* request, Response* response) const {
    GrpcTrace trace(context_, *call, std::string(kPath).append(method));
    trace.add_request(request->ByteSizeLong());
    try {
      GrpcCall facts;
      admit(*call, context_.keys, facts);
      context_.clarifai.answer(*request, response);
      write_success(response->mutable_status());
      response->mutable_status()->set_req_id(trace.id());
    } catch (const Error& error) {
      trace.set_error(error);
      refuse(error, trace.id(), response);
    }
    trace.add_answer(response->ByteSizeLong());
    grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  GrpcContext& context_;
  Predict predict_ = [this](const GrpcCall& call, const v2::PostModelOutputsRequest& request,
                            v2::MultiOutputResponse* response, const GrpcDone& done) {
    context_.clarifai.predict(clarifai_call(call, context_.options), request, response,
                              [response, done](const std::optional<Error>& error) {
                                const std::uint64_t tokens = error ? 0 : tokens_of(*response);
                                done({.error = error, .truncated = false, .tokens = tokens});
                              });
  };
  // On a stream a message's error is its answer and ends nothing.
  Predict answered_in_body_ = [this](const GrpcCall& call,
                                     const v2::PostModelOutputsRequest& request,
                                     v2::MultiOutputResponse* response, const GrpcDone& done) {
    predict_(call, request, response, [id = call.id, response, done](GrpcOutcome outcome) {
      if (outcome.error) refuse(*outcome.error, id, response);
      outcome.error.reset();
      done(std::move(outcome));
    });
  };
  GrpcStream<v2::PostModelOutputsRequest, v2::MultiOutputResponse>::Cost cost_ =
      [this](const v2::PostModelOutputsRequest& request) {
        return context_.clarifai.cost(request);
      };
};

}  // namespace

GrpcServices make_clarifai_services(GrpcContext& context) {
  GrpcServices services;
  services.push_back(std::make_unique<ClarifaiService>(context));
  return services;
}

}  // namespace nestvec
