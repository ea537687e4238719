// SPDX-License-Identifier: Apache-2.0
// The gRPC transport: tei.v1, clarifai.api.V2, grpc.health.v1 and server reflection, on addresses
// of its own and on connections that it is handed.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/file.h"
#include "grpc/grpc_services.h"

namespace nestvec {

// PEM files of a server: both or neither.
struct TlsFiles {
  std::string certificate;  // with the chain behind it
  std::string key;
};

// Serves on gRPC's own threads, which never wait for the model; messages are worked on by
// Service::post. A call is refused unless it carries a key of the context's, where there are any;
// health and reflection are open to all. Functions are safe to call from any thread unless they say
// otherwise.
class GrpcServer {
 public:
  // Listens nowhere yet. `context` must outlive the server, and Service::post must work until
  // drain() has returned. `addresses` may be empty: then there is only connect(). Files of TLS are
  // read again within ten seconds after they change. Throws Error: kNotFound, kInvalidArgument (PEM
  // files that do not belong together).
  GrpcServer(std::vector<Address> addresses, const TlsFiles& tls, GrpcContext& context);
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;
  // Ends what is still running, without grace.
  ~GrpcServer();

  // Listens and answers from now on, calls of the model with UNAVAILABLE or what the dialect has
  // for a model that is being loaded; health says NOT_SERVING. To be called once. Blocks for name
  // resolution. Throws Error naming the address and the
  // reason: kAlreadyExists (in use), kPermissionDenied, kNotFound, kInvalidArgument, kUnavailable.
  void start();

  // Takes the model into service: health says SERVING. To be called once, after start(). `service`
  // outlives the server.
  void open(const Service& service);

  // A new connection, plain whatever the addresses are: this end of it, which does not block.
  // `client` is the address of who is behind it. Throws Error kUnavailable.
  FileDescriptor connect(const std::string& client);

  // Ports in the order of the addresses, as they were chosen for port 0; 0 for a Unix socket.
  // Valid after start().
  std::span<const int> ports() const;

  // Health turns to NOT_SERVING, new calls are refused, running ones end until `deadline` and are
  // cancelled then; streams answer what they have read and end with UNAVAILABLE. Watchers of health
  // and readers of reflection are not waited for. Blocks until the last call is over. Calling it
  // again does nothing.
  void drain(std::chrono::steady_clock::time_point deadline);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace nestvec
