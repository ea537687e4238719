// SPDX-License-Identifier: Apache-2.0
#include "dialects/tei/tei.h"

#include <utility>

#include "dialects/tei/tei_handlers.h"
#include "dialects/tei/tei_style.h"
#include "service/served_models.h"

namespace nestvec {
namespace {

// A handler whose failures are counted, whether it throws or answers with them.
RouteHandler counted(const SharedTeMetrics& metrics, RouteHandler handle) {
  return [metrics, handle = std::move(handle)](Exchange exchange) {
    exchange.on_error = [metrics](const Error& error) { metrics->count_failure(error); };
    exchange.attempt([&] { handle(exchange); });
  };
}

// A handler of tei_handlers.h as a counted one.
RouteHandler asking(const SharedTeMetrics& metrics,
                    void (*handle)(Exchange, const SharedTeMetrics&)) {
  return counted(metrics,
                 [metrics, handle](Exchange exchange) { handle(std::move(exchange), metrics); });
}

}  // namespace

std::vector<Route> tei_routes(const Service& service) {
  const auto metrics = std::make_shared<const TeMetrics>(
      service.metrics, default_model(service)->model.info().max_tokens);
  const ErrorStyle* errors = &tei_errors();
  const RouteHandler embed = asking(metrics, tei_embed);
  const RouteHandler rerank = asking(metrics, tei_rerank);
  const RouteHandler predict = asking(metrics, tei_predict);
  // Without a path the default model does what it is for.
  const RouteHandler own = [embed, rerank, predict](Exchange exchange) {
    const ModelInfo& model = exchange.service.model.info();
    const RouteHandler& scores = is_of_kind(model, ModelKind::kRerank) ? rerank : predict;
    const bool has_labels = is_of_kind(model, ModelKind::kClassify);
    (has_labels ? scores : embed)(std::move(exchange));
  };
  return {
      {"GET", "/info", tei_info, errors},
      {"POST", "/embed", embed, errors},
      {"POST", "/", own, errors},
      {"POST", "/invocations", own, errors},
      {"POST", "/embed_all", asking(metrics, tei_embed_all), errors},
      {"POST", "/embed_sparse", asking(metrics, tei_embed_sparse), errors},
      {"POST", "/similarity", asking(metrics, tei_similarity), errors},
      {"POST", "/vertex", asking(metrics, tei_vertex), errors},
      {"POST", "/embeddings", asking(metrics, tei_openai), &tei_openai_errors()},
      {"POST", "/rerank", rerank, errors},
      {"POST", "/predict", predict, errors},
      {"POST", "/tokenize", counted(metrics, tei_tokenize), errors},
      {"POST", "/decode", counted(metrics, tei_decode), errors},
  };
}

}  // namespace nestvec
