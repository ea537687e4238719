// SPDX-License-Identifier: Apache-2.0
#include "dialects/tei/tei_messages.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>

#include "dialects/ranking.h"
#include "dialects/tei/tei_scores.h"
#include "dialects/tei/tei_style.h"
#include "output/vector.h"
#include "service/embed_call.h"

namespace nestvec {
namespace {

void require_inputs(std::string_view inputs) {
  if (inputs.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "`inputs` cannot be empty: expected the text of this call");
  }
}

Truncation read_truncation(bool truncate, tei::v1::TruncationDirection direction) {
  if (!tei::v1::TruncationDirection_IsValid(direction)) {
    throw Error(ErrorCode::kInvalidArgument, "`truncation_direction` is " +
                                                 std::to_string(static_cast<int>(direction)) +
                                                 ": expected 0 (right) or 1 (left)");
  }
  if (!truncate) return Truncation::kError;
  return direction == tei::v1::TRUNCATION_DIRECTION_LEFT ? Truncation::kLeft : Truncation::kRight;
}

// What both kinds of embedding have in common.
template <typename Request>
EmbedOptions read_common(const Request& request, const ModelInfo& model) {
  require_inputs(request.inputs());
  EmbedOptions options;
  options.truncation = read_truncation(request.truncate(), request.truncation_direction());
  if (request.has_prompt_name()) {
    options.task = resolve_prompt(request.prompt_name(), model, "prompt_name");
  }
  return options;
}

std::uint64_t nanoseconds(double seconds) {
  return static_cast<std::uint64_t>(std::llround(std::max(seconds, 0.0) * 1e9));
}

void write_cost(const TeCost& cost, tei::v1::Metadata* metadata) {
  const std::uint32_t tokens = std::accumulate(cost.tokens.begin(), cost.tokens.end(), 0U);
  metadata->set_compute_chars(static_cast<std::uint32_t>(cost.characters));
  metadata->set_compute_tokens(tokens);
  metadata->set_total_time_ns(nanoseconds(cost.total));
  metadata->set_tokenization_time_ns(nanoseconds(cost.timing.tokenize));
  metadata->set_queue_time_ns(nanoseconds(cost.timing.queue));
  metadata->set_inference_time_ns(nanoseconds(cost.timing.compute));
}

// What all requests for scores have in common.
template <typename Request>
ScoreCall read_call(const Request& request, const ModelInfo& model) {
  ScoreCall call;
  call.options.truncation = read_truncation(request.truncate(), request.truncation_direction());
  call.options.activation = usual_activation(request.raw_scores(), model);
  return call;
}

}  // namespace

EmbedOptions read_options(const tei::v1::EmbedRequest& request, const ModelInfo& model) {
  EmbedOptions options = read_common(request, model);
  options.normalize = request.has_normalize() ? request.normalize() : true;
  if (!request.has_dimensions()) return options;
  options.dimensions = request.dimensions();
  if (options.dimensions == 0 || options.dimensions > most_dimensions(model)) {
    throw Error(ErrorCode::kInvalidArgument,
                "`dimensions` is " + std::to_string(options.dimensions) + ": expected 1 to " +
                    std::to_string(most_dimensions(model)));
  }
  return options;
}

EmbedOptions read_options(const tei::v1::EmbedAllRequest& request, const ModelInfo& model) {
  return read_common(request, model);
}

EmbedOptions read_options(const tei::v1::EmbedSparseRequest& request, const ModelInfo& model) {
  EmbedOptions options = read_common(request, model);
  options.dense = false;
  options.sparse = true;
  return options;
}

ScoreCall read_scores(const tei::v1::PredictRequest& request, const ModelInfo& model) {
  require_inputs(request.inputs());
  ScoreCall call = read_call(request, model);
  call.pairs.push_back({request.inputs()});
  return call;
}

ScoreCall read_scores(const tei::v1::PredictPairRequest& request, const ModelInfo& model) {
  if (request.inputs_size() != 2) {
    throw Error(ErrorCode::kInvalidArgument, "`inputs` has " +
                                                 std::to_string(request.inputs_size()) +
                                                 " texts: expected the two of a pair");
  }
  if (request.inputs(0).empty()) require_inputs(request.inputs(1));
  ScoreCall call = read_call(request, model);
  call.pairs.push_back({request.inputs(0), request.inputs(1)});
  return call;
}

ScoreCall read_scores(const tei::v1::RerankRequest& request, const ModelInfo& model,
                      std::size_t max_inputs) {
  const auto count = static_cast<std::size_t>(request.texts_size());
  if (count == 0) throw Error(ErrorCode::kInvalidArgument, "`texts` cannot be empty");
  if (request.query().empty()) throw Error(ErrorCode::kInvalidArgument, "`query` cannot be empty");
  if (count > max_inputs) throw BatchSizeError(count, max_inputs, "texts");
  ScoreCall call = read_call(request, model);
  call.query = request.query();
  call.documents.assign(request.texts().begin(), request.texts().end());
  return call;
}

void collect_rank(const tei::v1::RerankStreamRequest& message, tei::v1::RerankRequest* all) {
  if (all->texts().empty()) {
    all->set_query(message.query());
    all->set_truncate(message.truncate());
    all->set_raw_scores(message.raw_scores());
    all->set_return_text(message.return_text());
    all->set_truncation_direction(message.truncation_direction());
  } else if (message.query() != all->query()) {
    throw Error(ErrorCode::kInvalidArgument,
                "`query` of message " + std::to_string(all->texts_size()) +
                    " is not that of the first: expected the texts of one query; send a stream "
                    "for each query");
  }
  all->add_texts(message.text());
}

std::string read_text(const tei::v1::EncodeRequest& request, const ModelInfo& model) {
  require_inputs(request.inputs());
  if (!request.has_prompt_name()) return request.inputs();
  std::string task = resolve_prompt(request.prompt_name(), model, "prompt_name");
  if (task.empty()) task = model.default_task;
  const auto found = std::find_if(model.tasks.begin(), model.tasks.end(),
                                  [&task](const TaskInfo& info) { return info.name == task; });
  return found == model.tasks.end() ? request.inputs() : found->prompt + request.inputs();
}

void write_embedding(const Embeddings& rows, const TeCost& cost, tei::v1::EmbedResponse* response) {
  response->mutable_embeddings()->Add(rows.values.begin(), rows.values.end());
  write_cost(cost, response->mutable_metadata());
}

void write_token_embeddings(const TokenEmbeddings& tokens, const TeCost& cost,
                            tei::v1::EmbedAllResponse* response) {
  const std::span<const float> values = tokens.values;
  response->mutable_token_embeddings()->Reserve(static_cast<int>(tokens.tokens));
  for (std::size_t i = 0; i < tokens.tokens; ++i) {
    const auto row = values.subspan(i * tokens.width, tokens.width);
    response->add_token_embeddings()->mutable_embeddings()->Add(row.begin(), row.end());
  }
  write_cost(cost, response->mutable_metadata());
}

void write_sparse(const SparseVectors& row, const TeCost& cost,
                  tei::v1::EmbedSparseResponse* response) {
  response->mutable_sparse_embeddings()->Reserve(static_cast<int>(row.indices.size()));
  for (std::size_t i = 0; i < row.indices.size(); ++i) {
    tei::v1::SparseValue* value = response->add_sparse_embeddings();
    value->set_index(row.indices[i]);
    value->set_value(row.weights[i]);
  }
  write_cost(cost, response->mutable_metadata());
}

void write_predictions(const Scores& scores, const ModelInfo& model, const TeCost& cost,
                       tei::v1::PredictResponse* response) {
  for (const std::size_t place : ranking_of(scores.values, Ties::kLast)) {
    tei::v1::Prediction* prediction = response->add_predictions();
    prediction->set_score(scores.values[place]);
    prediction->set_label(model.labels.at(place));
  }
  write_cost(cost, response->mutable_metadata());
}

void write_ranks(const Scores& scores, const tei::v1::RerankRequest& request, const TeCost& cost,
                 tei::v1::RerankResponse* response) {
  for (const std::size_t place : ranking_of(scores.values, Ties::kLast)) {
    tei::v1::Rank* rank = response->add_ranks();
    rank->set_index(static_cast<std::uint32_t>(place));
    if (request.return_text()) rank->set_text(request.texts(static_cast<int>(place)));
    rank->set_score(scores.values[place]);
  }
  write_cost(cost, response->mutable_metadata());
}

void write_tokens(const Model& model, std::string_view text, bool add_special,
                  tei::v1::EncodeResponse* response) {
  const TokenizedText tokens = model.tokenize(text, add_special);
  response->mutable_tokens()->Reserve(static_cast<int>(tokens.ids.size()));
  for (std::size_t i = 0; i < tokens.ids.size(); ++i) {
    tei::v1::SimpleToken* token = response->add_tokens();
    token->set_id(tokens.ids[i]);
    token->set_special(tokens.special[i] != 0);
    if (token->special()) {
      token->set_text(std::string(model.token(tokens.ids[i])));
      continue;
    }
    const auto [begin, end] = tokens.offsets[i];
    token->set_text(std::string(text.substr(begin, end - begin)));
    token->set_start(begin);
    token->set_stop(end);
  }
}

}  // namespace nestvec
