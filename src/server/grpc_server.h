// SPDX-License-Identifier: Apache-2.0
// The gRPC transport: tei.v1, clarifai.api.V2, grpc.health.v1 and server reflection on one or more
// addresses.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "api/keys.h"
#include "api/service.h"
#include "server/address.h"

namespace nestvec {

// PEM files of a server: both or neither.
struct TlsFiles {
  std::string certificate;  // with the chain behind it
  std::string key;
};

// Serves on gRPC's own threads, which never wait for the model; messages are worked on by
// Service::post. A call is refused with UNAUTHENTICATED unless it carries a key of `keys`, where
// there are any; health and reflection are open to all. Functions are safe to call from any thread
// unless they say otherwise.
class GrpcServer {
 public:
  // Listens nowhere yet. `service` and `keys` must outlive the server, and Service::post must work
  // until drain() has returned. Files of TLS are read again within ten seconds after they change.
  // Throws Error: kNotFound, kInvalidArgument (PEM files that do not belong together).
  GrpcServer(std::vector<Address> addresses, const TlsFiles& tls, const Service& service,
             const KeyStore& keys);
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;
  // Ends what is still running, without grace.
  ~GrpcServer();

  // Listens and answers from now on; health says NOT_SERVING until set_serving(true). To be called
  // once. Blocks for name resolution. Throws Error naming the address and the
  // reason: kAlreadyExists (in use), kPermissionDenied, kNotFound, kInvalidArgument, kUnavailable.
  void start();

  // Ports in the order of the addresses, as they were chosen for port 0; 0 for a Unix socket.
  // Valid after start().
  std::span<const int> ports() const;

  // What health answers for the server and for each of its services.
  void set_serving(bool serving);

  // Health turns to NOT_SERVING, new calls are refused, running ones end until `deadline` and are
  // cancelled then; streams answer what they have read and end with UNAVAILABLE. Blocks until the
  // last call is over. Calling it again does nothing.
  void drain(std::chrono::steady_clock::time_point deadline);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace nestvec
