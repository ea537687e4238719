// SPDX-License-Identifier: Apache-2.0
// Start here: load a model, turn text into vectors.
//
//   nestvec::Model model = nestvec::load_model("path/to/model");
//   std::vector<float> vector = model.predict("a text");
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nestvec/config.h"
#include "nestvec/error.h"

namespace nestvec {

// What happens to a text of more tokens than the model takes.
enum class Truncation {
  kError,  // refuse it, naming its index, its length and the limit
  kRight,  // drop its end and report it in `truncated`
  kLeft,   // drop its beginning (after the prompt and leading special tokens) and report it
};

// Who is served first when calls wait for the model.
enum class Priority {
  kAuto,         // kInteractive for a call of few tokens, kBulk for a long one
  kInteractive,  // someone waits for the answer
  kBulk,         // may wait, but never for ever: what has waited long comes first
};

// How a call stands among others that wait for the same model. The defaults suit one caller.
struct QueueOptions {
  Priority priority = Priority::kAuto;
  std::uint64_t client = 0;  // clients share the model's time evenly, however much each asks for
  // Refuse the call at once (kResourceExhausted, with ErrorDetail::retry_after) rather than let it
  // wait behind more than this; 0 = no limit. An empty queue takes any call.
  std::size_t max_tokens = 0;
  double max_seconds = 0;  // at the rate measured so far
};

// One call's choices. Defaults are what the model's authors recommend.
struct EmbedOptions {
  // "retrieval.query", "retrieval.passage", "separation", "classification", "text-matching", "none"
  // for the base weights, or empty for the configured default. See ModelInfo::tasks.
  std::string task = "";
  std::size_t dimensions = 0;  // 1..ModelInfo::dimensions; 0 = all. Cut first, then normalised.
  // L2; empty = as the folder of the model says, which is nearly always true.
  std::optional<bool> normalize = std::nullopt;
  bool add_prompt = true;  // prepend the task's instruction, where it has one
  // The texts are consecutive chunks of one context, pooled apart (arXiv:2409.04701). A context of
  // more tokens than the model takes is read in overlapping windows, or refused under
  // Truncation::kError.
  bool late_chunking = false;
  bool parse_special = true;  // "</s>" typed in a text is the special token, as Hugging Face does
  Truncation truncation = Truncation::kRight;
  // End the call early: asked between the layers of the model. Errors kCancelled and
  // kDeadlineExceeded.
  std::stop_token stop = {};
  std::optional<std::chrono::steady_clock::time_point> deadline = std::nullopt;
  QueueOptions queue = {};
};

// Where the time of a call went, in seconds.
struct Timing {
  double tokenize = 0;
  double queue = 0;    // from the end of tokenisation until the first batch with a text of the call
  double compute = 0;  // from there until the last
};

// A matrix of vectors, row i for text i.
struct Embeddings {
  std::size_t rows = 0;
  std::size_t width = 0;
  std::vector<float> values;  // [rows, width], row-major
  // [rows] tokens that stand behind each row, prompt and special tokens included. Their sum is the
  // usage of the call; with late chunking too, where the context is read once and divided among
  // rows.
  std::vector<std::uint32_t> tokens;
  std::vector<std::uint32_t> truncated;  // indices of the texts that lost tokens, ascending
  Timing timing;

  std::span<const float> row(std::size_t i) const& { return {values.data() + i * width, width}; }
  std::span<const float> row(std::size_t i) const&& = delete;  // would dangle
};

// The last hidden state of one text, token by token, neither pooled nor normalised.
struct TokenEmbeddings {
  std::size_t tokens = 0;
  std::size_t width = 0;
  std::vector<float> values;       // [tokens, width], row-major
  std::vector<std::uint32_t> ids;  // [tokens]
  // [tokens][2] half-open byte range in the text as given (UTF-8); {0,0} for special and prompt
  // tokens.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> offsets;
  bool truncated = false;
  Timing timing;
};

// One text's tokens, without a model run.
struct TokenizedText {
  std::vector<std::uint32_t> ids;  // [tokens]
  // [tokens][2] half-open byte range in the text (UTF-8); {0,0} for tokens of no text.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> offsets;
  std::vector<std::uint8_t> special;  // [tokens] 1 = added around the text ("<s>", "</s>")
};

// A task that the model was trained for.
struct TaskInfo {
  std::string name;    // "retrieval.query"
  std::string prompt;  // prepended by default; may be empty
};

// What a loaded model is, and what was decided for it and why.
struct ModelInfo {
  std::string id;
  std::string family;  // "jina-embeddings-v3", "bert", "xlm-roberta", "onnx"
  std::string graph;   // "native bf16, compiled from safetensors", "onnx/model.onnx as published"
  std::string precision;         // "fp32", "bf16", "int8"
  std::string precision_reason;  // "auto: this CPU computes in bf16"
  std::string isa;               // instruction set that the kernels use: "avx512_bf16"
  std::size_t dimensions = 0;
  std::size_t max_tokens = 0;
  std::size_t vocabulary = 0;
  std::string pooling;          // "mean", "cls"
  std::vector<TaskInfo> tasks;  // empty for a model without adapters
  std::string default_task;
  std::vector<std::size_t> matryoshka_dimensions;  // as the model's authors list them; may be empty
  std::size_t threads = 0;
  std::string threads_reason;  // "2: cgroup quota 2.0 of 8 cores"
  std::uint64_t memory_plan_bytes = 0;
  std::string memory_plan;  // one line: weights + workspace of the longest batch + fixed, against
                            // the budget
  std::string folder;
};

// What waits for a model and how fast it is.
struct QueueStatus {
  std::size_t texts = 0;           // waiting
  std::size_t tokens = 0;          // waiting
  std::size_t running_tokens = 0;  // in the batch that runs
  double tokens_per_second = 0;    // measured; 0 before the first batch
  double expected_seconds = 0;     // until all of them are done, 0 where the rate is not known
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

// Progress and notes of a load, one finished line each, for a log or a terminal. Called on the
// loading thread.
using LogSink = std::function<void(std::string_view line)>;

// A loaded model. Safe for concurrent use; movable, not copyable. Calls that are made at the same
// time share batches: texts of all of them, whatever their tasks, are packed into each run.
class Model {
 public:
  class Engine;  // private to the library

  explicit Model(std::unique_ptr<const Engine> engine);
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;
  ~Model();

  // One text to one vector of `dimensions` floats (1024 for jina-embeddings-v3). Blocks until done.
  // Throws Error: kInvalidArgument (unknown task, dimensions, over-long text under kError).
  std::vector<float> predict(std::string_view text, const EmbedOptions& options = {}) const;

  // Texts to rows, in their order. Results do not depend on how texts are grouped. Blocks until
  // done. Throws Error: kInvalidArgument, naming the index of the text at fault.
  Embeddings predict(std::span<const std::string> texts, const EmbedOptions& options = {}) const;

  // The same with a task of its own for every text (empty = options.task); tasks.size() must equal
  // texts.size(). Not together with late_chunking.
  Embeddings predict(std::span<const std::string> texts, std::span<const std::string> tasks,
                     const EmbedOptions& options = {}) const;

  // The token embeddings of one text with their offsets. `dimensions`, `normalize` and
  // `late_chunking` are not used. Blocks until done. Throws Error: kInvalidArgument.
  TokenEmbeddings tokenize_and_embed(std::string_view text, const EmbedOptions& options = {}) const;

  // predict() without waiting: tokenises on the calling thread, queues, returns. `done` is called
  // exactly once, with the rows or the error: from here (an error of the arguments, a full queue),
  // from the thread that runs the model, or from the one that requests the stop. It must be short,
  // must not throw, and must not wait for the model. `tasks` is empty or has one entry a text.
  using Done = std::function<void(Result<Embeddings>)>;
  void predict_async(std::span<const std::string> texts, std::span<const std::string> tasks,
                     const EmbedOptions& options, Done done) const;

  // tokenize_and_embed() in the same way.
  using TokensDone = std::function<void(Result<TokenEmbeddings>)>;
  void tokenize_and_embed_async(std::string_view text, const EmbedOptions& options,
                                TokensDone done) const;

  // A text's tokens as the model sees them, or without special tokens around it. No truncation, no
  // prompt. Throws Error: kInvalidArgument.
  TokenizedText tokenize(std::string_view text, bool add_special = true,
                         bool parse_special = true) const;
  // Text of token ids. Throws Error: kInvalidArgument for an id that does not exist.
  std::string decode(std::span<const std::uint32_t> ids, bool skip_special = true) const;
  // A token as the vocabulary writes it ("▁cat"); empty for an id that does not exist. Valid as
  // long as the model.
  std::string_view token(std::uint32_t id) const;

  QueueStatus queue() const;
  CacheStatus cache() const;
  // Called after each run of the graph, on the thread that ran it. Set it before the first call.
  void observe_batches(BatchObserver observer) const;

  const ModelInfo& info() const noexcept;

 private:
  std::unique_ptr<const Engine> engine_;
};

// Loads the model that the configuration names: finds or downloads nothing but looks, in this
// order, for a folder, then for the repository in the Hugging Face cache; compiles a graph of its
// own into the cache where the folder holds only weights. Blocks. Throws Error: kNotFound (no such
// model, with the command that fetches it), kDataLoss (corrupt file), kInvalidArgument (a model of
// another family, wrong shapes), kResourceExhausted (the memory plan is over cpu_memory; the
// numbers are in the text).
Model load_model(const ModelConfig& config, const LogSink& log = {});

// load_model(config_for_model(folder_or_repo), log).
Model load_model(const std::string& folder_or_repo, const LogSink& log = {});

}  // namespace nestvec
