// SPDX-License-Identifier: Apache-2.0
// Rerankings as Jina, Cohere, vLLM, Infinity and Weaviate have them, and vLLM's scores.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dialects/rerank/rerank_request.h"
#include "service/call_rows.h"
#include "service/router.h"

namespace nestvec {

// POST /v1/rerank, /v2/rerank, /score, /v1/score. /rerank is in tei.h: who sends `documents` there
// gets answer_rerank().
std::vector<Route> rerank_routes(const Service& service);

// By whose route they are asked for: what a document looks like in the answer differs.
enum class RerankApi {
  kPlain,     // /rerank: vLLM's
  kInfinity,  // /rerank with raw_scores, which Infinity's client always sends
  kV1,        // Jina's, Cohere's first
  kV2,        // Cohere's second
};

// A reranking with `documents`, for who has an exchange and its body. Throws Error before it has
// answered.
void answer_rerank(Exchange exchange, const JsonValue& body, RerankApi api);

// OpenAI's form of errors, which is Jina's too, with Cohere's {"message"} beside it.
const ErrorStyle& rerank_errors();

// Of an answer, what is known before the scores.
struct RerankAnswer {
  RerankApi api = RerankApi::kPlain;
  std::string id;
  std::int64_t created = 0;            // in seconds since 1970; Infinity's has it
  std::size_t top = 0;                 // 0 = all
  std::vector<std::string> documents;  // empty where they are not wanted
  std::vector<bool> objects;           // those that came as objects
  std::string query = {};              // where Weaviate asks, which reads it and `scores`
};
// results, best first, of equal scores the first first; and all that any of the clients reads: id,
// object ("rerank" for Infinity's, which checks it), model, usage, meta, and "truncated" where
// documents were cut.
std::string render_rerank(const RerankAnswer& answer, const CallRows& scored,
                          const ModelInfo& model);
// The most bytes of it for so many documents.
std::size_t most_of_rerank(const RerankAnswer& answer, std::size_t documents);

// vLLM's list of scores, in the order of the pairs. `created` is in seconds since 1970.
std::string render_score(const std::string& id, std::int64_t created, const CallRows& scored,
                         const ModelInfo& model);

}  // namespace nestvec
