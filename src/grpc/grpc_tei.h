// SPDX-License-Identifier: Apache-2.0
// What the services of tei.v1 have in common.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "dialects/tei/te_metrics.h"
#include "grpc/grpc_route.h"
#include "service/served_models.h"
#include "tei.pb.h"

namespace nestvec {

namespace v1 = tei::v1;

// What the answers need; one for all calls.
struct TeiBackend {
  explicit TeiBackend(const GrpcContext& of) : context(of) {}
  // Neither before the model is loaded.
  const Service& service() const { return context.service.get()->get(); }
  // The model that calls of a kind are for: these messages name none.
  ServedModels::Lease model_for(ModelKind kind) const {
    return nestvec::model_for(service(), "", kind);
  }
  const TeMetrics& metrics() const {
    std::call_once(counting_, [this] {
      metrics_.emplace(context.metrics, default_model(service())->model.info().max_tokens);
    });
    return *metrics_;
  }

  const GrpcContext& context;

 private:
  mutable std::once_flag counting_;
  mutable std::optional<TeMetrics> metrics_;
};
using SharedTeiBackend = std::shared_ptr<const TeiBackend>;

// A method of tei.v1 for one kind of message. Its stream, where it has one, has its path and
// "Stream".
template <typename Request, typename Response>
struct TeiMethod {
  using Answer = void (*)(const TeiBackend&, const GrpcCall&, const Request&, Response*, GrpcDone);
  using Cost = std::size_t (*)(const ModelInfo&, const Request&);
  using Wrap = GrpcDone (*)(const TeiBackend&, GrpcDone);

  std::string path;
  Answer answer = nullptr;
  Cost cost = nullptr;  // what a message of the stream and its answer take in memory, at most
  Wrap wrap = nullptr;  // may put something around every `done`
  ModelKind kind = ModelKind::kEmbed;  // of the model whose cost counts
};

template <typename Request, typename Response>
GrpcMethod<Request, Response> make_method(const SharedTeiBackend& backend,
                                          const TeiMethod<Request, Response>& method) {
  return [backend, method](const GrpcCall& call, const Request& request, Response* response,
                           GrpcDone done) {
    if (method.wrap != nullptr) done = method.wrap(*backend, std::move(done));
    try {
      method.answer(*backend, call, request, response, done);
    } catch (...) {
      done({.error = current_error(), .truncated = false});
    }
  };
}

template <typename Request, typename Response>
void add_method(const SharedTeiBackend& backend, const TeiMethod<Request, Response>& method,
                GrpcRoutes& routes) {
  routes.push_back(grpc_route<Request, Response>(method.path, make_method(backend, method)));
  if (method.cost != nullptr) {
    routes.push_back(grpc_stream_route<Request, Response>(
        method.path + "Stream", make_method(backend, method),
        [backend, cost = method.cost, kind = method.kind](const Request& request) {
          return cost(backend->model_for(kind)->model.info(), request);
        }));
  }
}

// Errors as text-embeddings-inference tells them.
inline GrpcRoutes as_tei_routes(GrpcRoutes routes) {
  for (GrpcRoute& route : routes) {
    route.refuse = refuse_as_tei;
    route.to_status = tei_status;
  }
  return routes;
}

}  // namespace nestvec
