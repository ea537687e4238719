// SPDX-License-Identifier: Apache-2.0
// One request, one answer, and no thread that waits in between.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <stop_token>
#include <string>

#include "server/grpc_call.h"

namespace nestvec {

// A call of a GrpcMethod. Released to itself by the handler of the method; ends when gRPC has done
// with it.
template <typename Request, typename Response>
class GrpcUnary final : public grpc::ServerUnaryReactor {
 public:
  using Method = GrpcMethod<Request, Response>;
  // How the dialect tells an error: by the status, or in the response.
  using Refuse = grpc::Status (*)(const Error&, Response*);

  // `method` must outlive the server.
  GrpcUnary(grpc::CallbackServerContext* context, Response* response, Refuse refuse,
            const Method& method)
      : context_(context), response_(response), refuse_(refuse), method_(method) {}

  void start(const Service& service, const KeyStore& keys, const Request* request) {
    GrpcCall call;
    try {
      call = admit(*context_, keys);
    } catch (...) {
      finish({.error = current_error(), .truncated = false});
      return;
    }
    call.stop = stop_.get_token();
    service.post([this, call = std::move(call), request] {
      method_(call, *request, response_, [this](const GrpcOutcome& outcome) { finish(outcome); });
    });
  }

  void OnCancel() override { stop_.request_stop(); }
  void OnDone() override { const std::unique_ptr<GrpcUnary> self(this); }

 private:
  // The last act: `this` may be gone when it returns.
  void finish(const GrpcOutcome& outcome) {
    if (outcome.truncated) context_->AddTrailingMetadata("x-truncated-inputs", "0");
    if (!outcome.error) return Finish(grpc::Status::OK);
    const auto pause = outcome.error->detail().retry_after.count();
    // What gRPC's own retry policies obey (gRFC A6).
    if (pause > 0) context_->AddTrailingMetadata("grpc-retry-pushback-ms", std::to_string(pause));
    Finish(refuse_(*outcome.error, response_));
  }

  grpc::CallbackServerContext* context_;
  Response* response_;
  Refuse refuse_;
  const Method& method_;
  std::stop_source stop_;
};

}  // namespace nestvec
