// SPDX-License-Identifier: Apache-2.0
// What gRPC methods are made of: the facts of a call, and the function that answers a message.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "grpc/grpc_services.h"
#include "nestvec/error.h"
#include "nestvec/model.h"
#include "observe/log.h"
#include "observe/trace.h"
#include "service/call_failure.h"
#include "service/caller.h"
#include "service/http_message.h"
#include "service/keys.h"
#include "service/service.h"

namespace nestvec {

// Whose call it is, how long it may take and how urgent it is. `received` is of the message at
// hand.
struct GrpcCall : Caller {
  std::string id;   // of the call, for answers that name it
  std::string sdk;  // x-clarifai-request-id-prefix: name and version of Clarifai's SDK
};

// Reads the metadata into `call` and checks the key ("authorization: Bearer KEY"). Throws Error:
// kUnauthenticated (a RequestError with Fault::kNoKey where there is none), kInvalidArgument for an
// x-nestvec-priority other than interactive and bulk, or a grpc-timeout that is none; `call` then
// has all but the key.
void admit(const HttpRequest& head, const KeyStore& keys, GrpcCall& call);

// The service. Throws Error kUnavailable with a time to come again: before the model is loaded, and
// once the server drains.
const Service& serving(const GrpcContext& context);

// A call as the access log, the metrics and a drain see it: from its construction to its end.
class GrpcTrace {
 public:
  // `context` outlives it; `client` is the peer's name. Metrics know the path of `head` as `route`,
  // a literal, where that is not empty.
  GrpcTrace(GrpcContext& context, const HttpRequest& head, const std::string& client,
            std::string_view route = {});
  GrpcTrace(const GrpcTrace&) = delete;
  GrpcTrace& operator=(const GrpcTrace&) = delete;
  // Tells the access log and whoever wants spans, and counts.
  ~GrpcTrace();

  const std::string& id() const { return record_.id; }
  void add_request(std::size_t bytes) { record_.bytes_in += bytes; }
  void add_answer(std::size_t bytes) { record_.bytes_out += bytes; }
  void add_tokens(std::uint64_t count) { record_.tokens = record_.tokens.value_or(0) + count; }
  void set_error(const Error& error);

 private:
  // As metrics and spans know the method.
  std::string_view route() const { return route_.empty() ? record_.path : route_; }
  RequestSpan span() const;

  const GrpcContext& context_;
  const std::string_view route_;
  std::optional<TraceContext> parent_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  AccessRecord record_;
  LiveCount::Share open_;
};

// How answering a message has ended.
struct GrpcOutcome {
  std::optional<Error> error;
  bool truncated = false;    // the text lost tokens
  std::uint64_t tokens = 0;  // of the texts
};
using GrpcDone = std::function<void(const GrpcOutcome&)>;

// Answers one message: fills *response, then calls `done`, once and from any thread. Must not
// throw. `request` and `response` stay until `done` has been called, `call` only until the method
// returns. Runs on a request thread.
template <typename Request, typename Response>
using GrpcMethod = std::function<void(const GrpcCall& call, const Request& request,
                                      Response* response, GrpcDone done)>;

}  // namespace nestvec
