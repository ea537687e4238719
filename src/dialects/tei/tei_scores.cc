// SPDX-License-Identifier: Apache-2.0
#include "dialects/tei/tei_scores.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/json_writer.h"
#include "dialects/not_done.h"
#include "dialects/ranking.h"
#include "dialects/tei/tei_style.h"

namespace nestvec {
namespace {

using Kind = JsonValue::Kind;

// What stands around a text or a label, with the longest number.
constexpr std::size_t kScoreBytes = 64;

RequestError cannot_be_empty(const std::string& member) {
  return {ErrorCode::kInvalidArgument, "`" + member + "` cannot be empty", member, Fault::kEmpty};
}

constexpr std::string_view kInputs =
    "a string, a pair of strings, or a list of lists that have one string or two";

RequestError wrong_inputs(const JsonValue& value) {
  return {ErrorCode::kInvalidArgument, "`" + value.path() + "`: expected " + std::string(kInputs),
          value.path()};
}

ScoreOptions read_score_options(const JsonValue& body, const InputRules& rules) {
  const std::optional<JsonValue> parameters = body.find("parameters");
  if (parameters && parameters->kind() != Kind::kObject) {
    throw RequestError(ErrorCode::kInvalidArgument, "`parameters`: expected an object",
                       "parameters");
  }
  refuse_not_done(body, rules.model);
  if (parameters) refuse_not_done(*parameters, rules.model);
  const auto holder = [&](std::string_view member) -> const JsonValue& {
    return parameters && parameters->find(member) ? *parameters : body;
  };
  ScoreOptions options;
  options.truncation =
      read_tei_truncation(holder("truncate"), holder("truncation_direction"), rules);
  const bool raw = bool_member(holder("raw_scores"), "raw_scores").value_or(false);
  options.activation = usual_activation(raw, rules.model);
  task_of_model(body, rules);  // server.strict_model
  return options;
}

// One text, or two.
ScoreCall::Pair read_pair(const JsonValue& value) {
  ScoreCall::Pair pair;
  if (value.kind() == Kind::kString) {
    pair.first = value.string();
  } else {
    const std::size_t size = value.kind() == Kind::kArray ? value.size() : 0;
    if (size != 1 && size != 2) throw wrong_inputs(value);
    const std::vector<JsonValue> texts = value.elements();
    pair.first = read_string(texts[0]);
    if (size == 2) pair.second = read_string(texts[1]);
  }
  if (pair.first.empty() && (!pair.second || pair.second->empty())) {
    throw cannot_be_empty(value.path());
  }
  return pair;
}

// Whether a list has lists; without a look at more than its first element.
bool begins_with_list(const JsonValue& list) {
  bool first = true;
  bool found = false;
  list.for_each_element([&](const auto& element) {
    if (std::exchange(first, false)) found = element.is_array();
  });
  return found;
}

void append_prediction(float score, std::string_view label, std::string& out) {
  JsonObject prediction(out);
  append_json_number(score, prediction.key("score"));
  prediction.text("label", label);
  prediction.end();
}

}  // namespace

TeiRank read_tei_rank(const JsonValue& body, const InputRules& rules) {
  TeiRank rank;
  ScoreCall& call = rank.call;
  call.param = "texts";
  const JsonValue texts = required_member(body, "texts");
  if (texts.kind() != Kind::kArray) {
    throw RequestError(ErrorCode::kInvalidArgument, "`texts`: expected a list of strings", "texts");
  }
  const std::size_t count = texts.size();
  if (count == 0) throw CountedError("validation", cannot_be_empty("texts"));
  if (count > rules.max_inputs) throw BatchSizeError(count, rules.max_inputs, "texts");
  call.query = read_string(required_member(body, "query"));
  if (call.query.empty()) throw cannot_be_empty("query");
  call.documents.reserve(count);
  for (const JsonValue& text : texts.elements()) call.documents.emplace_back(read_string(text));
  rank.return_text = bool_member(body, "return_text").value_or(false);
  call.options = read_score_options(body, rules);
  rank.characters = count_characters(call);
  return rank;
}

TeiPredict read_tei_predict(const JsonValue& body, const InputRules& rules) {
  TeiPredict predict;
  ScoreCall& call = predict.call;
  call.param = "inputs";
  const JsonValue inputs = required_member(body, "inputs");
  const bool is_list = inputs.kind() == Kind::kArray;
  if (!is_list && inputs.kind() != Kind::kString) throw wrong_inputs(inputs);
  if (is_list && inputs.size() == 0) {
    throw CountedError("validation", cannot_be_empty("inputs"));
  }
  predict.batch = is_list && begins_with_list(inputs);
  if (predict.batch) {
    if (inputs.size() > rules.max_inputs) {
      throw BatchSizeError(inputs.size(), rules.max_inputs, "inputs");
    }
    call.pairs.reserve(inputs.size());
    for (const JsonValue& input : inputs.elements()) {
      if (input.kind() != Kind::kArray) throw wrong_inputs(input);
      call.pairs.push_back(read_pair(input));
    }
  } else {
    call.pairs.push_back(read_pair(inputs));
  }
  call.options = read_score_options(body, rules);
  predict.characters = count_characters(call);
  return predict;
}

std::size_t count_characters(const ScoreCall& call) {
  const auto of = [](const std::string& text) { return count_characters(std::span(&text, 1)); };
  std::size_t count = call.documents.size() * of(call.query) + count_characters(call.documents);
  for (const ScoreCall::Pair& pair : call.pairs) {
    count += of(pair.first) + (pair.second ? of(*pair.second) : 0);
  }
  return count;
}

std::size_t most_of_ranks(const ScoreCall& call, bool with_texts) {
  return call.size() * kScoreBytes + (with_texts ? json_size(call.documents) : 0);
}

std::size_t most_of_predictions(const ScoreCall& call, const ModelInfo& model) {
  return call.size() * (model.labels.size() * kScoreBytes + json_size(model.labels));
}

std::string render_tei_ranks(const Scores& scores, std::span<const std::string> texts) {
  std::string out;
  JsonArray ranks(out);
  for (const std::size_t place : ranking_of(scores.values, Ties::kLast)) {
    JsonObject rank(ranks.next());
    rank.count("index", place);
    if (!texts.empty()) rank.text("text", texts[place]);
    append_json_number(scores.values[place], rank.key("score"));
    rank.end();
  }
  ranks.end();
  return out;
}

std::string render_tei_predictions(const Scores& scores, bool batch, const ModelInfo& model,
                                   Pace& pace) {
  std::string out;
  JsonArray rows(out);
  for (std::size_t i = 0; i < scores.rows; ++i) {
    pace.spend(scores.width);
    const auto row = std::span(scores.values).subspan(i * scores.width, scores.width);
    JsonArray predictions(rows.next());
    for (const std::size_t place : ranking_of(row, Ties::kLast)) {
      append_prediction(row[place], model.labels.at(place), predictions.next());
    }
    predictions.end();
  }
  rows.end();
  return batch ? out : out.substr(1, out.size() - 2);
}

std::string render_tei_sparse(const Embeddings& rows, Pace& pace) {
  const SparseVectors& sparse = rows.sparse;
  std::string out;
  JsonArray texts(out);
  for (std::size_t i = 0; i < rows.rows; ++i) {
    pace.spend(sparse.starts[i + 1] - sparse.starts[i] + 1);
    JsonArray entries(texts.next());
    for (std::size_t k = sparse.starts[i]; k < sparse.starts[i + 1]; ++k) {
      JsonObject entry(entries.next());
      entry.count("index", sparse.indices[k]);
      append_json_number(sparse.weights[k], entry.key("value"));
      entry.end();
    }
    entries.end();
  }
  texts.end();
  return out;
}

}  // namespace nestvec
