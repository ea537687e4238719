// SPDX-License-Identifier: Apache-2.0
// Rows for texts: /embed, /embed_sparse, /similarity, /vertex.
#include <utility>

#include "base/json_writer.h"
#include "base/seconds.h"
#include "dialects/llama/llama.h"
#include "dialects/not_done.h"
#include "dialects/openai/openai.h"
#include "dialects/tei/tei_handlers.h"
#include "dialects/tei/tei_render.h"
#include "dialects/tei/tei_request.h"
#include "dialects/tei/tei_scores.h"
#include "dialects/tei/tei_style.h"
#include "service/http_call.h"
#include "service/served_models.h"

namespace nestvec {
namespace {

// Calls that are answered together, each with options of its own.
std::vector<TeiInputs> read_instances(const JsonValue& body, const InputRules& rules,
                                      const TeMetrics& metrics) {
  const JsonValue instances = required_member(body, "instances");
  const std::size_t count = instances.kind() == JsonValue::Kind::kArray ? instances.size() : 0;
  if (count == 0) {
    throw RequestError(ErrorCode::kInvalidArgument, "`instances` must be a list of requests",
                       "instances", Fault::kEmpty);
  }
  if (count > rules.max_inputs) throw BatchSizeError(count, rules.max_inputs, "instances");
  std::vector<TeiInputs> calls;
  std::size_t texts = 0;
  for (const JsonValue& instance : instances.elements()) {
    if (instance.kind() != JsonValue::Kind::kObject) {
      throw RequestError(ErrorCode::kInvalidArgument,
                         "`" + instance.path() + "`: expected an object with `inputs`",
                         instance.path());
    }
    calls.push_back(tei_counted_inputs(instance, rules, metrics));
    texts += calls.back().call.texts.size();
    if (texts > rules.max_inputs) throw BatchSizeError(texts, rules.max_inputs, "instances");
  }
  return calls;
}

HttpResponse render_predictions(std::span<const CallRows> calls, Pace& pace) {
  HttpResponse response;
  JsonObject body(response.body);
  JsonArray predictions(body.key("predictions"));
  for (const CallRows& call : calls) {
    append_rows(call.rows.values, call.rows.width, predictions.next(), pace);
  }
  predictions.end();
  body.end();
  return response;
}

// Sparse vectors are as long as they are.
void refuse_of_vectors(const JsonValue& body, const ModelInfo& model) {
  constexpr NotDone kNotOfSparse[] = {
      {"dimensions", "sparse vectors are not cut; leave it out", is_never},
      {"normalize", "sparse vectors are not normalised; leave it out", is_false},
  };
  refuse_not_done(body, model, kNotOfSparse);
}

}  // namespace

InputRules tei_input_rules(const Exchange& exchange) {
  InputRules rules = input_rules(exchange);
  rules.token_ids = true;
  return rules;
}

TeiInputs tei_counted_inputs(const JsonValue& body, const InputRules& rules,
                             const TeMetrics& metrics) {
  metrics.count_request(is_batch(required_member(body, "inputs")));
  TeiInputs inputs = read_tei_inputs(body, rules);
  metrics.count_inputs(inputs.call.texts.size());
  inputs.call.options = read_tei_options(body, rules);
  return inputs;
}

TeCost TeiReceipt::cost(const Embeddings& rows) const {
  TeCost cost;
  cost.batch = batch;
  cost.predicts = predicts;
  cost.inputs = rows.rows;
  cost.characters = characters;
  cost.tokens = rows.tokens;
  cost.timing = rows.timing;
  cost.total = seconds_since(request->received);
  return cost;
}

void TeiReceipt::settle(const Embeddings& rows, HttpResponse& response) const {
  const TeCost taken = cost(rows);
  add_te_headers(taken, response);
  metrics->count_success(taken);
}

void tei_embed(Exchange given, const SharedTeMetrics& metrics) {
  const JsonDocument document = read_json_body(*given.request);
  if (given.request->path == "/" && is_similarity(document.root())) {
    return tei_similarity(std::move(given), metrics);
  }
  Exchange exchange = for_model(std::move(given), model_member(document.root()), ModelKind::kEmbed);
  const InputRules rules = tei_input_rules(exchange);
  TeiInputs inputs = tei_counted_inputs(document.root(), rules, *metrics);
  RenderRows render = [receipt =
                           TeiReceipt{metrics, exchange.request, inputs.batch, inputs.characters}](
                          const Embeddings& rows, Pace& pace) {
    HttpResponse response;
    append_rows(rows.values, rows.width, response.body, pace);
    receipt.settle(rows, response);
    return response;
  };
  run_embed(std::move(exchange), std::move(inputs.call), std::move(render));
}

void tei_embed_sparse(Exchange given, const SharedTeMetrics& metrics) {
  const JsonDocument document = read_json_body(*given.request);
  Exchange exchange =
      for_model(std::move(given), model_member(document.root()), ModelKind::kSparse);
  const InputRules rules = tei_input_rules(exchange);
  refuse_of_vectors(document.root(), rules.model);
  TeiInputs inputs = tei_counted_inputs(document.root(), rules, *metrics);
  inputs.call.options.dense = false;
  inputs.call.options.sparse = true;
  RenderRows render = [receipt =
                           TeiReceipt{metrics, exchange.request, inputs.batch, inputs.characters}](
                          const Embeddings& rows, Pace& pace) {
    HttpResponse response;
    response.body = render_tei_sparse(rows, pace);
    receipt.settle(rows, response);
    return response;
  };
  run_embed(std::move(exchange), std::move(inputs.call), std::move(render));
}

void tei_similarity(Exchange given, const SharedTeMetrics& metrics) {
  const JsonDocument document = read_json_body(*given.request);
  Exchange exchange = for_model(std::move(given), model_member(document.root()), ModelKind::kEmbed);
  EmbedCall call = read_similarity(document.root(), tei_input_rules(exchange));
  metrics->count_request(true);
  metrics->count_inputs(call.texts.size());
  RenderRows render =
      [receipt = TeiReceipt{metrics, exchange.request, true, count_characters(call.texts)}](
          const Embeddings& rows, Pace& pace) {
        HttpResponse response;
        append_similarities(rows, response.body, pace);
        receipt.settle(rows, response);
        return response;
      };
  run_embed(std::move(exchange), std::move(call), std::move(render));
}

void tei_openai(Exchange given, const SharedTeMetrics& metrics) {
  const JsonDocument document = read_json_body(*given.request);
  if (is_llama_request(document.root())) {
    return answer_llama(std::move(given), document.root());
  }
  Exchange exchange = for_model(std::move(given), model_member(document.root()), ModelKind::kEmbed);
  const bool batch = is_batch(required_member(document.root(), "input"));
  metrics->count_request(batch);
  OpenAiRequest request =
      open_openai_request(document.root(), exchange.service, caller_of(exchange));
  const std::vector<std::string>& texts = request.call.texts;
  metrics->count_inputs(texts.size());
  const TeiReceipt receipt{metrics, exchange.request, batch, count_characters(texts)};
  answer_openai(std::move(exchange), std::move(request),
                [receipt](const Embeddings& rows, HttpResponse& response) {
                  receipt.settle(rows, response);
                });
}

void tei_vertex(Exchange given, const SharedTeMetrics& metrics) {
  const JsonDocument document = read_json_body(*given.request);
  Exchange exchange = for_model(std::move(given), model_member(document.root()), ModelKind::kEmbed);
  std::vector<EmbedCall> calls;
  std::vector<TeiReceipt> receipts;
  for (TeiInputs& inputs : read_instances(document.root(), tei_input_rules(exchange), *metrics)) {
    receipts.push_back({metrics, exchange.request, inputs.batch, inputs.characters});
    calls.push_back(std::move(inputs.call));
  }
  run_calls(std::move(exchange), std::move(calls),
            [metrics, receipts = std::move(receipts)](std::span<const CallRows> rows, Pace& pace) {
              HttpResponse response = render_predictions(rows, pace);
              TeiReceipt whole{metrics, receipts.front().request, true, 0};
              for (std::size_t i = 0; i < rows.size(); ++i) {
                metrics->count_success(receipts[i].cost(rows[i].rows));
                whole.characters += receipts[i].characters;
              }
              const Embeddings taken = taken_by(rows);
              add_te_headers(whole.cost(taken), response);
              return response;
            });
}

}  // namespace nestvec
