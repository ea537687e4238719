// SPDX-License-Identifier: Apache-2.0
// The services Predict and Rerank of tei.v1 over the model.
#include <numeric>
#include <string>
#include <utility>

#include "base/seconds.h"
#include "dialects/tei/tei_messages.h"
#include "dialects/tei/tei_scores.h"
#include "grpc/grpc_tei.h"
#include "service/model_call.h"
#include "service/model_kind.h"
#include "service/served_models.h"

namespace nestvec {
namespace {

// `done` that also counts failures, and keeps the model.
GrpcDone counted_scores(const TeiBackend& backend, ServedModels::Lease model, GrpcDone done) {
  return [&backend, model = std::move(model), done = std::move(done)](const GrpcOutcome& outcome) {
    try {
      if (outcome.error) backend.metrics().count_failure(*outcome.error);
    } catch (...) {
      // Without memory it is not counted, but it is told.
    }
    done(outcome);
  };
}

// Asks the model for scores, whose answer `fill` writes, and counts what they took.
template <typename Fill>
void run_scores(const TeiBackend& backend, const GrpcCall& grpc_call, const Service& service,
                ScoreCall call, std::pair<Fill, GrpcDone> then) {
  const bool batch = !call.documents.empty();
  backend.metrics().count_request(batch);
  backend.metrics().count_inputs(call.size(), true);
  const auto outcome = std::make_shared<GrpcOutcome>();
  ModelCall::Render render = [&backend, outcome, batch, fill = std::move(then.first),
                              inputs = call.size(), characters = count_characters(call),
                              received = grpc_call.received](std::span<const CallRows> rows,
                                                             Pace&) {
    const Embeddings& took = rows.front().rows;
    const TeCost cost{.batch = batch,
                      .predicts = true,
                      .inputs = inputs,
                      .characters = characters,
                      .tokens = took.tokens,
                      .timing = took.timing,
                      .total = seconds_since(received)};
    fill(rows.front().scores, cost);
    backend.metrics().count_success(cost);
    outcome->truncated = !took.truncated.empty();
    outcome->tokens = std::accumulate(took.tokens.begin(), took.tokens.end(), std::uint64_t{0});
  };
  ModelCall::start(service, grpc_call, std::move(call), std::move(render),
                   [outcome, done = std::move(then.second)](const Error* error) {
                     if (error != nullptr) outcome->error = copy_of(*error);
                     done(*outcome);
                   });
}

template <typename Request>
void predict(const TeiBackend& backend, const GrpcCall& grpc_call, const Request& request,
             v1::PredictResponse* response, GrpcDone done) {
  const ServedModels::Lease model = backend.model_for(ModelKind::kClassify);
  const ModelInfo& info = model->model.info();
  done = counted_scores(backend, model, std::move(done));
  try {
    require_kind(info, ModelKind::kClassify);
    const auto fill = [response, &info](const Scores& scores, const TeCost& cost) {
      write_predictions(scores, info, cost, response);
    };
    run_scores(backend, grpc_call, *model, read_scores(request, info),
               std::pair(fill, GrpcDone(done)));
  } catch (...) {
    done({.error = current_error(), .truncated = false});
  }
}

void rerank(const TeiBackend& backend, const GrpcCall& grpc_call, const v1::RerankRequest& request,
            v1::RerankResponse* response, GrpcDone done) {
  const ServedModels::Lease model = backend.model_for(ModelKind::kRerank);
  const ModelInfo& info = model->model.info();
  done = counted_scores(backend, model, std::move(done));
  try {
    require_kind(info, ModelKind::kRerank);
    const auto fill = [response, &request](const Scores& scores, const TeCost& cost) {
      write_ranks(scores, request, cost, response);
    };
    run_scores(backend, grpc_call, *model,
               read_scores(request, info, backend.service().options.max_inputs),
               std::pair(fill, GrpcDone(done)));
  } catch (...) {
    done({.error = current_error(), .truncated = false});
  }
}

template <typename Request>
std::size_t cost_of_scores(const ModelInfo& model, const Request& request) {
  constexpr std::size_t kPredictionBytes = 64;
  return request.ByteSizeLong() + model.labels.size() * kPredictionBytes;
}

}  // namespace

GrpcRoutes make_tei_score_routes(GrpcContext& context) {
  const auto backend = std::make_shared<const TeiBackend>(context);
  GrpcRoutes routes;
  add_method<v1::PredictRequest, v1::PredictResponse>(
      backend, {"/tei.v1.Predict/Predict", predict, cost_of_scores, nullptr, ModelKind::kClassify},
      routes);
  add_method<v1::PredictPairRequest, v1::PredictResponse>(
      backend,
      {"/tei.v1.Predict/PredictPair", predict, cost_of_scores, nullptr, ModelKind::kClassify},
      routes);
  const TeiMethod<v1::RerankRequest, v1::RerankResponse> ranking{
      .path = "/tei.v1.Rerank/Rerank", .answer = rerank, .cost = nullptr, .wrap = nullptr};
  add_method<v1::RerankRequest, v1::RerankResponse>(backend, ranking, routes);
  routes.push_back(
      grpc_collecting_route<v1::RerankStreamRequest, v1::RerankRequest, v1::RerankResponse>(
          ranking.path + "Stream", make_method(backend, ranking), collect_rank));
  return as_tei_routes(std::move(routes));
}

}  // namespace nestvec
