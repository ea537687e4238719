// SPDX-License-Identifier: Apache-2.0
#include "dialects/ollama/ollama.h"

#include <chrono>
#include <memory>
#include <utility>

#include "base/json.h"
#include "base/json_writer.h"
#include "dialects/tei/tei_render.h"

namespace nestvec {
namespace {

using Kind = JsonValue::Kind;

class OllamaErrors final : public ErrorStyle {
 public:
  HttpResponse render(const Error& error) const override {
    HttpResponse response;
    response.status = http_status(error);
    JsonObject members(response.body);
    members.text("error", error.what());
    members.end();
    add_retry_after(error, response);
    return response;
  }
};

HttpResponse json_response(std::string body) {
  HttpResponse response;
  response.body = std::move(body);
  return response;
}

std::string requested_model(const JsonValue& body, const ModelInfo& model) {
  return std::string(string_member(body, "model").value_or(model.id));
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

void embed(Exchange exchange) {
  const JsonDocument document = read_json_body(*exchange.request);
  const InputRules rules = input_rules(exchange);
  EmbedCall call = read_ollama_embed(document.root(), rules);
  const EmbedAnswer answer{requested_model(document.root(), rules.model),
                           exchange.request->received};
  apply_exchange(exchange, call.options);  // its headers are checked, be there no input
  if (call.texts.empty()) {
    Pace pace;
    return exchange.respond(render_embed(answer, {}, pace));
  }
  run_embed(std::move(exchange), std::move(call), [answer](const Embeddings& rows, Pace& pace) {
    return render_embed(answer, rows, pace);
  });
}

void embeddings(Exchange exchange) {
  const JsonDocument document = read_json_body(*exchange.request);
  EmbedCall call = read_ollama_embeddings(document.root(), input_rules(exchange));
  apply_exchange(exchange, call.options);
  if (call.texts.empty()) return exchange.respond(render_embedding({}));
  run_embed(std::move(exchange), std::move(call),
            [](const Embeddings& rows, Pace&) { return render_embedding(rows); });
}

void version(const Exchange& exchange) {
  HttpResponse response;
  JsonObject members(response.body);
  members.text("version", exchange.service.version);
  members.end();
  exchange.respond(std::move(response));
}

using SharedModel = std::shared_ptr<const OllamaModel>;
using RenderModel = std::string (*)(const OllamaModel&, const ModelInfo&);

RouteHandler described(const SharedModel& names, RenderModel render) {
  return [names, render](const Exchange& exchange) {
    exchange.respond(json_response(render(*names, exchange.service.model.info())));
  };
}

}  // namespace

EmbedCall read_ollama_embed(const JsonValue& body, const InputRules& rules) {
  EmbedCall call;
  requested_model(body, rules.model);  // any name; its type is checked
  call.options.task = resolve_task(string_member(body, "task").value_or(""), rules.model, "task");
  if (!bool_member(body, "truncate").value_or(true)) call.options.truncation = Truncation::kError;
  const std::optional<JsonValue> dimensions = body.find("dimensions");
  if (dimensions && read_integer(*dimensions) != 0) {  // 0 is how Go's clients leave it out
    call.options.dimensions = read_dimensions(*dimensions, rules.model, "dimensions");
  }
  const std::optional<JsonValue> input = body.find("input");
  if (input && !is_empty_input(*input)) read_inputs(*input, "input", rules, call);
  return call;
}

EmbedCall read_ollama_embeddings(const JsonValue& body, const InputRules& rules) {
  EmbedCall call;
  call.param = "prompt";
  requested_model(body, rules.model);
  const std::string_view prompt = string_member(body, "prompt").value_or("");
  if (!prompt.empty()) call.texts.emplace_back(prompt);
  return call;
}

std::vector<Route> ollama_routes(const Service& service) {
  const auto names =
      std::make_shared<const OllamaModel>(describe_ollama_model(service.model.info()));
  const ErrorStyle* errors = &ollama_errors();
  return {
      {"POST", "/api/embed", embed, errors},
      {"POST", "/api/embeddings", embeddings, errors},
      {"POST", "/api/show", described(names, render_ollama_show), errors},
      {"GET", "/api/tags", described(names, render_ollama_tags), errors},
      {"GET", "/api/ps", described(names, render_ollama_ps), errors},
      {"GET", "/api/version", version, errors},
  };
}

const ErrorStyle& ollama_errors() {
  static const OllamaErrors kStyle;
  return kStyle;
}

}  // namespace nestvec
