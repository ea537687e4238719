// SPDX-License-Identifier: Apache-2.0
#include "dialects/rerank/rerank.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

#include "base/json.h"
#include "base/json_writer.h"
#include "dialects/cohere/cohere.h"
#include "dialects/plain_errors.h"
#include "dialects/ranking.h"
#include "service/http_call.h"
#include "service/served_models.h"

namespace nestvec {
namespace {

class RerankErrors final : public ErrorStyle {
 public:
  HttpResponse render(const Error& error) const override {
    HttpResponse response = openai_errors().render(error);
    std::string more;
    JsonObject members(more);
    members.text("message", error.what());
    members.end();
    response.body.back() = ',';
    response.body.append(more, 1);
    return response;
  }
};

// Cohere bills a search unit for a query with up to 100 documents.
void append_meta(RerankApi api, std::size_t documents, JsonObject& body) {
  constexpr std::size_t kUnit = 100;
  JsonObject meta(body.key("meta"));
  JsonObject version(meta.key("api_version"));
  version.text("version", api == RerankApi::kV2 ? "2" : "1");
  version.end();
  JsonObject units(meta.key("billed_units"));
  units.count("search_units", (documents + kUnit - 1) / kUnit);
  units.end();
  meta.end();
}

// As the caller has it on Jina's route; else what the route's clients can bear: a text or an
// object.
void append_document(const RerankAnswer& answer, std::size_t place, JsonObject& result) {
  const std::string& text = answer.documents[place];
  const bool as_it_came = answer.api == RerankApi::kV1 && !answer.objects[place];
  if (as_it_came || answer.api == RerankApi::kInfinity) return result.text("document", text);
  JsonObject document(result.key("document"));
  document.text("text", text);
  document.end();
}

// What Weaviate reads: the documents with their scores, in their order.
void append_scores(const RerankAnswer& answer, std::span<const float> scores, JsonObject& body) {
  body.text("query", answer.query);
  JsonArray list(body.key("scores"));
  for (std::size_t i = 0; i < scores.size(); ++i) {
    JsonObject entry(list.next());
    entry.text("document", answer.documents[i]);
    append_json_number(scores[i], entry.key("score"));
    entry.end();
  }
  list.end();
}

void answer_score(Exchange given) {
  const JsonDocument document = read_json_body(*given.request);
  Exchange exchange =
      for_model(std::move(given), model_member(document.root()), ModelKind::kRerank);
  const ModelInfo& model = exchange.service.model.info();
  ScoreCall call = read_score(document.root(), input_rules(exchange));
  constexpr std::size_t kEntry = 80;
  const std::size_t most = json_size(model.id) + (call.size() + 4) * kEntry;
  RenderScores render = [id = exchange.request->id, &model](const CallRows& scored, Pace&) {
    HttpResponse response;
    response.body = render_score(id, unix_seconds(), scored, model);
    return response;
  };
  run_scores(std::move(exchange), std::move(call), most, std::move(render));
}

RouteHandler handler_of(RerankApi api) {
  return [api](Exchange exchange) {
    const JsonDocument document = read_json_body(*exchange.request);
    answer_rerank(std::move(exchange), document.root(), api);
  };
}

}  // namespace

const ErrorStyle& rerank_errors() {
  static const RerankErrors kStyle;
  return kStyle;
}

void answer_rerank(Exchange given, const JsonValue& body, RerankApi api) {
  Exchange exchange = for_model(std::move(given), model_member(body), ModelKind::kRerank);
  const ModelInfo& model = exchange.service.model.info();
  RerankRequest request = read_rerank(body, input_rules(exchange));
  if (api == RerankApi::kPlain && body.find("raw_scores")) api = RerankApi::kInfinity;
  RerankAnswer answer{.api = api,
                      .id = exchange.request->id,
                      .created = unix_seconds(),
                      .top = request.top,
                      .documents = {},
                      .objects = std::move(request.objects)};
  if (api == RerankApi::kPlain && is_weaviate_rerank(body)) answer.query = request.call.query;
  if (request.return_documents || !answer.query.empty()) answer.documents = request.call.documents;
  const std::size_t most = most_of_rerank(answer, request.call.size()) + json_size(model.id);
  RenderScores render = [answer = std::move(answer), &model](const CallRows& scored, Pace&) {
    HttpResponse response;
    response.body = render_rerank(answer, scored, model);
    return response;
  };
  run_scores(std::move(exchange), std::move(request.call), most, std::move(render));
}

std::string render_rerank(const RerankAnswer& answer, const CallRows& scored,
                          const ModelInfo& model) {
  const std::span<const float> scores = scored.scores.values;
  std::vector<std::size_t> ranking = ranking_of(scores, Ties::kFirst);
  if (answer.top > 0 && answer.top < ranking.size()) ranking.resize(answer.top);
  const bool for_weaviate = !answer.query.empty();
  std::string out;
  JsonObject body(out);
  body.text("id", answer.id);
  const bool for_infinity = answer.api == RerankApi::kInfinity;
  body.text("object", for_infinity ? "rerank" : "list");
  if (for_infinity) body.integer("created", answer.created);
  body.text("model", model.id);
  JsonArray results(body.key("results"));
  for (const std::size_t place : ranking) {
    JsonObject result(results.next());
    result.count("index", place);
    append_json_number(scores[place], result.key("relevance_score"));
    if (!answer.documents.empty() && !for_weaviate) append_document(answer, place, result);
    result.end();
  }
  results.end();
  if (for_weaviate) append_scores(answer, scores, body);
  append_score_usage(scored.rows, body);
  append_meta(answer.api, scores.size(), body);
  body.end();
  return out;
}

std::size_t most_of_rerank(const RerankAnswer& answer, std::size_t documents) {
  // What stands around a document, twice for Weaviate, with its place among those that were cut.
  constexpr std::size_t kEntry = 160;
  constexpr std::size_t kBody = 512;
  return kBody + documents * kEntry + json_size(answer.documents) + json_size(answer.query);
}

std::string render_score(const std::string& id, std::int64_t created, const CallRows& scored,
                         const ModelInfo& model) {
  const std::span<const float> scores = scored.scores.values;
  std::string out;
  JsonObject body(out);
  body.text("id", id);
  body.text("object", "list");
  body.integer("created", created);
  body.text("model", model.id);
  JsonArray data(body.key("data"));
  for (std::size_t i = 0; i < scores.size(); ++i) {
    JsonObject entry(data.next());
    entry.count("index", i);
    entry.text("object", "score");
    append_json_number(scores[i], entry.key("score"));
    entry.end();
  }
  data.end();
  append_score_usage(scored.rows, body);
  body.end();
  return out;
}

std::vector<Route> rerank_routes(const Service&) {
  return {
      {"POST", "/v1/rerank", handler_of(RerankApi::kV1), &rerank_errors()},
      {"POST", "/v2/rerank", handler_of(RerankApi::kV2), &cohere_errors()},
      {"POST", "/score", answer_score, &openai_errors()},
      {"POST", "/v1/score", answer_score, &openai_errors()},
  };
}

}  // namespace nestvec
