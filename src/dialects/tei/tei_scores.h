// SPDX-License-Identifier: Apache-2.0
// /rerank, /predict and /embed_sparse of text-embeddings-inference: bodies to calls, scores to
// answers. No model is needed.
#pragma once

#include <cstddef>
#include <string>

#include "base/pace.h"
#include "dialects/inputs.h"
#include "dialects/tei/tei_request.h"
#include "service/score_call.h"

namespace nestvec {

// The readers throw RequestError as those of tei_request.h.

// query, texts, truncate (null: as the server does), truncation_direction, raw_scores, return_text.
struct TeiRank {
  ScoreCall call;
  bool return_text = false;
  std::size_t characters = 0;  // of all pairs
};
TeiRank read_tei_rank(const JsonValue& body, const InputRules& rules);

// inputs: a text, a pair as a list of two, or a list of lists that have one text or two.
struct TeiPredict {
  ScoreCall call;
  bool batch = false;  // a list of lists came
  std::size_t characters = 0;
};
TeiPredict read_tei_predict(const JsonValue& body, const InputRules& rules);

// Code points of a call's texts; a query counts with each document.
std::size_t count_characters(const ScoreCall& call);

// The most bytes of the answers below.
std::size_t most_of_ranks(const ScoreCall& call, bool with_texts);
std::size_t most_of_predictions(const ScoreCall& call, const ModelInfo& model);

// [{"index","text","score"},...], best first, of equal scores the last first. `texts` is empty
// where they are not wanted.
std::string render_tei_ranks(const Scores& scores, std::span<const std::string> texts);
// [{"score","label"},...], best first; of a batch a list of these. Spends a step a score.
std::string render_tei_predictions(const Scores& scores, bool batch, const ModelInfo& model,
                                   Pace& pace);
// [[{"index","value"},...],...], indices rising. Spends a step a number.
std::string render_tei_sparse(const Embeddings& rows, Pace& pace);

}  // namespace nestvec
