// SPDX-License-Identifier: Apache-2.0
// The messages of tei.v1 and what they mean to the model. No transport and no model is needed.
#pragma once

#include <string>
#include <string_view>

#include "dialects/tei/te_metrics.h"
#include "nestvec/model.h"
#include "service/score_call.h"
#include "tei.pb.h"

namespace nestvec {

// The options of a request. Throw Error kInvalidArgument: empty inputs, an unknown prompt_name
// (with the valid list), dimensions out of range, a truncation direction that does not exist.
EmbedOptions read_options(const tei::v1::EmbedRequest& request, const ModelInfo& model);
EmbedOptions read_options(const tei::v1::EmbedAllRequest& request, const ModelInfo& model);
EmbedOptions read_options(const tei::v1::EmbedSparseRequest& request, const ModelInfo& model);

// The texts of a request with its options. Throw Error kInvalidArgument: no text, more than
// `max_inputs`, a pair that is none, a truncation direction that does not exist.
ScoreCall read_scores(const tei::v1::PredictRequest& request, const ModelInfo& model);
ScoreCall read_scores(const tei::v1::PredictPairRequest& request, const ModelInfo& model);
ScoreCall read_scores(const tei::v1::RerankRequest& request, const ModelInfo& model,
                      std::size_t max_inputs);

// Adds a message of RerankStream to those that have come. Its options count where it is the first.
// Throws Error kInvalidArgument for another query than the first message's.
void collect_rank(const tei::v1::RerankStreamRequest& message, tei::v1::RerankRequest* all);

// The text of a request with its prompt in front. Throws Error kInvalidArgument.
std::string read_text(const tei::v1::EncodeRequest& request, const ModelInfo& model);

// Fill an answer.
void write_embedding(const Embeddings& rows, const TeCost& cost, tei::v1::EmbedResponse* response);
void write_token_embeddings(const TokenEmbeddings& tokens, const TeCost& cost,
                            tei::v1::EmbedAllResponse* response);
void write_sparse(const SparseVectors& row, const TeCost& cost,
                  tei::v1::EmbedSparseResponse* response);
// Best first, of equal scores the last first. Throw Error kInternal for a score that is not finite.
void write_predictions(const Scores& scores, const ModelInfo& model, const TeCost& cost,
                       tei::v1::PredictResponse* response);
void write_ranks(const Scores& scores, const tei::v1::RerankRequest& request, const TeCost& cost,
                 tei::v1::RerankResponse* response);
// Special tokens by their name in the vocabulary, the others by their bytes of `text`. Throws Error
// kInvalidArgument.
void write_tokens(const Model& model, std::string_view text, bool add_special,
                  tei::v1::EncodeResponse* response);

}  // namespace nestvec
