// SPDX-License-Identifier: Apache-2.0
#include "api/tei.h"

#include <string>
#include <utility>

#include "api/tei_handlers.h"
#include "api/tei_style.h"

namespace nestvec {
namespace {

// A handler whose failures are counted, whether it throws or answers with them.
RouteHandler counted(const SharedTeMetrics& metrics, RouteHandler handle) {
  return [metrics, handle = std::move(handle)](Exchange exchange) {
    const Respond respond = exchange.respond;
    exchange.respond = [metrics, respond](HttpResponse response) {
      if (response.status >= 400) metrics->count_failure(response.status);
      respond(std::move(response));
    };
    try {
      handle(exchange);
    } catch (const BatchSizeError& error) {
      metrics->count_failure("batch_size");
      respond(exchange.errors->render(error));
    } catch (const Error& error) {
      exchange.fail(error);
    }
  };
}

// A handler of tei_handlers.h as a counted one.
RouteHandler embedding(const SharedTeMetrics& metrics,
                       void (*handle)(Exchange, const SharedTeMetrics&)) {
  return counted(metrics,
                 [metrics, handle](Exchange exchange) { handle(std::move(exchange), metrics); });
}

// A route of other kinds of models: says what this one is.
RouteHandler missing(const SharedTeMetrics& metrics, const char* what) {
  return [metrics, what](const Exchange& exchange) {
    metrics->count_failure("model_type");
    throw RequestError(ErrorCode::kInvalidArgument,
                       exchange.service.model.info().id +
                           " is a dense text-embedding model: it gives no " + what +
                           "; POST /embed gives its vectors, /similarity compares them",
                       "", Fault::kUnprocessable);
  };
}

}  // namespace

std::vector<Route> tei_routes(const Service& service) {
  const auto metrics = std::make_shared<const TeMetrics>(service.metrics);
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
      {"POST", "/embed_sparse", missing(metrics, "sparse vectors"), errors},
      {"POST", "/rerank", missing(metrics, "scores of pairs"), errors},
      {"POST", "/predict", missing(metrics, "class scores"), errors},
  };
}

}  // namespace nestvec
