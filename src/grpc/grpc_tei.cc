// SPDX-License-Identifier: Apache-2.0
// The services Info, Embed and Tokenize of tei.v1 over the model.
#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/seconds.h"
#include "dialects/tei/te_metrics.h"
#include "dialects/tei/tei_messages.h"
#include "dialects/tei/tei_render.h"
#include "dialects/tei/tei_request.h"
#include "dialects/tei/tei_style.h"
#include "grpc/grpc_route.h"
#include "grpc/grpc_tei.h"
#include "service/model_call.h"
#include "service/served_models.h"
#include "tei.pb.h"

namespace nestvec {
namespace {

// A token takes some sixty bytes of an answer, and a text a token for each byte at the worst.
constexpr std::size_t kMaxTokenizeBytes = std::size_t{4} << 20;
constexpr std::size_t kTokenBytes = 64;

// A call, and the model that it is for.
struct ServedCall {
  ServedModels::Lease model;
  EmbedCall call = {};
};

template <typename Request>
ServedCall read_call(const TeiBackend& backend, const Request& request,
                     ModelKind kind = ModelKind::kEmbed) {
  ServedCall read{backend.model_for(kind)};
  read.call.options = read_options(request, read.model->model.info());
  read.call.texts = {request.inputs()};
  return read;
}

// `done` that also counts failures.
GrpcDone counted(const TeiBackend& backend, GrpcDone done) {
  backend.metrics().count_request(false);
  backend.metrics().count_inputs(1);
  return [&backend, done = std::move(done)](const GrpcOutcome& outcome) {
    try {
      if (outcome.error) backend.metrics().count_failure(*outcome.error);
    } catch (...) {
      // Without memory it is not counted, but it is told.
    }
    done(outcome);
  };
}

// Asks the model for one text, whose answer `fill` writes, and counts what it took.
template <typename Fill>
void run(const TeiBackend& backend, const GrpcCall& grpc_call, ServedCall served, Fill fill,
         GrpcDone done) {
  const auto outcome = std::make_shared<GrpcOutcome>();
  const std::size_t characters = count_characters(served.call.texts);
  std::vector<EmbedCall> calls;
  calls.push_back(std::move(served.call));
  const Service& service = *served.model;
  ModelCall::start(
      service, grpc_call, std::move(calls),
      [&backend, outcome, characters, fill, received = grpc_call.received](
          std::span<const CallRows> rows, Pace&) {
        const Embeddings& took = rows.front().rows;
        const TeCost cost{.inputs = 1,
                          .characters = characters,
                          .tokens = took.tokens,
                          .timing = took.timing,
                          .total = seconds_since(received)};
        fill(rows.front(), cost);
        backend.metrics().count_success(cost);
        outcome->truncated = !took.truncated.empty();
        outcome->tokens = took.tokens.front();
      },
      [outcome, model = std::move(served.model), done = std::move(done)](const Error* error) {
        if (error != nullptr) outcome->error = copy_of(*error);
        done(*outcome);
      });
}

void embed(const TeiBackend& backend, const GrpcCall& grpc_call, const v1::EmbedRequest& request,
           v1::EmbedResponse* response, GrpcDone done) {
  const auto fill = [response](const CallRows& rows, const TeCost& cost) {
    write_embedding(rows.rows, cost, response);
  };
  run(backend, grpc_call, read_call(backend, request), fill, std::move(done));
}

void embed_all(const TeiBackend& backend, const GrpcCall& grpc_call,
               const v1::EmbedAllRequest& request, v1::EmbedAllResponse* response, GrpcDone done) {
  ServedCall call = read_call(backend, request);
  call.call.token_vectors = true;
  const auto fill = [response](const CallRows& rows, const TeCost& cost) {
    write_token_embeddings(rows.tokens.front(), cost, response);
  };
  run(backend, grpc_call, std::move(call), fill, std::move(done));
}

void embed_sparse(const TeiBackend& backend, const GrpcCall& grpc_call,
                  const v1::EmbedSparseRequest& request, v1::EmbedSparseResponse* response,
                  GrpcDone done) {
  const auto fill = [response](const CallRows& rows, const TeCost& cost) {
    write_sparse(rows.rows.sparse, cost, response);
  };
  run(backend, grpc_call, read_call(backend, request, ModelKind::kSparse), fill, std::move(done));
}

// NOLINTBEGIN(performance-unnecessary-value-param): the type of a handler
void tokenize(const TeiBackend& backend, const GrpcCall&, const v1::EncodeRequest& request,
              v1::EncodeResponse* response, GrpcDone done) {
  if (request.inputs().size() > kMaxTokenizeBytes) {
    throw Error(ErrorCode::kInvalidArgument,
                "`inputs` has " + std::to_string(request.inputs().size()) + " bytes: at most " +
                    std::to_string(kMaxTokenizeBytes) + " are tokenised at once; send it in parts");
  }
  const ServedModels::Lease served = backend.model_for(ModelKind::kAny);
  const std::string text = read_text(request, served->model.info());
  write_tokens(served->model, text, request.add_special_tokens(), response);
  done({});
}

void decode(const TeiBackend& backend, const GrpcCall&, const v1::DecodeRequest& request,
            v1::DecodeResponse* response, GrpcDone done) {
  if (request.ids().empty()) {
    throw Error(ErrorCode::kInvalidArgument, "`ids` cannot be empty: expected token ids");
  }
  const std::span<const std::uint32_t> ids(request.ids().data(),
                                           static_cast<std::size_t>(request.ids().size()));
  const ServedModels::Lease served = backend.model_for(ModelKind::kAny);
  response->set_text(served->model.decode(ids, request.skip_special_tokens()));
  done({});
}

v1::ModelType type_of(const ModelInfo& model) {
  if (is_of_kind(model, ModelKind::kRerank)) return v1::MODEL_TYPE_RERANKER;
  if (is_of_kind(model, ModelKind::kClassify)) return v1::MODEL_TYPE_CLASSIFIER;
  return v1::MODEL_TYPE_EMBEDDING;
}

void describe(const TeiBackend& backend, const GrpcCall&, const v1::InfoRequest&,
              v1::InfoResponse* response, GrpcDone done) {
  const Service& service = backend.service();
  const ServedModels::Lease served = default_model(service);
  const ModelInfo& model = served->model.info();
  const auto count = [](std::size_t number) { return static_cast<std::uint32_t>(number); };
  response->set_version(service.version);
  response->set_model_id(model.id);
  response->set_model_dtype(std::string(tei_dtype(model.precision)));
  response->set_model_type(type_of(model));
  response->set_max_concurrent_requests(count(service.options.max_connections));
  response->set_max_input_length(count(model.max_tokens));
  response->set_max_batch_tokens(count(model.max_batch_tokens));
  response->set_max_client_batch_size(count(service.options.max_inputs));
  response->set_tokenization_workers(count(model.threads));
  done({});
}
// NOLINTEND(performance-unnecessary-value-param)

std::size_t cost_of(const ModelInfo& model, const v1::EmbedRequest& request) {
  return request.inputs().size() + model.dimensions * sizeof(float);
}
std::size_t cost_of(const ModelInfo& model, const v1::EmbedAllRequest& request) {
  const std::size_t bytes = request.inputs().size();
  return bytes + std::min(bytes, model.max_tokens) * model.dimensions * sizeof(float);
}
std::size_t cost_of(const ModelInfo& model, const v1::EmbedSparseRequest& request) {
  constexpr std::size_t kValueBytes = 32;  // of a message for each token that has a weight
  const std::size_t bytes = request.inputs().size();
  return bytes + std::min(bytes, model.vocabulary) * kValueBytes;
}
std::size_t cost_of(const ModelInfo&, const v1::EncodeRequest& request) {
  return request.inputs().size() * kTokenBytes;
}
std::size_t cost_of(const ModelInfo&, const v1::DecodeRequest& request) {
  constexpr std::size_t kIdBytes = 16;  // a number, and the text that it stands for
  return static_cast<std::size_t>(request.ids().size()) * kIdBytes;
}

}  // namespace

GrpcRoutes make_tei_routes(GrpcContext& context) {
  const auto backend = std::make_shared<const TeiBackend>(context);
  GrpcRoutes routes;
  add_method<v1::InfoRequest, v1::InfoResponse>(
      backend, {.path = "/tei.v1.Info/Info", .answer = describe}, routes);
  add_method<v1::EmbedRequest, v1::EmbedResponse>(
      backend, {"/tei.v1.Embed/Embed", embed, cost_of, counted}, routes);
  add_method<v1::EmbedAllRequest, v1::EmbedAllResponse>(
      backend, {"/tei.v1.Embed/EmbedAll", embed_all, cost_of, counted}, routes);
  add_method<v1::EmbedSparseRequest, v1::EmbedSparseResponse>(
      backend, {"/tei.v1.Embed/EmbedSparse", embed_sparse, cost_of, counted, ModelKind::kSparse},
      routes);
  add_method<v1::EncodeRequest, v1::EncodeResponse>(
      backend, {"/tei.v1.Tokenize/Tokenize", tokenize, cost_of, nullptr, ModelKind::kAny}, routes);
  add_method<v1::DecodeRequest, v1::DecodeResponse>(
      backend, {"/tei.v1.Tokenize/Decode", decode, cost_of, nullptr, ModelKind::kAny}, routes);
  return as_tei_routes(std::move(routes));
}

}  // namespace nestvec
