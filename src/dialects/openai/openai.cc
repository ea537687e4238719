// SPDX-License-Identifier: Apache-2.0
#include "dialects/openai/openai.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/json_writer.h"
#include "service/http_call.h"
#include "service/model_name.h"
#include "service/served_models.h"

namespace nestvec {
namespace {

// What can be asked of it, in Infinity's words where it has some.
std::vector<std::string> capabilities_of(const ModelInfo& model) {
  std::vector<std::string> capabilities;
  if (is_of_kind(model, ModelKind::kEmbed)) capabilities.emplace_back("embed");
  if (is_of_kind(model, ModelKind::kSparse)) capabilities.emplace_back("embed_sparse");
  if (is_of_kind(model, ModelKind::kMultiVector)) capabilities.emplace_back("embed_multi_vector");
  if (is_of_kind(model, ModelKind::kRerank)) capabilities.emplace_back("rerank");
  if (is_of_kind(model, ModelKind::kClassify)) capabilities.emplace_back("classify");
  return capabilities;
}

// By one of its names. `created` is asked for by OpenAI's clients; here it is when the server
// began. `task` is what the name asks for, empty where it asks for none.
std::string model_object(std::string_view name, std::string_view task, const ModelInfo& model,
                         std::int64_t created) {
  std::vector<std::string> tasks;
  for (const TaskInfo& each : model.tasks) tasks.push_back(each.name);
  std::string out;
  JsonObject object(out);
  object.text("id", name);
  object.text("object", "model");
  object.integer("created", created);
  object.text("owned_by", "nestvec");
  object.count("dimensions", model.dimensions);
  object.count("max_tokens", model.max_tokens);
  object.counts("matryoshka_dimensions", model.matryoshka_dimensions);
  object.texts("tasks", tasks);
  object.text("default_task", task.empty() ? std::string_view(model.default_task) : task);
  object.texts("capabilities", capabilities_of(model));
  if (!model.labels.empty()) object.texts("labels", model.labels);
  object.end();
  return out;
}

void one_model(const Exchange& exchange, std::int64_t created) {
  const std::string& name = exchange.parameters.front();
  const ServedModels::Lease served = require_model(exchange.service, name);
  const ModelInfo& model = served->model.info();
  const std::string task = task_of_name(name, model, true, "model", served->aliases);
  HttpResponse response;
  response.body =
      model_object(task.empty() ? model.id : model.id + ":" + task, task, model, created);
  exchange.respond(std::move(response));
}

void models(const Exchange& exchange, std::int64_t created) {
  HttpResponse response;
  JsonObject body(response.body);
  body.text("object", "list");
  JsonArray data(body.key("data"));
  for (const ServedModels::Lease& served : all_models(exchange.service)) {
    const ModelInfo& model = served->model.info();
    data.next() += model_object(model.id, "", model, created);
    for (const TaskInfo& task : model.tasks) {
      data.next() += model_object(model.id + ":" + task.name, task.name, model, created);
    }
    for (const std::string& alias : served->aliases) {
      data.next() += model_object(alias, "", model, created);
    }
  }
  data.end();
  body.end();
  exchange.respond(std::move(response));
}

// Azure's clients name the model in the path.
void answer_deployment(Exchange given) {
  const JsonDocument body = read_json_body(*given.request);
  const std::string name = given.parameters.front();
  Exchange exchange = for_model(std::move(given), name, ModelKind::kEmbed);
  const InputRules rules = input_rules(exchange);
  const std::string task =
      task_of_name(name, rules.model, rules.strict_model, "model", rules.aliases);
  OpenAiRequest request = open_openai_request(body.root(), exchange.service, caller_of(exchange));
  if (request.call.options.task.empty()) request.call.options.task = task;
  answer_openai(std::move(exchange), std::move(request));
}

void answer_vectors(Exchange given, OpenAiVectors usual) {
  const JsonDocument body = read_json_body(*given.request);
  const std::vector<ModelKind> kinds = wanted_kinds(body.root(), usual);
  Exchange exchange = for_model(std::move(given), model_member(body.root()), kinds);
  OpenAiRequest request =
      open_openai_request(body.root(), exchange.service, caller_of(exchange), usual);
  answer_openai(std::move(exchange), std::move(request));
}

void answer_multi_vector(Exchange exchange) {
  answer_vectors(std::move(exchange), OpenAiVectors::kOfTokens);
}

}  // namespace

void answer_embeddings(Exchange exchange) {
  answer_vectors(std::move(exchange), OpenAiVectors::kDense);
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
  const RouteHandler list = [created](const Exchange& exchange) { models(exchange, created); };
  std::vector<Route> routes = {
      {"POST", "/v1/embeddings", answer_embeddings, errors},
      {"POST", "/v1/multi-vector", answer_multi_vector, errors},
      {"GET", "/v1/models", list, errors},
      {"GET", "/v1/models/{}", [created](const Exchange& e) { one_model(e, created); }, errors},
      {"GET", "/models", list, errors},
      {"GET", "/models/{}", [created](const Exchange& e) { one_model(e, created); }, errors},
      {"POST", "/openai/deployments/{}/embeddings", answer_deployment, errors},
  };
  // OpenAI's API where Azure and OpenVINO Model Server have it.
  for (const std::string_view path : {"/openai/v1/embeddings", "/v3/embeddings"}) {
    routes.push_back({"POST", path, answer_embeddings, errors});
  }
  for (const std::string_view path : {"/openai/models", "/openai/v1/models", "/v3/models"}) {
    routes.push_back({"GET", path, list, errors});
  }
  return routes;
}

}  // namespace nestvec
