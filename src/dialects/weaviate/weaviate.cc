// SPDX-License-Identifier: Apache-2.0
#include "dialects/weaviate/weaviate.h"

#include <utility>

#include "base/json_writer.h"

namespace nestvec {
namespace {

class WeaviateErrors final : public ErrorStyle {
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

void vectors(Exchange exchange) {
  const JsonDocument document = read_json_body(*exchange.request);
  EmbedCall call = read_weaviate(document.root(), input_rules(exchange));
  RenderRows render = [text = call.texts.front()](const Embeddings& rows, Pace&) {
    HttpResponse response;
    JsonObject members(response.body);
    members.text("text", text);
    append_json_numbers(rows.values, members.key("vector"));
    members.count("dim", rows.width);
    members.end();
    return response;
  };
  run_embed(std::move(exchange), std::move(call), std::move(render));
}

// Weaviate shows it to its own users as it is.
void meta(const Exchange& exchange) {
  const ModelInfo& model = exchange.service.model.info();
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
  call.param = "text";
  call.options.truncation = rules.overlong;
  const std::string_view text = read_string(required_member(body, "text"));
  call.texts.emplace_back(text);
  const auto config = body.find("config");
  if (!config) return call;
  if (config->kind() != JsonValue::Kind::kObject) {
    throw RequestError(ErrorCode::kInvalidArgument, "config: expected an object", "config");
  }
  call.options.task = resolve_task(string_member(*config, "task_type").value_or(""), rules.model,
                                   "config.task_type");
  const auto dimensions = config->find("dimensions");
  if (dimensions && read_integer(*dimensions) != 0) {  // 0 is how Go's clients leave it out
    call.options.dimensions = read_dimensions(*dimensions, rules.model, "config.dimensions");
  }
  return call;
}

std::vector<Route> weaviate_routes(const Service&) {
  const ErrorStyle* errors = &weaviate_errors();
  return {
      {"POST", "/vectors", vectors, errors},
      {"GET", "/meta", meta, errors},
  };
}

const ErrorStyle& weaviate_errors() {
  static const WeaviateErrors kStyle;
  return kStyle;
}

}  // namespace nestvec
