// SPDX-License-Identifier: Apache-2.0
// The server as a whole: transports, dialects and the model behind them.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>

#include "api/keys.h"
#include "api/metrics.h"
#include "api/router.h"
#include "api/service.h"
#include "nestvec/model.h"
#include "server/grpc_server.h"
#include "server/http_server.h"
#include "server/log.h"
#include "server/request_threads.h"

namespace nestvec {

// Made in three steps: it listens from its construction on, so that a port in use and a missing
// file are told before a model is loaded; open() brings the model; drain() ends it. reload() may be
// called from another thread at any time, the rest from one thread.
class Server {
 public:
  // Answers /health at once and all else with 503 until open(). Both arguments outlive the server;
  // the log takes a line for each request, unless `quiet`. Throws Error: kInvalidArgument (an
  // address, a key, TLS files that do not fit), kNotFound (a file), kAlreadyExists (an address in
  // use), kPermissionDenied.
  Server(const ServerOptions& options, Log& log, bool quiet);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  // Ends what is still running.
  ~Server();

  // Takes the model into service: embeds a first text, then listens for gRPC and is ready. Blocks.
  // To be called once. Throws Error as Model::predict, and as the constructor for gRPC's address.
  void open(Model model);

  // Where it answers, "http://127.0.0.1:8080 grpc://127.0.0.1:9090"; gRPC is there after open().
  std::string addresses() const;

  // Keys and TLS files anew. What cannot be read stays as it was; the log tells.
  void reload();

  // Takes no more requests and waits for those that are being answered, grace_seconds at most.
  // Returns whether all have been.
  bool drain();

 private:
  void handle(std::shared_ptr<const HttpRequest> request, Respond respond);
  std::unique_ptr<GrpcServer> start_grpc() const;

  const ServerOptions& options_;
  Log& log_;
  KeyStore keys_;
  Metrics metrics_;
  std::optional<Model> model_;
  std::unique_ptr<Service> service_;
  std::shared_mutex gate_;          // shared by handlers that run, guards router_
  std::unique_ptr<Router> router_;  // null = not open
  std::unique_ptr<RequestThreads> threads_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<GrpcServer> grpc_;
};

}  // namespace nestvec
