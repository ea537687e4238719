// SPDX-License-Identifier: Apache-2.0
#include "dialects/ollama/ollama.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "base/json.h"
#include "base/json_writer.h"
#include "dialects/not_done.h"
#include "dialects/plain_errors.h"
#include "dialects/tei/tei_render.h"
#include "service/model_name.h"
#include "service/served_models.h"

namespace nestvec {
namespace {

using Kind = JsonValue::Kind;

HttpResponse json_response(std::string body) {
  HttpResponse response;
  response.body = std::move(body);
  return response;
}

// The newer clients' "model", or "name" as the older ones had it.
std::optional<std::string_view> requested_model(const JsonValue& body) {
  const auto model = string_member(body, "model");
  return model ? model : string_member(body, "name");
}

// Throws RequestError for another model, where names count.
std::string task_of_request(const JsonValue& body, const InputRules& rules) {
  refuse_not_done(body, rules.model);
  const auto name = requested_model(body);
  std::string named =
      name ? task_of_name(*name, rules.model, rules.strict_model, "model", rules.aliases) : "";
  std::string task = resolve_task(string_member(body, "task").value_or(""), rules.model, "task");
  return task.empty() ? named : task;
}

// Texts without a character, which Ollama embeds, too: their tokens are the special ones.
void read_texts(const JsonValue& input, std::string_view param, const InputRules& rules,
                EmbedCall& call) {
  if (input.kind() != Kind::kArray || input.size() > rules.max_inputs) {
    return read_inputs(input, param, rules, call);
  }
  const std::vector<JsonValue> items = input.elements();
  const auto is_text = [](const JsonValue& item) { return item.kind() == Kind::kString; };
  if (!std::ranges::all_of(items, is_text)) return read_inputs(input, param, rules, call);
  call.param = param;
  for (const JsonValue& item : items) call.texts.emplace_back(item.string());
}

bool is_empty_input(const JsonValue& input) {
  if (input.kind() == Kind::kString) return input.string().empty();
  return input.kind() == Kind::kArray && input.size() == 0;
}

// Of an answer to /api/embed, what is known before the rows.
struct EmbedAnswer {
  std::string model;
  std::chrono::steady_clock::time_point received;
};

HttpResponse render_embed(const EmbedAnswer& answer, const Embeddings& rows, Pace& pace) {
  std::uint64_t tokens = 0;
  for (const std::uint32_t count : rows.tokens) tokens += count;
  const auto taken = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::steady_clock::now() - answer.received);
  HttpResponse response;
  JsonObject members(response.body);
  members.text("model", answer.model);
  append_rows(rows.values, rows.width, members.key("embeddings"), pace);
  members.count("total_duration", static_cast<std::uint64_t>(taken.count()));
  members.count("load_duration", 0);
  members.count("prompt_eval_count", tokens);
  members.end();
  return response;
}

HttpResponse render_embedding(const Embeddings& rows) {
  HttpResponse response;
  JsonObject members(response.body);
  append_json_numbers(rows.values, members.key("embedding"));
  members.end();
  return response;
}

// Where the body may lack a model, or have one that is no text, which is told later.
Exchange for_requested_model(Exchange given, const JsonValue& body) {
  const std::string_view name = requested_model(body).value_or("");
  return for_model(std::move(given), name, ModelKind::kEmbed);
}

void embed(Exchange given) {
  const JsonDocument document = read_json_body(*given.request);
  Exchange exchange = for_requested_model(std::move(given), document.root());
  const InputRules rules = input_rules(exchange);
  EmbedCall call = read_ollama_embed(document.root(), rules);
  const EmbedAnswer answer{rules.model.id, exchange.request->received};
  apply_exchange(exchange, call.options);  // its headers are checked, be there no input
  if (call.texts.empty()) {
    Pace pace;
    return exchange.respond(render_embed(answer, {}, pace));
  }
  run_embed(std::move(exchange), std::move(call), [answer](const Embeddings& rows, Pace& pace) {
    return render_embed(answer, rows, pace);
  });
}

void embeddings(Exchange given) {
  const JsonDocument document = read_json_body(*given.request);
  Exchange exchange = for_requested_model(std::move(given), document.root());
  EmbedCall call = read_ollama_embeddings(document.root(), input_rules(exchange));
  apply_exchange(exchange, call.options);
  if (call.texts.empty()) return exchange.respond(render_embedding({}));
  run_embed(std::move(exchange), std::move(call),
            [](const Embeddings& rows, Pace&) { return render_embedding(rows); });
}

void version(const Exchange& exchange) {
  // Of the Ollama whose embedding routes these are: clients refuse what is too old for them.
  constexpr std::string_view kOllama = "0.12.6";
  HttpResponse response;
  JsonObject members(response.body);
  members.text("version", kOllama);
  members.text("nestvec", exchange.service.version);
  members.end();
  exchange.respond(std::move(response));
}

// Refuses another model, whether names count or not: nothing is fetched.
ServedModels::Lease require_own_model(const JsonValue& body, const Service& service) {
  const auto name = requested_model(body);
  if (!name || name->empty()) {
    throw RequestError(ErrorCode::kInvalidArgument, "\"model\" is missing in the request", "model");
  }
  ServedModels::Lease served = require_model(service, *name);
  task_of_name(*name, served->model.info(), true, "model", served->aliases);
  return served;
}

void pull(const Exchange& exchange) {
  const JsonDocument document = read_json_body(*exchange.request);
  const JsonValue body = document.root();
  require_own_model(body, exchange.service);
  HttpResponse response;
  response.body = R"({"status":"success"})";
  if (bool_member(body, "stream").value_or(true)) {
    response.content_type = "application/x-ndjson";
    response.body += '\n';
  }
  exchange.respond(std::move(response));
}

// One model is shown whatever is asked for, unless names count.
void show(const Exchange& exchange) {
  const Service& service = exchange.service;
  std::vector<ServedModels::Lease> models = all_models(service);
  if (service.options.strict_model || models.size() > 1) {
    const JsonDocument document = read_json_body(*exchange.request);
    models.front() = require_own_model(document.root(), service);
  }
  const ModelInfo& model = models.front()->model.info();
  exchange.respond(json_response(render_ollama_show(describe_ollama_model(model), model)));
}

using AppendModel = void (*)(const OllamaModel&, const ModelInfo&, JsonArray&);

RouteHandler listed(AppendModel append) {
  return [append](const Exchange& exchange) {
    const std::vector<ServedModels::Lease> served = all_models(exchange.service);
    HttpResponse response;
    JsonObject body(response.body);
    JsonArray models(body.key("models"));
    for (const ServedModels::Lease& each : served) {
      const ModelInfo& model = each->model.info();
      append(describe_ollama_model(model), model, models);
    }
    models.end();
    body.end();
    exchange.respond(std::move(response));
  };
}

}  // namespace

EmbedCall read_ollama_embed(const JsonValue& body, const InputRules& rules) {
  EmbedCall call;
  call.options.task = task_of_request(body, rules);
  const auto truncate = bool_member(body, "truncate");
  call.options.truncation = !truncate   ? rules.overlong
                            : *truncate ? Truncation::kRight
                                        : Truncation::kError;
  const std::optional<JsonValue> dimensions = body.find("dimensions");
  if (dimensions && read_integer(*dimensions) != 0) {  // 0 is how Go's clients leave it out
    call.options.dimensions = read_dimensions(*dimensions, rules.model, "dimensions");
  }
  // People mix up the members of the two routes.
  const std::optional<std::string_view> prompt = string_member(body, "prompt");
  const std::optional<JsonValue> input = body.find("input");
  if (input && !is_empty_input(*input)) read_texts(*input, "input", rules, call);
  if (!input && prompt && !prompt->empty()) call.texts.emplace_back(*prompt);
  return call;
}

EmbedCall read_ollama_embeddings(const JsonValue& body, const InputRules& rules) {
  EmbedCall call;
  call.options.task = task_of_request(body, rules);
  call.options.truncation = rules.overlong;
  const std::optional<std::string_view> input = string_member(body, "input");
  const std::string_view text = string_member(body, "prompt").value_or(input.value_or(""));
  call.param = body.find("prompt") || !input ? "prompt" : "input";
  if (!text.empty()) call.texts.emplace_back(text);
  return call;
}

std::vector<Route> ollama_routes(const Service&) {
  const ErrorStyle* errors = &plain_errors();
  return {
      {"POST", "/api/embed", embed, errors},
      {"POST", "/api/embeddings", embeddings, errors},
      {"POST", "/api/show", show, errors},
      {"POST", "/api/pull", pull, errors},
      {"GET", "/api/tags", listed(append_ollama_tags), errors},
      {"GET", "/api/ps", listed(append_ollama_ps), errors},
      {"GET", "/api/version", version, errors},
  };
}

}  // namespace nestvec
