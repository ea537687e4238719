// SPDX-License-Identifier: Apache-2.0
// One request, one answer, and no thread that waits in between.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "grpc/grpc_call.h"

namespace nestvec {

// A call of a GrpcMethod. Released to itself by the handler of the method; ends when gRPC has done
// with it.
template <typename Request, typename Response>
class GrpcUnary final : public grpc::ServerUnaryReactor {
 public:
  using Method = GrpcMethod<Request, Response>;
  // How the dialect tells an error: by the status, or in the response. `id` is the call's.
  using Refuse = grpc::Status (*)(const Error&, const std::string& id, Response*);

  // `method` and `context` must outlive the server. `path` is the method's own.
  GrpcUnary(GrpcContext& context, std::string path, grpc::CallbackServerContext* call,
            const Method& method)
      : context_(context), trace_(context, *call, std::move(path)), call_(call), method_(method) {}

  void start(const Request* request, Response* response, Refuse refuse) {
    response_ = response;
    refuse_ = refuse;
    if (context_.access_log) trace_.add_request(request->ByteSizeLong());
    GrpcCall call;
    call.id = trace_.id();
    call.stop = stop_.get_token();
    try {
      admit(*call_, context_.keys, call);
      serving(context_).post([this, call, request] {
        method_(call, *request, response_, [this](const GrpcOutcome& outcome) { finish(outcome); });
      });
    } catch (const Error& error) {
      finish(error);
    }
  }

  void OnCancel() override { stop_.request_stop(); }
  void OnDone() override { const std::unique_ptr<GrpcUnary> self(this); }

 private:
  // The last act: `this` may be gone when it returns.
  void finish(const GrpcOutcome& outcome) {
    if (outcome.error) return finish(*outcome.error);
    if (outcome.truncated) call_->AddTrailingMetadata("x-truncated-inputs", "0");
    if (outcome.tokens > 0) trace_.add_tokens(outcome.tokens);
    if (context_.access_log) trace_.add_answer(response_->ByteSizeLong());
    Finish(grpc::Status::OK);
  }

  void finish(const Error& error) {
    trace_.set_error(error);
    const auto pause = error.detail().retry_after.count();
    // What gRPC's own retry policies obey (gRFC A6).
    if (pause > 0) call_->AddTrailingMetadata("grpc-retry-pushback-ms", std::to_string(pause));
    Finish(refuse_(error, trace_.id(), response_));
  }

  GrpcContext& context_;
  GrpcTrace trace_;
  grpc::CallbackServerContext* call_;
  const Method& method_;
  Response* response_ = nullptr;
  Refuse refuse_ = nullptr;
  std::stop_source stop_;
};

}  // namespace nestvec
