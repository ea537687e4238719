// SPDX-License-Identifier: Apache-2.0
// Results of calls, and the state of a model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace nestvec {

// Where the time of a call went, in seconds.
struct Timing {
  double tokenize = 0;
  double queue = 0;    // from the end of tokenisation to the start of the call's first batch
  double compute = 0;  // from there to the end of its last batch
};

// Learned sparse vectors: for each row, weights of token ids, in the layout of a CSR matrix.
struct SparseVectors {
  std::vector<std::size_t> starts;     // [rows + 1] row i is entries starts[i] to starts[i + 1]
  std::vector<std::uint32_t> indices;  // [entries] token ids, ascending within a row
  std::vector<float> weights;          // [entries] greater than 0
};

// A matrix for each row: a vector of L2 norm 1 for each token that counts.
struct MultiVectors {
  std::size_t width = 0;
  std::vector<std::size_t> starts;  // [rows + 1] row i is vectors starts[i] to starts[i + 1]
  std::vector<float> values;        // [starts.back(), width], row-major
};

// A matrix of vectors, row i for text i.
struct Embeddings {
  std::size_t rows = 0;
  std::size_t width = 0;      // 0 without EmbedOptions::dense
  std::vector<float> values;  // [rows, width], row-major
  // [rows] tokens of each row, including prompt and special tokens. Their sum is the usage of the
  // call. Under late chunking the tokens of the document are divided among its rows.
  std::vector<std::uint32_t> tokens;
  std::vector<std::uint32_t> truncated;  // indices of the texts that lost tokens, ascending
  Timing timing;
  std::shared_ptr<const void> memory;  // charged to QueueOptions::memory until it is freed
  SparseVectors sparse;                // if EmbedOptions::sparse
  MultiVectors multi;                  // if EmbedOptions::multi_vector

  std::span<const float> row(std::size_t i) const& { return {values.data() + i * width, width}; }
  std::span<const float> row(std::size_t i) const&& = delete;  // would dangle
};

// One text, or two that the model reads together.
struct TextPair {
  std::string_view first;
  std::optional<std::string_view> second = std::nullopt;
};

// Outputs of a classifier, row i for pair i. A reranker has one label, so its scores are `values`.
struct Scores {
  std::size_t rows = 0;
  std::size_t width = 0;                 // the number of labels
  std::vector<float> values;             // [rows, width], row-major
  std::vector<std::uint32_t> tokens;     // [rows] tokens that were read, of all windows of a row
  std::vector<std::uint32_t> truncated;  // indices of the rows that lost tokens, ascending
  Timing timing;
  std::shared_ptr<const void> memory;  // as in Embeddings
};

// The last hidden states of one text, one row per token, neither pooled nor normalised.
struct TokenEmbeddings {
  std::size_t tokens = 0;
  std::size_t width = 0;
  std::vector<float> values;       // [tokens, width], row-major
  std::vector<std::uint32_t> ids;  // [tokens]
  // [tokens][2] half-open byte range in the given text (UTF-8); {0,0} for special tokens and those
  // of the prompt.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> offsets;
  bool truncated = false;
  Timing timing;
  std::shared_ptr<const void> memory;  // as in Embeddings
};

// The tokens of one text.
struct TokenizedText {
  std::vector<std::uint32_t> ids;  // [tokens]
  // [tokens][2] half-open byte range in the text (UTF-8); {0,0} for added tokens.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> offsets;
  std::vector<std::uint8_t> special;  // [tokens] 1 = added around the text ("<s>", "</s>")
};

// What waits for a model, and how fast the model is.
struct QueueStatus {
  std::size_t texts = 0;           // waiting
  std::size_t tokens = 0;          // waiting
  std::size_t running_tokens = 0;  // in the batch that runs
  double tokens_per_second = 0;    // measured; 0 before the first batch
  double expected_seconds = 0;     // until all of them are done; 0 if the rate is not known
  std::size_t output_bytes = 0;    // results of unfinished calls
  std::size_t clients = 0;         // with calls that wait; counted twice if of both classes
  std::size_t client_tokens = 0;   // waiting, of the client that was passed to Model::queue
};

// One run of the graph.
struct BatchReport {
  std::size_t texts = 0;
  std::size_t tokens = 0;
  double seconds = 0;
  std::size_t retried = 0;  // texts computed again in fp32
};
using BatchObserver = std::function<void(const BatchReport&)>;

// The exact-match cache of vectors (runtime.vector_cache).
struct CacheStatus {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;
};

}  // namespace nestvec
