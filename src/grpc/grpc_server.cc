// SPDX-License-Identifier: Apache-2.0
#include "grpc/grpc_server.h"

#include <google/protobuf/stubs/logging.h>

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/excerpt.h"
#include "grpc/grpc_health.h"
#include "grpc/grpc_reflection.h"
#include "grpc/grpc_route.h"
#include "grpc/grpc_stream.h"
#include "grpc/grpc_unary.h"
#include "service/model_kind.h"

namespace nestvec {
namespace {

constexpr std::string_view kWatch = "/grpc.health.v1.Health/Watch";

bool is_grpc(const HttpRequest& head) {
  constexpr std::string_view kType = "application/grpc";
  const std::string_view type = head.header("content-type").value_or("");
  if (head.method != "POST" || !type.starts_with(kType)) return false;
  const std::string_view rest = type.substr(kType.size());
  return rest.empty() || rest == "+proto" || rest[0] == ';';
}

// A call that is answered when its head is there.
class Answered final : public StreamedRequest {
 public:
  void on_body(std::string_view) override {}
  void on_end() override {}
  void on_sent() override {}
  void on_gone() override {}
  void on_tick(Clock::time_point) override {}
  void on_grace_over() override {}
  std::optional<Upload> upload() const override { return std::nullopt; }
  std::size_t buffered() const override { return 0; }
  bool is_working() const override { return false; }
};

Error no_such_method(const GrpcContext& context, const HttpRequest& head) {
  try {
    GrpcCall facts;
    admit(head, context.keys, facts);
    return {ErrorCode::kUnimplemented,
            excerpt(head.path) +
                " is not offered: " + describe_kind(default_model(serving(context))->model.info()) +
                "; the methods are those of tei.v1 and clarifai.api.V2, see server reflection"};
  } catch (...) {
    return current_error();
  }
}

std::shared_ptr<StreamedRequest> refuse_other(GrpcContext& context, const GrpcHead& head) {
  // Clients could make any number of names: for metrics they are one.
  GrpcTrace trace(context, *head.request, head.client, "other");
  const Error error = no_such_method(context, *head.request);
  trace.set_error(error);
  head.writer->send({.trailers = grpc_trailers_alone(grpc_status(error), grpc_pushback(error))});
  return std::make_shared<Answered>();
}

}  // namespace

struct GrpcServer::Parts {
  explicit Parts(GrpcContext& with) : context(with) {
    add(make_tei_routes(context));
    add(make_tei_score_routes(context));
    add(make_clarifai_routes(context));
    add(make_reflection_routes({"tei.v1.Info", "tei.v1.Embed", "tei.v1.Tokenize", "tei.v1.Predict",
                                "tei.v1.Rerank", "clarifai.api.V2", "grpc.health.v1.Health",
                                "grpc.reflection.v1.ServerReflection",
                                "grpc.reflection.v1alpha.ServerReflection"}));
    add({health.check()});
  }

  void add(GrpcRoutes more) {
    for (GrpcRoute& route : more) {
      std::string path = route.path;
      routes.emplace(std::move(path), std::move(route));
    }
  }

  std::shared_ptr<StreamedRequest> take(GrpcHead head) {
    const std::string& path = head.request->path;
    if (path == kWatch) return health.watch(std::move(head));
    const auto found = routes.find(path);
    if (found == routes.end()) return refuse_other(context, head);
    if (found->second.streams) return GrpcStream::start(context, found->second, std::move(head));
    return GrpcUnary::start(context, found->second, std::move(head));
  }

  GrpcContext& context;
  GrpcHealth health;
  std::unordered_map<std::string, GrpcRoute> routes;
};

GrpcServer::GrpcServer(GrpcContext& context) : parts_(std::make_unique<Parts>(context)) {
  // What Protobuf thinks of messages that clients send would go to standard error.
  google::protobuf::SetLogHandler(nullptr);
}

GrpcServer::~GrpcServer() = default;

StreamedService GrpcServer::service() {
  return [this](std::shared_ptr<const HttpRequest> request, const std::string& client,
                std::shared_ptr<AnswerWriter> writer) -> std::shared_ptr<StreamedRequest> {
    if (!is_grpc(*request)) return nullptr;
    return parts_->take({std::move(request), client, std::move(writer)});
  };
}

bool GrpcServer::is_health_call(const HttpRequest& request) {
  return is_grpc(request) && request.path.starts_with("/grpc.health.v1.Health/");
}

void GrpcServer::open(const Service& service) {
  parts_->context.service.emplace(service);
  parts_->health.set_serving();
}

void GrpcServer::drain() {
  parts_->context.drain.request_stop();
  parts_->health.shut_down();
}

bool GrpcServer::wait_for_calls(std::chrono::steady_clock::time_point deadline) const {
  return parts_->context.calls.wait_for_none(deadline);
}

}  // namespace nestvec
