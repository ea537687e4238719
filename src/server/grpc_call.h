// SPDX-License-Identifier: Apache-2.0
// What gRPC methods are made of: the facts of a call, and the function that answers a message.
#pragma once

#include <grpcpp/server_context.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "api/keys.h"
#include "api/service.h"
#include "nestvec/error.h"
#include "nestvec/model.h"

namespace nestvec {

// Whose call it is, how long it may take and how urgent it is.
struct GrpcCall {
  std::string key;           // name of the API key that was used, or empty
  std::uint64_t client = 0;  // whom to be fair to: the key, else the connection
  std::optional<Priority> priority;
  std::optional<std::chrono::steady_clock::time_point> deadline;  // of the RPC
  std::chrono::steady_clock::time_point received;                 // the message at hand
  std::stop_token stop;                                           // the client has gone
  bool waits = false;    // of a stream: a full queue is waited for instead of refused
  bool crowded = false;  // others of its stream are being worked on
  std::string sdk;       // x-clarifai-request-id-prefix: name and version of Clarifai's SDK
};

// Checks the key ("authorization: Bearer KEY") and reads the metadata. Throws Error:
// kUnauthenticated, kInvalidArgument for an x-nestvec-priority other than interactive and bulk.
GrpcCall admit(const grpc::CallbackServerContext& context, const KeyStore& keys);

// What the call decides of the options: stop, the RPC's deadline or the server's own (the earlier),
// priority, client and limits of the queue.
void apply_call(const GrpcCall& call, const ServerOptions& server, EmbedOptions& options);

// True while a stream may hand the model more: less waits than two batches, and much less than
// single calls are refused at, so that a stream that takes all it can get shuts nobody out.
bool has_room(const Service& service);

// How answering a message has ended.
struct GrpcOutcome {
  std::optional<Error> error;
  bool truncated = false;  // the text lost tokens
};
using GrpcDone = std::function<void(GrpcOutcome)>;

// Answers one message: fills *response, then calls `done`, once and from any thread. Must not
// throw. `request` and `response` stay until `done` has been called, `call` only until the method
// returns. Runs on a request thread.
template <typename Request, typename Response>
using GrpcMethod = std::function<void(const GrpcCall& call, const Request& request,
                                      Response* response, GrpcDone done)>;

// Adds a call that failed to the metrics.
void count_failure(const Service& service, const Error& error);

// The error that stands for an exception on its way through catch (...).
Error current_error();

}  // namespace nestvec
