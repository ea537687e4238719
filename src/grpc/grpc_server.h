// SPDX-License-Identifier: Apache-2.0
// gRPC over the HTTP transport: tei.v1, clarifai.api.V2, grpc.health.v1 and server reflection.
#pragma once

#include <chrono>
#include <memory>

#include "grpc/grpc_services.h"
#include "http/streamed.h"

namespace nestvec {

// Answers calls on connections that are the transport's. Its threads only hand over; messages are
// worked on by GrpcContext::begin and post. A call is refused unless it carries a key of the
// context's, where there are any; health and reflection are open to all. Safe for concurrent use.
class GrpcServer {
 public:
  // `context` must outlive the server, and the server all calls.
  explicit GrpcServer(GrpcContext& context);
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;
  ~GrpcServer();

  // What takes requests of content type application/grpc. Before open() calls of the model are
  // answered with UNAVAILABLE or what the dialect has for a model that is being loaded; health says
  // NOT_SERVING.
  StreamedService service();

  // Whether it is a call of grpc.health.v1: a probe.
  static bool is_health_call(const HttpRequest& request);

  // Takes the model into service: health says SERVING. To be called once. `service` outlives the
  // server.
  void open(const Service& service);

  // Health turns to NOT_SERVING, watchers of it are let go, new calls are refused in words, and
  // streams answer what they have read and end with UNAVAILABLE. Does not block.
  void drain();

  // Blocks until no call of a dialect is open, or until `deadline`. Returns whether none is.
  bool wait_for_calls(std::chrono::steady_clock::time_point deadline) const;

 private:
  struct Parts;
  const std::unique_ptr<Parts> parts_;
};

}  // namespace nestvec
