// SPDX-License-Identifier: Apache-2.0
#include "dialects/openai/openai.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/excerpt.h"
#include "base/json_writer.h"
#include "service/http_call.h"

namespace nestvec {
namespace {

// `created` is asked for by OpenAI's clients; here it is when the server began.
std::string model_object(const ModelInfo& model, std::int64_t created) {
  std::vector<std::string> tasks;
  for (const TaskInfo& task : model.tasks) tasks.push_back(task.name);
  std::string out;
  JsonObject object(out);
  object.text("id", model.id);
  object.text("object", "model");
  object.integer("created", created);
  object.text("owned_by", "nestvec");
  object.count("dimensions", model.dimensions);
  object.count("max_tokens", model.max_tokens);
  object.counts("matryoshka_dimensions", model.matryoshka_dimensions);
  object.texts("tasks", tasks);
  object.text("default_task", model.default_task);
  object.end();
  return out;
}

// "jina-embeddings-v3" is also "jinaai/jina-embeddings-v3".
bool is_name_of(std::string_view name, const ModelInfo& model) {
  return name == model.id || name.substr(name.rfind('/') + 1) == model.id;
}

void one_model(const Exchange& exchange, std::int64_t created) {
  const ModelInfo& model = exchange.service.model.info();
  const std::string& name = exchange.parameters.front();
  if (!is_name_of(name, model)) {
    throw RequestError(ErrorCode::kNotFound,
                       "there is no model " + excerpt(name) + " here; this is " + model.id,
                       "model");
  }
  HttpResponse response;
  response.body = model_object(model, created);
  exchange.respond(std::move(response));
}

void models(const Exchange& exchange, std::int64_t created) {
  HttpResponse response;
  JsonObject body(response.body);
  body.text("object", "list");
  JsonArray data(body.key("data"));
  data.next() += model_object(exchange.service.model.info(), created);
  data.end();
  body.end();
  exchange.respond(std::move(response));
}

}  // namespace

void answer_embeddings(Exchange exchange) {
  const JsonDocument body = read_json_body(*exchange.request);
  OpenAiRequest request = open_openai_request(body.root(), exchange.service, caller_of(exchange));
  answer_openai(std::move(exchange), std::move(request));
}

void answer_openai(Exchange exchange, OpenAiRequest request, SettleRows settle) {
  const ModelInfo& model = exchange.service.model.info();
  EmbedCall call = take_call(request);
  run_embed(std::move(exchange), std::move(call),
            [&model, request = std::move(request), settle = std::move(settle)](
                const Embeddings& rows, Pace& pace) {
              HttpResponse response;
              response.body = render_openai(request, rows, model, pace);
              if (settle) settle(rows, response);
              return response;
            });
}

std::vector<Route> openai_routes(const Service&) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t created = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  const ErrorStyle* errors = &openai_errors();
  return {
      {"POST", "/v1/embeddings", answer_embeddings, errors},
      {"GET", "/v1/models", [created](const Exchange& e) { models(e, created); }, errors},
      {"GET", "/v1/models/{}", [created](const Exchange& e) { one_model(e, created); }, errors},
  };
}

}  // namespace nestvec
