// SPDX-License-Identifier: Apache-2.0
// The handlers behind text-embeddings-inference's routes.
#pragma once

#include <cstddef>
#include <memory>

#include "dialects/tei/te_metrics.h"
#include "dialects/tei/tei_request.h"
#include "nestvec/model.h"
#include "service/router.h"

namespace nestvec {

using SharedTeMetrics = std::shared_ptr<const TeMetrics>;

// As a RouteHandler, each: answers now or later, throws Error before.
void tei_embed(Exchange exchange, const SharedTeMetrics& metrics);
void tei_similarity(Exchange exchange, const SharedTeMetrics& metrics);
void tei_embed_all(Exchange exchange, const SharedTeMetrics& metrics);
// The OpenAI route under its other name.
void tei_openai(Exchange exchange, const SharedTeMetrics& metrics);
void tei_vertex(Exchange exchange, const SharedTeMetrics& metrics);
void tei_embed_sparse(Exchange exchange, const SharedTeMetrics& metrics);
void tei_rerank(Exchange exchange, const SharedTeMetrics& metrics);
void tei_predict(Exchange exchange, const SharedTeMetrics& metrics);
void tei_tokenize(Exchange exchange);
void tei_decode(Exchange exchange);
void tei_info(const Exchange& exchange);

// input_rules() with token ids, which TEI's clients have from /tokenize.
InputRules tei_input_rules(const Exchange& exchange);

// Inputs and options of an embedding request, counted before they are checked.
TeiInputs tei_counted_inputs(const JsonValue& body, const InputRules& rules,
                             const TeMetrics& metrics);

// What is kept of a request until it is answered, to tell and count what it took.
struct TeiReceipt {
  SharedTeMetrics metrics;
  std::shared_ptr<const HttpRequest> request;
  bool batch = false;
  std::size_t characters = 0;
  bool predicts = false;  // scores are wanted, else vectors

  // What the rows took. Needs of them `rows`, `tokens` and `timing`; valid as long as they are.
  TeCost cost(const Embeddings& rows) const;
  // Adds the headers and counts a success.
  void settle(const Embeddings& rows, HttpResponse& response) const;
};

}  // namespace nestvec
