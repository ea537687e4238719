// SPDX-License-Identifier: Apache-2.0
#include "dialects/tei/tei.h"

#include <string>
#include <utility>

#include "dialects/tei/tei_handlers.h"
#include "dialects/tei/tei_style.h"

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
RouteHandler embedding(const SharedTeMetrics& metrics,
                       void (*handle)(Exchange, const SharedTeMetrics&)) {
  return counted(metrics,
                 [metrics, handle](Exchange exchange) { handle(std::move(exchange), metrics); });
}

// A route of other kinds of models: says what this one is, and what the route needs.
RouteHandler missing(const SharedTeMetrics& metrics, const char* what, const char* needs) {
  return counted(metrics, [what, needs](const Exchange& exchange) {
    throw CountedError(
        "model_type",
        RequestError(ErrorCode::kInvalidArgument,
                     exchange.service.model.info().id +
                         " is a dense text-embedding model: it gives no " + what + ", which need " +
                         needs + "; POST /embed gives its vectors, /similarity compares them",
                     "", Fault::kUnprocessable));
  });
}

}  // namespace

std::vector<Route> tei_routes(const Service& service) {
  const auto metrics =
      std::make_shared<const TeMetrics>(service.metrics, service.model.info().max_tokens);
  const ErrorStyle* errors = &tei_errors();
  const RouteHandler embed = embedding(metrics, tei_embed);
  return {
      {"GET", "/info", tei_info, errors},
      {"POST", "/embed", embed, errors},
      {"POST", "/", embed, errors},
      {"POST", "/invocations", embed, errors},
      {"POST", "/embed_all", embedding(metrics, tei_embed_all), errors},
      {"POST", "/similarity", embedding(metrics, tei_similarity), errors},
      {"POST", "/vertex", embedding(metrics, tei_vertex), errors},
      {"POST", "/embeddings", embedding(metrics, tei_openai), &tei_openai_errors()},
      {"POST", "/tokenize", counted(metrics, tei_tokenize), errors},
      {"POST", "/decode", counted(metrics, tei_decode), errors},
      {"POST", "/embed_sparse", missing(metrics, "sparse vectors", "a model such as SPLADE"),
       errors},
      {"POST", "/rerank",
       missing(metrics, "scores of pairs", "a reranker such as BAAI/bge-reranker-v2-m3"), errors},
      {"POST", "/predict", missing(metrics, "class scores", "a model with a classifier"), errors},
  };
}

}  // namespace nestvec
