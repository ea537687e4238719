// SPDX-License-Identifier: Apache-2.0
// Scores of texts and pairs: /rerank, /predict.
#include <utility>

#include "dialects/plain_errors.h"
#include "dialects/rerank/rerank.h"
#include "dialects/tei/tei_handlers.h"
#include "dialects/tei/tei_scores.h"
#include "service/http_call.h"
#include "service/served_models.h"

namespace nestvec {
namespace {

// vLLM, Infinity and Weaviate have their rerankings at the same path, and errors of their own.
void answer_others(Exchange exchange, const JsonValue& body) {
  exchange.on_error = {};
  exchange.errors = is_weaviate_rerank(body) ? &plain_errors() : &rerank_errors();
  exchange.attempt([&] { answer_rerank(exchange, body, RerankApi::kPlain); });
}

}  // namespace

void tei_rerank(Exchange given, const SharedTeMetrics& metrics) {
  const JsonDocument document = read_json_body(*given.request);
  if (document.root().find("documents") && !document.root().find("texts")) {
    return answer_others(std::move(given), document.root());
  }
  metrics->count_request(true);
  Exchange exchange =
      for_model(std::move(given), model_member(document.root()), ModelKind::kRerank);
  TeiRank rank = read_tei_rank(document.root(), tei_input_rules(exchange));
  metrics->count_inputs(rank.call.size(), true);
  const std::size_t most = most_of_ranks(rank.call, rank.return_text);
  std::vector<std::string> texts;
  if (rank.return_text) texts = rank.call.documents;
  RenderScores render = [receipt =
                             TeiReceipt{metrics, exchange.request, true, rank.characters, true},
                         texts = std::move(texts)](const CallRows& scored, Pace&) {
    HttpResponse response;
    response.body = render_tei_ranks(scored.scores, texts);
    receipt.settle(scored.rows, response);
    return response;
  };
  run_scores(std::move(exchange), std::move(rank.call), most, std::move(render));
}

void tei_predict(Exchange given, const SharedTeMetrics& metrics) {
  const JsonDocument document = read_json_body(*given.request);
  Exchange exchange =
      for_model(std::move(given), model_member(document.root()), ModelKind::kClassify);
  const ModelInfo& model = exchange.service.model.info();
  TeiPredict predict = read_tei_predict(document.root(), tei_input_rules(exchange));
  metrics->count_request(predict.batch);
  metrics->count_inputs(predict.call.size(), true);
  const std::size_t most = most_of_predictions(predict.call, model);
  RenderScores render =
      [receipt = TeiReceipt{metrics, exchange.request, predict.batch, predict.characters, true},
       batch = predict.batch, &model](const CallRows& scored, Pace& pace) {
        HttpResponse response;
        response.body = render_tei_predictions(scored.scores, batch, model, pace);
        receipt.settle(scored.rows, response);
        return response;
      };
  run_scores(std::move(exchange), std::move(predict.call), most, std::move(render));
}

}  // namespace nestvec
