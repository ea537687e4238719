// SPDX-License-Identifier: Apache-2.0
// POST /v1/embeddings as OpenAI and Jina define it: the body to a call, the rows to an answer. No
// model is needed here.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dialects/embedding_format.h"
#include "dialects/inputs.h"

namespace nestvec {

// How the server cuts documents: member "chunking".
struct Chunking {
  enum class By { kSentence, kTokens };
  By by = By::kSentence;
  std::size_t size = 1;  // sentences or tokens of a chunk
};

// Where a chunk lies in the request's documents.
struct ChunkPlace {
  std::size_t document = 0;
  std::size_t chunk = 0;  // number within the document
  std::size_t start = 0;  // code points of the document, as Python counts
  std::size_t end = 0;
};

struct OpenAiRequest {
  EmbedCall call;
  std::vector<EmbeddingFormat> formats;  // each once; empty where no dense vectors are wanted
  EmbeddingFormat token_format = EmbeddingFormat::kFloat;  // of vectors of tokens
  std::optional<Chunking> chunking;
  std::vector<ChunkPlace> places;  // one a text once cut_documents has run
};

// What a route gives to requests that do not say.
enum class OpenAiVectors { kDense, kOfTokens };

// Members of both dialects at once; unknown ones are ignored, null is the same as absent. Throws
// RequestError naming the member.
OpenAiRequest read_openai_request(const JsonValue& body, const InputRules& rules,
                                  OpenAiVectors usual = OpenAiVectors::kDense);

// What the model must give. Throws RequestError for formats that there are not.
std::vector<ModelKind> wanted_kinds(const JsonValue& body,
                                    OpenAiVectors usual = OpenAiVectors::kDense);

// Replaces the texts of a request with `chunking` by their chunks, at most rules.max_inputs of
// them; a document with nothing to be seen is one chunk, and with late chunking a chunk without a
// token of its own is part of its neighbour. `tokenize` gives a text's token offsets.
// Linear in the texts. Throws RequestError: too many chunks; and what the pace throws.
using Tokenize = std::function<TokenizedText(std::string_view text)>;
void cut_documents(OpenAiRequest& request, const InputRules& rules, const Tokenize& tokenize,
                   Pace& pace);

// Both of these with the model's own tokens, for as long and from as much memory as the caller has.
OpenAiRequest open_openai_request(const JsonValue& body, const Service& service,
                                  const Caller& caller,
                                  OpenAiVectors usual = OpenAiVectors::kDense);

// What the model is to be asked. The rest of the request, which is for the answer, has no texts
// then.
EmbedCall take_call(OpenAiRequest& request);

// The list object of OpenAI, with "task" (what was asked for, or the default), "truncated" (indices
// of data whose texts were cut, where some were) and of chunks their places. An entry has
// "embedding", "sparse" (indices and values), "embeddings" (a vector a token), or several of them.
std::string render_openai(const OpenAiRequest& request, const Embeddings& rows,
                          const ModelInfo& model, Pace& pace);

}  // namespace nestvec
