// SPDX-License-Identifier: Apache-2.0
// Rerankings as Jina, Cohere, vLLM, Infinity and Weaviate ask for them, and vLLM's scores: bodies
// to calls. No model is needed here.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "dialects/inputs.h"
#include "service/score_call.h"

namespace nestvec {

struct RerankRequest {
  ScoreCall call;
  std::size_t top = 0;  // so many of the best; 0 = all
  bool return_documents = false;
  std::vector<bool> objects;  // documents that came as {"text": ...}
};

// query and documents, each a text or {"text": ...}; documents with other fields where rank_fields
// names them, whose values are then read a line each. top_n (top_k), return_documents,
// max_tokens_per_doc (max_doc_length), raw_scores (use_activation), best_window, truncate and
// vLLM's truncate_prompt_tokens. max_chunks_per_doc may be any number: a document is read as one
// chunk. Throws RequestError, whose param is the path of the member at fault.
RerankRequest read_rerank(const JsonValue& body, const InputRules& rules);

// Whether it is one of Weaviate's reranker-transformers, whose answers have a form of their own: it
// has nothing but a query, documents and the name of their property.
bool is_weaviate_rerank(const JsonValue& body);

// POST /score: a text for many, or as many for as many, under one of vLLM's pairs of names.
ScoreCall read_score(const JsonValue& body, const InputRules& rules);

// What happens to a text or pair that is too long: truncate (truncation), and vLLM's
// truncate_prompt_tokens, which must be the model's limit.
Truncation read_pair_truncation(const JsonValue& body, const InputRules& rules);
// Whether raw outputs are asked for: raw_scores, or use_activation with the opposite meaning.
bool wants_raw_scores(const JsonValue& body);

}  // namespace nestvec
