// SPDX-License-Identifier: Apache-2.0
// The service clarifai.api.V2. Errors are told in the body; gRPC's status is OK.
#include <memory>
#include <string>
#include <utility>

#include "clarifai.pb.h"
#include "dialects/clarifai/clarifai.h"
#include "dialects/clarifai/clarifai_status.h"
#include "grpc/grpc_route.h"

namespace nestvec {
namespace {

namespace v2 = clarifai::api;
using Predict = GrpcMethod<v2::PostModelOutputsRequest, v2::MultiOutputResponse>;

constexpr std::string_view kPath = "/clarifai.api.V2/";

template <typename Response>
GrpcStatus refuse_in_body(const Error& error, const std::string& id, GrpcMessage* response) {
  refuse(error, id, static_cast<Response*>(response));
  return {};
}

std::uint64_t tokens_of(const v2::MultiOutputResponse& response) {
  std::uint64_t tokens = 0;
  for (const v2::Output& output : response.outputs()) tokens += output.prompt_tokens();
  return tokens;
}

// A method that needs no model.
template <typename Request, typename Response>
GrpcRoute at_once(GrpcContext& context, std::string_view method) {
  GrpcRoute route = grpc_route<Request, Response>(
      std::string(kPath).append(method), [&context](const GrpcCall& call, const Request& request,
                                                    Response* response, const GrpcDone& done) {
        context.clarifai.answer(request, response);
        write_success(response->mutable_status());
        response->mutable_status()->set_req_id(call.id);
        done({});
      });
  route.has_model = false;
  route.refuse = refuse_in_body<Response>;
  return route;
}

Predict make_predict(GrpcContext& context) {
  return [&context](const GrpcCall& call, const v2::PostModelOutputsRequest& request,
                    v2::MultiOutputResponse* response, const GrpcDone& done) {
    context.clarifai.predict({.id = call.id, .sdk = call.sdk, .caller = call}, request, response,
                             [response, done](const Error* error) {
                               if (error != nullptr) return done({.error = copy_of(*error)});
                               done({.error = {}, .tokens = tokens_of(*response)});
                             });
  };
}

// On a stream a message's error is its answer and ends nothing.
Predict answered_in_body(Predict predict) {
  return [predict = std::move(predict)](const GrpcCall& call,
                                        const v2::PostModelOutputsRequest& request,
                                        v2::MultiOutputResponse* response, const GrpcDone& done) {
    predict(call, request, response, [id = call.id, response, done](const GrpcOutcome& outcome) {
      if (outcome.error) refuse(*outcome.error, id, response);
      done({.error = {}, .truncated = outcome.truncated, .tokens = outcome.tokens});
    });
  };
}

}  // namespace

GrpcRoutes make_clarifai_routes(GrpcContext& context) {
  const Predict predict = make_predict(context);
  const std::string path(kPath);
  GrpcRoutes routes;
  routes.push_back(at_once<v2::GetUserRequest, v2::SingleUserResponse>(context, "GetUser"));
  routes.push_back(
      at_once<v2::GetDeploymentRequest, v2::SingleDeploymentResponse>(context, "GetDeployment"));
  routes.push_back(
      at_once<v2::GetNodepoolRequest, v2::SingleNodepoolResponse>(context, "GetNodepool"));
  routes.push_back(at_once<v2::GetModelRequest, v2::SingleModelResponse>(context, "GetModel"));
  routes.push_back(at_once<v2::ListModelsRequest, v2::MultiModelResponse>(context, "ListModels"));
  routes.push_back(at_once<v2::GetModelVersionRequest, v2::SingleModelVersionResponse>(
      context, "GetModelVersion"));
  routes.push_back(at_once<v2::ListModelVersionsRequest, v2::MultiModelVersionResponse>(
      context, "ListModelVersions"));
  routes.push_back(
      at_once<v2::GetModelTypeRequest, v2::SingleModelTypeResponse>(context, "GetModelType"));
  // A stream that answers its one request by one message looks like a call without one.
  for (const char* const method : {"PostModelOutputs", "GenerateModelOutputs"}) {
    routes.push_back(
        grpc_route<v2::PostModelOutputsRequest, v2::MultiOutputResponse>(path + method, predict));
  }
  routes.push_back(grpc_stream_route<v2::PostModelOutputsRequest, v2::MultiOutputResponse>(
      path + "StreamModelOutputs", answered_in_body(predict),
      [&context](const v2::PostModelOutputsRequest& request) {
        return context.clarifai.cost(request);
      }));
  for (GrpcRoute& route : routes) {
    if (route.has_model) route.refuse = refuse_in_body<v2::MultiOutputResponse>;
  }
  return routes;
}

}  // namespace nestvec
