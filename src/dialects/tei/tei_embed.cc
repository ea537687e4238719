// SPDX-License-Identifier: Apache-2.0
// Rows for texts: /embed, /similarity, /vertex.
#include <utility>

#include "base/seconds.h"
#include "dialects/openai/openai_request.h"
#include "dialects/tei/tei_handlers.h"
#include "dialects/tei/tei_render.h"
#include "dialects/tei/tei_request.h"
#include "dialects/tei/tei_style.h"
#include "service/embed_call.h"
#include "service/embed_run.h"
#include "service/gather.h"
#include "service/request_memory.h"

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

HttpResponse render_predictions(const std::vector<Embeddings>& parts, Pace& pace) {
  HttpResponse response;
  response.body = "{\"predictions\":[";
  for (const Embeddings& part : parts) {
    if (response.body.back() != '[') response.body.push_back(',');
    append_rows(part.values, part.width, response.body, pace);
  }
  response.body.append("]}");
  return response;
}

}  // namespace

TeiInputs tei_counted_inputs(const JsonValue& body, const InputRules& rules,
                             const TeMetrics& metrics) {
  metrics.count_request(is_batch(required_member(body, "inputs")));
  TeiInputs inputs = read_tei_inputs(body, rules);
  metrics.count_inputs(inputs.call.texts.size());
  inputs.call.options = read_tei_options(body, rules.model);
  return inputs;
}

TeCost TeiReceipt::cost(const Embeddings& rows) const {
  TeCost cost;
  cost.batch = batch;
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

void tei_embed(Exchange exchange, const SharedTeMetrics& metrics) {
  const JsonDocument document = read_json_body(*exchange.request);
  const InputRules rules = input_rules(exchange);
  TeiInputs inputs = tei_counted_inputs(document.root(), rules, *metrics);
  RenderRows render = [receipt =
                           TeiReceipt{metrics, exchange.request, inputs.batch, inputs.characters}](
                          const Embeddings& rows, Pace& pace) {
    HttpResponse response;
    append_rows(rows.values, rows.width, response.body, pace);
    receipt.settle(rows, response);
    return response;
  };
  run_embed(std::move(exchange), std::move(inputs.call), "inputs", std::move(render));
}

void tei_similarity(Exchange exchange, const SharedTeMetrics& metrics) {
  const JsonDocument document = read_json_body(*exchange.request);
  EmbedCall call = read_similarity(document.root(), input_rules(exchange));
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
  run_embed(std::move(exchange), std::move(call), "inputs", std::move(render));
}

void tei_openai(Exchange exchange, const SharedTeMetrics& metrics) {
  const Service& service = exchange.service;
  const JsonDocument document = read_json_body(*exchange.request);
  const InputRules rules = input_rules(exchange);
  const bool batch = is_batch(required_member(document.root(), "input"));
  metrics->count_request(batch);
  OpenAiRequest request = read_openai_request(document.root(), rules);
  cut_documents(request, rules, exchange);
  metrics->count_inputs(request.call.texts.size());
  const TeiReceipt receipt{metrics, exchange.request, batch, count_characters(request.call.texts)};
  EmbedCall call = request.call;
  request.call.texts.clear();  // the answer does not need them
  run_embed(std::move(exchange), std::move(call), "input",
            [&service, receipt, request = std::move(request)](const Embeddings& rows, Pace& pace) {
              HttpResponse response;
              response.body = render_openai(request, rows, service.model.info(), pace);
              receipt.settle(rows, response);
              return response;
            });
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): the type of a handler
void tei_vertex(Exchange exchange, const SharedTeMetrics& metrics) {
  const JsonDocument document = read_json_body(*exchange.request);
  const auto calls = std::make_shared<std::vector<TeiInputs>>(
      read_instances(document.root(), input_rules(exchange), *metrics));
  for (TeiInputs& inputs : *calls) apply_exchange(exchange, inputs.call.options);
  using Rows = std::vector<Embeddings>;
  auto answer = [exchange, metrics, calls](Result<Rows> result) {
    exchange.attempt([&] {
      if (!result.ok()) count_failed_call(exchange.service, result.error());
      const auto parts = std::make_shared<Result<Rows>>(std::move(result));
      exchange.answer_later([exchange, metrics, calls, parts] {
        Pace pace(control_of(exchange));
        HttpResponse response = render_predictions(parts->value(), pace);
        TeiReceipt whole{metrics, exchange.request, true, 0};
        for (std::size_t i = 0; i < calls->size(); ++i) {
          const auto& [call, batch, characters] = (*calls)[i];
          count_texts(exchange.service, call, parts->value()[i]);
          const TeiReceipt one{metrics, exchange.request, batch, characters};
          metrics->count_success(one.cost(parts->value()[i]));
          whole.characters += characters;
        }
        const Embeddings joined = join_rows(std::move(parts->value()));
        add_call_headers(*exchange.request, joined, response);
        add_te_headers(whole.cost(joined), response);
        return response;
      });
    });
  };
  const auto gather = std::make_shared<Gather<Embeddings>>(
      calls->size(), exchange.service.post, exchange.request->stop, std::move(answer));
  end_at_deadline(exchange.service.after, calls->front().call.options.deadline, gather);
  for (std::size_t i = 0; i < calls->size() && !gather->ended(); ++i) {
    const EmbedCall& call = (*calls)[i].call;
    const MemoryShare reading =
        memory_for_texts(exchange.service.memory, call.texts, RequestMemory::kTokenizing);
    exchange.service.model.predict_async(
        call.texts, call.tasks, part_options(call.options, i, *gather),
        [gather, i](Result<Embeddings> rows) { gather->put(i, std::move(rows)); });
  }
}

}  // namespace nestvec
