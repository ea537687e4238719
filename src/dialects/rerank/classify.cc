// SPDX-License-Identifier: Apache-2.0
#include "dialects/rerank/classify.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

#include "base/json.h"
#include "base/json_writer.h"
#include "dialects/not_done.h"
#include "dialects/ranking.h"
#include "dialects/rerank/rerank_request.h"
#include "service/http_call.h"
#include "service/served_models.h"

namespace nestvec {
namespace {

constexpr std::string_view kOwnLabels = "a classifier has labels of its own; leave it out";
constexpr NotDone kNotOfClassify[] = {
    {"labels", kOwnLabels, is_never},
    {"classifier_id", kOwnLabels, is_never},
    {"activation", "use `use_activation`", is_true},
    {"softmax", "use `use_activation`", is_true},
    {"inputs", "this route reads `input`", is_never},
    {"truncate_prompt_tokens", "texts are cut at the model's limit only", is_model_limit},
};

void append_class(std::size_t index, std::span<const float> scores, const ModelInfo& model,
                  std::string& out) {
  const std::size_t best = ranking_of(scores, Ties::kFirst).front();
  JsonObject entry(out);
  entry.count("index", index);
  entry.text("label", model.labels.at(best));
  append_json_numbers(scores, entry.key("probs"));
  entry.count("num_classes", scores.size());
  entry.end();
}

void append_labels(std::span<const float> scores, const ModelInfo& model, std::string& out) {
  JsonArray labels(out);
  for (const std::size_t place : ranking_of(scores, Ties::kFirst)) {
    JsonObject entry(labels.next());
    append_json_number(scores[place], entry.key("score"));
    entry.text("label", model.labels.at(place));
    entry.end();
  }
  labels.end();
}

void answer_classify(Exchange given) {
  const JsonDocument document = read_json_body(*given.request);
  Exchange exchange =
      for_model(std::move(given), model_member(document.root()), ModelKind::kClassify);
  const ModelInfo& model = exchange.service.model.info();
  ClassifyRequest request = read_classify(document.root(), input_rules(exchange));
  ClassifyAnswer answer{
      .for_infinity = request.for_infinity, .id = exchange.request->id, .created = unix_seconds()};
  const std::size_t most = most_of_classes(request.call.size(), model);
  RenderScores render = [answer = std::move(answer), &model](const CallRows& scored, Pace& pace) {
    HttpResponse response;
    response.body = render_classes(answer, scored, model, pace);
    return response;
  };
  run_scores(std::move(exchange), std::move(request.call), most, std::move(render));
}

}  // namespace

ClassifyRequest read_classify(const JsonValue& body, const InputRules& rules) {
  ClassifyRequest request;
  ScoreCall& call = request.call;
  refuse_not_done(body, rules.model, kNotOfClassify);
  EmbedCall texts;
  read_inputs(required_member(body, "input"), "input", rules, texts);
  if (!texts.tasks.empty()) {
    throw RequestError(ErrorCode::kInvalidArgument,
                       "input: a classifier has no tasks; leave them out", "input");
  }
  call.param = "input";
  call.pairs.reserve(texts.texts.size());
  for (std::string& text : texts.texts) call.pairs.push_back({.first = std::move(text)});
  call.options.truncation = read_pair_truncation(body, rules);
  call.options.activation = usual_activation(wants_raw_scores(body), rules.model);
  request.for_infinity = body.find("raw_scores").has_value();
  task_of_model(body, rules);  // server.strict_model
  return request;
}

std::string render_classes(const ClassifyAnswer& answer, const CallRows& scored,
                           const ModelInfo& model, Pace& pace) {
  const Scores& scores = scored.scores;
  std::string out;
  JsonObject body(out);
  body.text("id", answer.id);
  body.text("object", answer.for_infinity ? "classify" : "list");
  body.integer("created", answer.created);
  body.text("model", model.id);
  JsonArray data(body.key("data"));
  for (std::size_t i = 0; i < scores.rows; ++i) {
    pace.spend(scores.width);
    const auto row = std::span(scores.values).subspan(i * scores.width, scores.width);
    if (answer.for_infinity) {
      append_labels(row, model, data.next());
    } else {
      append_class(i, row, model, data.next());
    }
  }
  data.end();
  append_score_usage(scored.rows, body);
  body.end();
  return out;
}

std::size_t most_of_classes(std::size_t texts, const ModelInfo& model) {
  constexpr std::size_t kBody = 512;
  constexpr std::size_t kEntry = 96;  // what stands around a text's scores, and among the cut ones
  constexpr std::size_t kScore = 48;  // a score, and what stands around it and its label
  const std::size_t of_text = kEntry + model.labels.size() * kScore + json_size(model.labels);
  return kBody + json_size(model.id) + texts * of_text;
}

std::vector<Route> classify_routes(const Service&) {
  return {
      {"POST", "/classify", answer_classify, &openai_errors()},
      {"POST", "/v1/classify", answer_classify, &openai_errors()},
  };
}

}  // namespace nestvec
