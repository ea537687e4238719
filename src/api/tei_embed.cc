// SPDX-License-Identifier: Apache-2.0
// Rows for texts: /embed, /similarity, /vertex.
#include <utility>

#include "api/embed_call.h"
#include "api/embed_run.h"
#include "api/gather.h"
#include "api/openai_request.h"
#include "api/tei_handlers.h"
#include "api/tei_render.h"
#include "api/tei_request.h"
#include "api/tei_style.h"
#include "base/seconds.h"

namespace nestvec {
namespace {

// Calls that are answered together, each with options of its own.
std::vector<TeiInputs> read_instances(const JsonValue& body, const InputRules& rules) {
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
    calls.push_back(read_tei_inputs(instance, rules));
    calls.back().call.options = read_tei_options(instance, rules.model);
    texts += calls.back().call.texts.size();
    if (texts > rules.max_inputs) throw BatchSizeError(texts, rules.max_inputs, "instances");
  }
  return calls;
}

HttpResponse render_predictions(const std::vector<Embeddings>& parts) {
  HttpResponse response;
  response.body = "{\"predictions\":[";
  for (const Embeddings& part : parts) {
    if (response.body.back() != '[') response.body.push_back(',');
    append_rows(part.values, part.width, response.body);
  }
  response.body.append("]}");
  return response;
}

}  // namespace

void TeiReceipt::settle(const Embeddings& rows, HttpResponse& response) const {
  TeCost cost;
  cost.batch = batch;
  cost.inputs = rows.rows;
  cost.characters = characters;
  cost.tokens = rows.tokens;
  cost.timing = rows.timing;
  cost.total = seconds_since(request->received);
  add_te_headers(cost, response);
  metrics->count_success(cost);
}

void tei_answer(const Exchange& exchange, std::function<HttpResponse()> render) {
  exchange.service.post([exchange, render = std::move(render)] {
    try {
      exchange.respond(render());
    } catch (const Error& error) {
      exchange.fail(error);
    } catch (const std::bad_alloc&) {
      exchange.fail(Error(ErrorCode::kUnavailable, "no memory for this answer; send less at once"));
    }
  });
}

void tei_embed(Exchange exchange, const SharedTeMetrics& metrics) {
  const JsonDocument document = read_json_body(*exchange.request);
  const InputRules rules = input_rules(exchange.service);
  TeiInputs inputs = read_tei_inputs(document.root(), rules);
  inputs.call.options = read_tei_options(document.root(), rules.model);
  metrics->count_request(inputs.batch, inputs.call.texts.size());
  RenderRows render = [receipt = TeiReceipt{metrics, exchange.request, inputs.batch,
                                            inputs.characters}](const Embeddings& rows) {
    HttpResponse response;
    append_rows(rows.values, rows.width, response.body);
    receipt.settle(rows, response);
    return response;
  };
  run_embed(std::move(exchange), std::move(inputs.call), "inputs", std::move(render));
}

void tei_similarity(Exchange exchange, const SharedTeMetrics& metrics) {
  const JsonDocument document = read_json_body(*exchange.request);
  EmbedCall call = read_similarity(document.root(), input_rules(exchange.service));
  metrics->count_request(true, call.texts.size());
  RenderRows render = [receipt = TeiReceipt{metrics, exchange.request, true,
                                            count_characters(call.texts)}](const Embeddings& rows) {
    HttpResponse response;
    append_similarities(rows, response.body);
    receipt.settle(rows, response);
    return response;
  };
  run_embed(std::move(exchange), std::move(call), "inputs", std::move(render));
}

void tei_openai(Exchange exchange, const SharedTeMetrics& metrics) {
  const Service& service = exchange.service;
  const JsonDocument document = read_json_body(*exchange.request);
  const InputRules rules = input_rules(service);
  OpenAiRequest request = read_openai_request(document.root(), rules);
  cut_documents(request, rules, [&service](std::string_view text) {
    return service.model.tokenize(text, /*add_special=*/false);
  });
  const bool batch = request.call.texts.size() > 1;
  metrics->count_request(batch, request.call.texts.size());
  const TeiReceipt receipt{metrics, exchange.request, batch, count_characters(request.call.texts)};
  EmbedCall call = request.call;
  request.call.texts.clear();  // the answer does not need them
  run_embed(std::move(exchange), std::move(call), "input",
            [&service, receipt, request = std::move(request)](const Embeddings& rows) {
              HttpResponse response;
              response.body = render_openai(request, rows, service.model.info());
              receipt.settle(rows, response);
              return response;
            });
}

void tei_vertex(Exchange exchange, const SharedTeMetrics& metrics) {
  const JsonDocument document = read_json_body(*exchange.request);
  const auto calls = std::make_shared<std::vector<TeiInputs>>(
      read_instances(document.root(), input_rules(exchange.service)));
  TeiReceipt receipt{metrics, exchange.request, true, 0};
  for (const TeiInputs& inputs : *calls) {
    metrics->count_request(inputs.batch, inputs.call.texts.size());
    receipt.characters += inputs.characters;
  }
  using Rows = std::vector<Embeddings>;
  auto answer = [exchange, receipt, calls](Result<Rows> result) {
    const auto parts = std::make_shared<Result<Rows>>(std::move(result));
    tei_answer(exchange, [&service = exchange.service, receipt, calls, parts] {
      HttpResponse response = render_predictions(parts->value());
      for (std::size_t i = 0; i < calls->size(); ++i) {
        count_texts(service, (*calls)[i].call, parts->value()[i]);
      }
      const Embeddings joined = join_rows(std::move(parts->value()));
      add_call_headers(*receipt.request, joined, response);
      receipt.settle(joined, response);
      return response;
    });
  };
  const auto gather = std::make_shared<Gather<Embeddings>>(
      calls->size(), exchange.service.post, exchange.request->stop, std::move(answer));
  for (std::size_t i = 0; i < calls->size(); ++i) {
    EmbedCall& call = (*calls)[i].call;
    apply_exchange(exchange, call.options);
    if (i == 0) end_at_deadline(exchange.service.after, call.options.deadline, gather);
    call.options.stop = gather->stop();
    if (i > 0) call.options.queue.max_tokens = 0;  // a request is let in as a whole
    if (i > 0) call.options.queue.max_seconds = 0;
    exchange.service.model.predict_async(
        call.texts, call.tasks, call.options,
        [gather, i](Result<Embeddings> rows) { gather->put(i, std::move(rows)); });
  }
}

}  // namespace nestvec
