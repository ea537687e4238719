// SPDX-License-Identifier: Apache-2.0
// What calls of the model add to the metrics.
#pragma once

#include "nestvec/model.h"
#include "service/embed_call.h"
#include "service/score_call.h"
#include "service/service.h"

namespace nestvec {

// Texts, tokens, cut texts and times of a call. Needs of `took` all but the values.
void count_texts(const Service& service, const EmbedCall& call, const Embeddings& took);
// The same of pairs, whose task is "rerank" or "classify".
void count_pairs(const Service& service, const ScoreCall& call, const Embeddings& took);

void count_failed_call(const Service& service, const Error& error);

}  // namespace nestvec
