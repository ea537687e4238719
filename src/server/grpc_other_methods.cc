// SPDX-License-Identifier: Apache-2.0
// The answer to methods that are not offered.
#include <memory>
#include <string>

#include "base/excerpt.h"
#include "server/grpc_call.h"
#include "server/grpc_services.h"
#include "server/grpc_status.h"

namespace nestvec {
namespace {

class Refusal final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Refusal(const grpc::Status& status) { Finish(status); }
  void OnDone() override { const std::unique_ptr<Refusal> self(this); }
};

class OtherMethods final : public grpc::CallbackGenericService {
 public:
  explicit OtherMethods(const GrpcContext& context) : context_(context) {}

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* call) override {
    return std::make_unique<Refusal>(refuse(*call)).release();  // owns itself now
  }

 private:
  grpc::Status refuse(const grpc::GenericCallbackServerContext& call) const {
    try {
      admit(call, context_.keys);
    } catch (...) {
      return grpc_status(current_error());
    }
    return grpc_status(Error(
        ErrorCode::kUnimplemented,
        excerpt(call.method()) + " is not offered: " + context_.service.model.info().id +
            " is a model for dense text embeddings, it neither classifies nor reranks and has no "
            "sparse vectors; call Embed, EmbedAll, Tokenize or Decode of tei.v1"));
  }

  GrpcContext context_;
};

}  // namespace

std::unique_ptr<grpc::CallbackGenericService> make_other_methods(const GrpcContext& context) {
  return std::make_unique<OtherMethods>(context);
}

}  // namespace nestvec
