// SPDX-License-Identifier: Apache-2.0
#include "dialects/weaviate/weaviate.h"

#include <utility>

#include "base/json_writer.h"
#include "dialects/not_done.h"
#include "dialects/plain_errors.h"
#include "dialects/tei/tei_render.h"
#include "service/served_models.h"

namespace nestvec {
namespace {

// {"text","vector","dim","dims"}; its containers write the third, its module reads the last.
HttpResponse render_one(const std::string& text, const Embeddings& rows) {
  HttpResponse response;
  JsonObject members(response.body);
  members.text("text", text);
  append_json_numbers(rows.values, members.key("vector"));
  members.count("dim", rows.width);
  members.count("dims", rows.width);
  members.end();
  return response;
}

HttpResponse render_list(const Embeddings& rows, Pace& pace) {
  HttpResponse response;
  JsonObject members(response.body);
  append_rows(rows.values, rows.width, members.key("vectors"), pace);
  members.count("dims", rows.width);
  members.end();
  return response;
}

void vectors(Exchange given) {
  const JsonDocument document = read_json_body(*given.request);
  Exchange exchange = for_model(std::move(given), model_member(document.root()), ModelKind::kEmbed);
  EmbedCall call = read_weaviate(document.root(), input_rules(exchange));
  RenderRows render = render_list;
  if (call.param == "text") {
    render = [text = call.texts.front()](const Embeddings& rows, Pace&) {
      return render_one(text, rows);
    };
  }
  run_embed(std::move(exchange), std::move(call), std::move(render));
}

// Weaviate shows it to its own users as it is.
void meta(const Exchange& exchange) {
  const ServedModels::Lease served = model_for(exchange.service, "", ModelKind::kEmbed);
  const ModelInfo& model = served->model.info();
  HttpResponse response;
  JsonObject members(response.body);
  members.text("model_name", model.id);
  members.text("model_type", model.family);
  members.count("dimensions", model.dimensions);
  members.count("max_position_embeddings", model.max_tokens);
  members.text("pooling", model.pooling);
  members.text("nestvec_version", exchange.service.version);
  members.end();
  exchange.respond(std::move(response));
}

}  // namespace

EmbedCall read_weaviate(const JsonValue& body, const InputRules& rules) {
  EmbedCall call;
  refuse_not_done(body, rules.model);
  call.options.task = task_of_model(body, rules);
  call.options.truncation = rules.overlong;
  if (const auto texts = body.find("texts")) {
    string_member(body, "text");  // its type is checked
    read_inputs(*texts, "texts", rules, call);
  } else {
    call.param = "text";
    call.texts.emplace_back(read_string(required_member(body, "text")));
  }
  const auto config = body.find("config");
  if (!config) return call;
  if (config->kind() != JsonValue::Kind::kObject) {
    throw RequestError(ErrorCode::kInvalidArgument, "config: expected an object", "config");
  }
  refuse_not_done(*config, rules.model);
  std::string task = resolve_task(string_member(*config, "task_type").value_or(""), rules.model,
                                  "config.task_type");
  if (!task.empty()) call.options.task = std::move(task);
  const auto dimensions = config->find("dimensions");
  if (dimensions && read_integer(*dimensions) != 0) {  // 0 is how Go's clients leave it out
    call.options.dimensions = read_dimensions(*dimensions, rules.model, "config.dimensions");
  }
  return call;
}

std::vector<Route> weaviate_routes(const Service&) {
  const ErrorStyle* errors = &plain_errors();
  return {
      {"POST", "/vectors", vectors, errors},
      {"GET", "/meta", meta, errors},
  };
}

}  // namespace nestvec
