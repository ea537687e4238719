// SPDX-License-Identifier: Apache-2.0
// The methods that are served, by their paths.
#pragma once

#include <google/protobuf/message_lite.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "grpc/grpc_call.h"
#include "grpc/grpc_status.h"

namespace nestvec {

using GrpcMessage = google::protobuf::MessageLite;

// How a dialect tells that a call has failed: by the status, or, where that is success, by the
// response. `id` is the call's.
using GrpcRefuse = GrpcStatus (*)(const Error& error, const std::string& id, GrpcMessage* response);

struct GrpcRoute {
  std::string path;       // "/tei.v1.Embed/Embed"
  bool streams = false;   // any number of messages, each answered by one, in their order
  bool has_model = true;  // it is refused while there is none
  bool open = false;      // answered without a key, on the socket's thread, and not logged
  std::unique_ptr<GrpcMessage> (*new_request)() = nullptr;
  std::unique_ptr<GrpcMessage> (*new_response)() = nullptr;
  // Of a route that takes any number of messages and answers them together: what begins a request,
  // and what adds a message to it. Throws Error.
  std::unique_ptr<GrpcMessage> (*new_collection)() = nullptr;
  std::function<void(const GrpcMessage& message, GrpcMessage* all)> collect = {};
  GrpcMethod<GrpcMessage, GrpcMessage> method = {};
  // Of a stream: bytes that a message and its answer may take, at most.
  std::function<std::size_t(const GrpcMessage&)> cost = {};
  GrpcRefuse refuse = nullptr;                      // of a call, before it has begun
  GrpcStatus (*to_status)(const Error&) = nullptr;  // of a stream that has begun
};
using GrpcRoutes = std::vector<GrpcRoute>;

inline GrpcStatus refuse_by_status(const Error& error, const std::string&, GrpcMessage*) {
  return grpc_status(error);
}
inline GrpcStatus refuse_as_tei(const Error& error, const std::string&, GrpcMessage*) {
  return tei_status(error);
}

// A method that answers one message by one. Its errors are told by the status.
template <typename Request, typename Response>
GrpcRoute grpc_route(std::string path, GrpcMethod<Request, Response> method) {
  GrpcRoute route;
  route.path = std::move(path);
  route.new_request = [] { return std::unique_ptr<GrpcMessage>(std::make_unique<Request>()); };
  route.new_response = [] { return std::unique_ptr<GrpcMessage>(std::make_unique<Response>()); };
  route.method = [method = std::move(method)](const GrpcCall& call, const GrpcMessage& request,
                                              GrpcMessage* response, GrpcDone done) {
    method(call, static_cast<const Request&>(request), static_cast<Response*>(response),
           std::move(done));
  };
  route.refuse = refuse_by_status;
  route.to_status = grpc_status;
  return route;
}

// The same as a stream of such messages.
template <typename Request, typename Response>
GrpcRoute grpc_stream_route(std::string path, GrpcMethod<Request, Response> method,
                            std::function<std::size_t(const Request&)> cost) {
  GrpcRoute route = grpc_route<Request, Response>(std::move(path), std::move(method));
  route.streams = true;
  route.cost = [cost = std::move(cost)](const GrpcMessage& request) {
    return cost(static_cast<const Request&>(request));
  };
  return route;
}

// A method that answers a stream of `Part`s by one message, as if they had come as one `Request`,
// which `collect` makes of them.
template <typename Part, typename Request, typename Response>
GrpcRoute grpc_collecting_route(std::string path, GrpcMethod<Request, Response> method,
                                void (*collect)(const Part&, Request*)) {
  GrpcRoute route = grpc_route<Request, Response>(std::move(path), std::move(method));
  route.new_request = [] { return std::unique_ptr<GrpcMessage>(std::make_unique<Part>()); };
  route.new_collection = [] { return std::unique_ptr<GrpcMessage>(std::make_unique<Request>()); };
  route.collect = [collect](const GrpcMessage& message, GrpcMessage* all) {
    collect(static_cast<const Part&>(message), static_cast<Request*>(all));
  };
  return route;
}

// A message of a call as it came, decoded and read. Throws Error. Blocks for the decoding.
struct GrpcIncoming {
  std::unique_ptr<GrpcMessage> message;
  std::size_t bytes = 0;    // decoded
  MemoryShare memory = {};  // what reading it takes; while it is answered RequestMemory::kLiving
};
GrpcIncoming read_message(const GrpcRoute& route, const HttpRequest& head,
                          GrpcMessageReader::Message raw, std::uint64_t limit);

// A message with its prefix.
std::string frame_message(const GrpcMessage& message);

// The same, charged until it is sent. Throws Error kResourceExhausted.
struct FramedMessage {
  std::string bytes;
  MemoryShare memory;
};
FramedMessage frame_answer(const GrpcMessage& message,
                           const std::shared_ptr<MemoryAccount>& account);

// tei.v1: Info, Embed, Tokenize; Predict, Rerank.
GrpcRoutes make_tei_routes(GrpcContext& context);
GrpcRoutes make_tei_score_routes(GrpcContext& context);

// clarifai.api.V2.
GrpcRoutes make_clarifai_routes(GrpcContext& context);

}  // namespace nestvec
