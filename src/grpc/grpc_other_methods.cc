// SPDX-License-Identifier: Apache-2.0
// The answer to methods that are not offered.
#include <memory>
#include <string>

#include "base/excerpt.h"
#include "grpc/grpc_call.h"
#include "grpc/grpc_services.h"
#include "grpc/grpc_status.h"

namespace nestvec {
namespace {

class Refusal final : public grpc::ServerGenericBidiReactor {
 public:
  Refusal(GrpcContext& context, const grpc::GenericCallbackServerContext& call, const Error& error)
      // Clients could make any number of names: for metrics they are one.
      : trace_(context, call, call.method(), "other") {
    trace_.set_error(error);
    Finish(grpc_status(error));
  }
  void OnDone() override { const std::unique_ptr<Refusal> self(this); }

 private:
  GrpcTrace trace_;
};

class OtherMethods final : public grpc::CallbackGenericService {
 public:
  explicit OtherMethods(GrpcContext& context) : context_(context) {}

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* call) override {
    return std::make_unique<Refusal>(context_, *call, refusal(*call)).release();  // owns itself now
  }

 private:
  Error refusal(const grpc::GenericCallbackServerContext& call) const {
    try {
      GrpcCall facts;
      admit(call, context_.keys, facts);
      return {
          ErrorCode::kUnimplemented,
          excerpt(call.method()) + " is not offered: " + serving(context_).model.info().id +
              " is a model for dense text embeddings, it neither classifies nor reranks and has "
              "no sparse vectors; call Embed, EmbedAll, Tokenize or Decode of tei.v1"};
    } catch (...) {
      return current_error();
    }
  }

  GrpcContext& context_;
};

}  // namespace

std::unique_ptr<grpc::CallbackGenericService> make_other_methods(GrpcContext& context) {
  return std::make_unique<OtherMethods>(context);
}

}  // namespace nestvec
