// SPDX-License-Identifier: Apache-2.0
// The options of one call.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace nestvec {

class MemoryAccount;  // private to the library

// What happens to a text with more tokens than the model takes.
enum class Truncation {
  kError,  // refuse it; the error has its index, its length and the limit
  kRight,  // drop its end and list it in `truncated`
  kLeft,   // drop its beginning (after the prompt and leading special tokens) and list it
};

// Which calls run first when several wait for the model.
enum class Priority {
  kAuto,         // kInteractive for a call of few tokens, kBulk for a long one
  kInteractive,  // a user waits for the answer
  kBulk,         // may be delayed, but is never starved
};

// Scheduling among calls that wait for the same model. The defaults suit a single caller.
struct QueueOptions {
  Priority priority = Priority::kAuto;
  std::uint64_t client = 0;  // who calls: clients share the model's time evenly
  // Two limits; 0 = none. A call over one of them is refused at once with kResourceExhausted and
  // ErrorDetail::retry_after. Each client has its own share, so one client's calls do not lock out
  // another's.
  //
  // The most tokens that may wait for the model. A client may have as many waiting as it leaves
  // free, so a single client gets half; bulk calls share three quarters. A call that can never fit
  // is refused without retry_after. An empty queue always takes one batch.
  std::size_t max_tokens = 0;
  // The longest expected wait behind the client's earlier calls, in seconds, at the client's share
  // of the rate measured so far.
  double max_seconds = 0;
  // Pays for the answer: its memory is taken before the call's first text runs and given back with
  // the answer. If there is not enough, the call ends with kResourceExhausted.
  std::shared_ptr<MemoryAccount> memory = nullptr;
};

// Options of one call. The defaults are what the model's authors recommend.
struct EmbedOptions {
  // One of ModelInfo::tasks, or another name for one (see tasks.h): "retrieval.query", "query".
  // "none" is the base weights without a prompt; empty is the model's default task.
  std::string task = "";
  // 1 to ModelInfo::most_dimensions; 0 = ModelInfo::dimensions. Vectors are cut first, then
  // normalised.
  std::size_t dimensions = 0;
  // Whether vectors are scaled to L2 norm 1; empty = as the model's files say (nearly all: true).
  std::optional<bool> normalize = std::nullopt;
  bool add_prompt = true;  // put the task's prompt, if it has one, before the text
  // The texts are consecutive chunks of one document: they are read together and pooled apart
  // (arXiv:2409.04701). A document with more tokens than the model takes is read in overlapping
  // windows, or refused under Truncation::kError.
  bool late_chunking = false;
  bool parse_special = true;  // "</s>" in a text is the special token, as in Hugging Face's code
  Truncation truncation = Truncation::kRight;
  // What to compute for each text, all in one pass. A model without it refuses the call.
  bool dense = true;    // one vector: Embeddings::values
  bool sparse = false;  // weights of token ids: Embeddings::sparse
  bool multi_vector =
      false;  // a vector for each token, as ColBERT compares them: Embeddings::multi
  // End the call early, with kCancelled or kDeadlineExceeded. Both are checked while texts are
  // tokenised and between the layers of the model.
  std::stop_token stop = {};
  std::optional<std::chrono::steady_clock::time_point> deadline = std::nullopt;
  QueueOptions queue = {};
};

// What becomes of a classifier's raw outputs.
enum class ScoreActivation {
  kModel,    // as the model's files say; else sigmoid for one label, softmax for several
  kNone,     // raw
  kSigmoid,  // of each output
  kSoftmax,  // over the outputs of a pair
};

// Which text of a pair loses tokens when both together are too long.
enum class PairTruncation {
  kModel,         // as the model's files say; else kLongestFirst
  kLongestFirst,  // the longer one, until both are equally long; then both, as Hugging Face's
  kOnlySecond,    // the second, which is the document; refused if the first leaves no room
};

// Options of rerank() and classify().
struct ScoreOptions {
  ScoreActivation activation = ScoreActivation::kModel;
  // Under kError, a pair that is too long is refused; else it is cut at that side and listed in
  // `truncated`.
  Truncation truncation = Truncation::kRight;
  PairTruncation pair_truncation = PairTruncation::kModel;
  // The most tokens of a document that are read, before the limit of the pair; 0 = no such limit.
  std::size_t max_document_tokens = 0;
  // What makes a document relevant, for a model that reads an instruction before the query
  // (Qwen3-Reranker); empty: the model's own. Other models refuse it.
  std::string instruction = "";
  // Read a document that does not fit in overlapping windows and take the best score among them,
  // instead of cutting it. Needs a model with one label.
  bool best_window = false;
  bool parse_special = true;  // as EmbedOptions::parse_special
  std::stop_token stop = {};
  std::optional<std::chrono::steady_clock::time_point> deadline = std::nullopt;
  QueueOptions queue = {};
};

// Options of calls that need no run of the model. `stop` and `deadline` end a call within
// milliseconds, with kCancelled and kDeadlineExceeded.
struct TokenizeOptions {
  bool add_special = true;    // add the special tokens around the text
  bool parse_special = true;  // as EmbedOptions::parse_special
  std::stop_token stop = {};
  std::optional<std::chrono::steady_clock::time_point> deadline = std::nullopt;
};
struct DecodeOptions {
  bool skip_special = true;  // leave special tokens out
  std::stop_token stop = {};
  std::optional<std::chrono::steady_clock::time_point> deadline = std::nullopt;
};

}  // namespace nestvec
