// SPDX-License-Identifier: Apache-2.0
// The messages of tei.v1 and what they mean to the model. No transport and no model is needed.
#pragma once

#include <string>
#include <string_view>

#include "dialects/tei/te_metrics.h"
#include "nestvec/model.h"
#include "tei.pb.h"

namespace nestvec {

// The options of a request. Throw Error kInvalidArgument: empty inputs, an unknown prompt_name
// (with the valid list), dimensions out of range, a truncation direction that does not exist.
EmbedOptions read_options(const tei::v1::EmbedRequest& request, const ModelInfo& model);
EmbedOptions read_options(const tei::v1::EmbedAllRequest& request, const ModelInfo& model);

// The text of a request with its prompt in front. Throws Error kInvalidArgument.
std::string read_text(const tei::v1::EncodeRequest& request, const ModelInfo& model);

// Fill an answer.
void write_embedding(const Embeddings& rows, const TeCost& cost, tei::v1::EmbedResponse* response);
void write_token_embeddings(const TokenEmbeddings& tokens, const TeCost& cost,
                            tei::v1::EmbedAllResponse* response);
// Special tokens by their name in the vocabulary, the others by their bytes of `text`. Throws Error
// kInvalidArgument.
void write_tokens(const Model& model, std::string_view text, bool add_special,
                  tei::v1::EncodeResponse* response);

}  // namespace nestvec
