// SPDX-License-Identifier: Apache-2.0
// Start here: load a model, turn text into vectors.
//
//   nestvec::Model model = nestvec::load_model("path/to/model");
//   std::vector<float> vector = model.predict("a text");
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nestvec/config.h"
#include "nestvec/error.h"
#include "nestvec/log_sink.h"
#include "nestvec/options.h"
#include "nestvec/results.h"

namespace nestvec {

// A task that the model was trained for.
struct TaskInfo {
  std::string name;      // "retrieval.query"
  std::string prompt;    // prepended by default; may be empty
  bool adapter = false;  // has weights of its own, beside the prompt
};

// Properties of a loaded model, and the decisions made while loading it, with their reasons.
struct ModelInfo {
  std::string id;
  std::string family;  // "jina-embeddings-v3", "bert", "xlm-roberta", "onnx"
  std::string graph;   // "native bf16, compiled from safetensors", "onnx/model.onnx as published"
  std::string precision;            // "fp32", "bf16", "int8-weights", "int8"
  std::string precision_reason;     // "auto: this CPU computes in bf16"
  std::string isa;                  // instruction set that the kernels use: "avx512_bf16"
  std::size_t dimensions = 0;       // of a vector, unless a call asks for another number
  std::size_t most_dimensions = 0;  // the most that a call may ask for; larger than `dimensions` if
                                    // the model's files set truncate_dim
  std::size_t max_tokens = 0;       // of one text, with its prompt and special tokens
  std::size_t max_batch_tokens = 0;  // of one run of the graph, summed over its texts
  std::size_t vocabulary = 0;        // number of token ids
  std::string pooling;               // as runtime.pooling, or "graph" if the export pools
  std::vector<TaskInfo> tasks;       // empty if the model has neither adapters nor prompts
  std::string default_task;          // of texts that name no task: one of `tasks`, or "none"
  // Where the prompts come from: "model folder", "built in for OWNER/NAME", "configuration", or
  // two of these; empty if there are none.
  std::string prompts_source;
  // The folders of adapters that the configuration names, by their tasks.
  std::vector<std::pair<std::string, std::string>> adapters;
  std::vector<std::size_t> matryoshka_dimensions;  // as the model's authors list them; may be empty
  bool dense = true;                               // predict() has a vector for a text
  bool sparse = false;                             // it has weights of token ids
  bool multi_vector = false;                       // it has a vector for each token
  // Of a classifier, in the order of its outputs; empty if the model is none. A model with one
  // label is a reranker.
  std::vector<std::string> labels;
  std::string activation;      // of its outputs by default: "none", "sigmoid", "softmax"
  std::size_t threads = 0;     // that compute, including the thread that runs the model
  std::string threads_reason;  // "2: cgroup quota 2.0 of 8 cores"
  std::uint64_t memory_plan_bytes = 0;
  std::string memory_plan;  // one line: weights + workspace of the longest batch + fixed, and the
                            // budget
  std::string folder;       // that the model was loaded from
};

// A loaded model. Safe for concurrent use; movable, not copyable. Concurrent calls share batches:
// each run of the graph may hold texts of several calls and of several tasks.
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

  // Texts to rows in the same order. A text's vector does not depend on the other texts. Blocks
  // until done. Throws Error: kInvalidArgument, with the index of the text at fault.
  Embeddings predict(std::span<const std::string> texts, const EmbedOptions& options = {}) const;

  // The same with one task per text (an empty one means options.task); tasks.size() must equal
  // texts.size(). Cannot be combined with late_chunking.
  Embeddings predict(std::span<const std::string> texts, std::span<const std::string> tasks,
                     const EmbedOptions& options = {}) const;

  // The same for texts in braces: predict({"one", "two"}). Without these overloads, two literals
  // would be taken as the begin and end of one string_view. One text in braces is a list of one;
  // empty braces for the tasks mean options.task.
  Embeddings predict(std::initializer_list<std::string_view> texts,
                     const EmbedOptions& options = {}) const;
  Embeddings predict(std::initializer_list<std::string_view> texts,
                     std::initializer_list<std::string_view> tasks,
                     const EmbedOptions& options = {}) const;

  // predict() for the learned sparse vectors alone: Embeddings::sparse, and no dense vectors.
  // Blocks until done. Throws Error: kInvalidArgument (the model has no such vectors).
  Embeddings sparse(std::span<const std::string> texts, EmbedOptions options = {}) const;

  // The token embeddings of one text with their offsets. Ignores `dimensions`, `normalize` and
  // `late_chunking`. Blocks until done. Throws Error: kInvalidArgument.
  TokenEmbeddings tokenize_and_embed(std::string_view text, const EmbedOptions& options = {}) const;
  // Takes one text; a list of texts does not compile.
  TokenEmbeddings tokenize_and_embed(std::initializer_list<std::string_view> texts,
                                     const EmbedOptions& options = {}) const = delete;

  // predict() without waiting for the model: tokenises on the calling thread, queues the call and
  // returns. `done` is called exactly once, with the rows or the error: by this function (wrong
  // arguments, a full queue), by the thread that runs the model, or by the thread that requests the
  // stop. It must be short, must not throw, and must not wait for the model. `tasks` is empty or
  // has one entry per text.
  using Done = std::function<void(Result<Embeddings>)>;
  void predict_async(std::span<const std::string> texts, std::span<const std::string> tasks,
                     const EmbedOptions& options, Done done) const;
  void predict_async(std::initializer_list<std::string_view> texts,
                     std::initializer_list<std::string_view> tasks, const EmbedOptions& options,
                     Done done) const;

  // tokenize_and_embed() without waiting, in the same way.
  using TokensDone = std::function<void(Result<TokenEmbeddings>)>;
  void tokenize_and_embed_async(std::string_view text, const EmbedOptions& options,
                                TokensDone done) const;
  void tokenize_and_embed_async(std::initializer_list<std::string_view> texts,
                                const EmbedOptions& options, TokensDone done) const = delete;

  // How relevant each document is to the query, row i for document i: the higher, the better.
  // The query is tokenised once. A score does not depend on the other documents. Blocks until
  // done. Throws Error: kInvalidArgument (the model is no reranker; a pair is too long under
  // kError, with its index).
  Scores rerank(std::string_view query, std::span<const std::string> documents,
                const ScoreOptions& options = {}) const;
  // The outputs of a classifier for each text or pair of texts. Blocks until done. Throws Error:
  // kInvalidArgument (the model has no labels; a pair is too long under kError, with its index).
  Scores classify(std::span<const TextPair> pairs, const ScoreOptions& options = {}) const;

  // The same without waiting for the model, as predict_async().
  using ScoresDone = std::function<void(Result<Scores>)>;
  void rerank_async(std::string_view query, std::span<const std::string> documents,
                    const ScoreOptions& options, ScoresDone done) const;
  void classify_async(std::span<const TextPair> pairs, const ScoreOptions& options,
                      ScoresDone done) const;

  // The tokens of a text, with or without the special tokens around it. Does not truncate, and adds
  // no prompt. Runs on the calling thread. Throws Error: kInvalidArgument.
  TokenizedText tokenize(std::string_view text, bool add_special = true,
                         bool parse_special = true) const;
  TokenizedText tokenize(std::string_view text, const TokenizeOptions& options) const;
  // Takes one text; a list of texts does not compile.
  TokenizedText tokenize(std::initializer_list<std::string_view> texts, bool add_special = true,
                         bool parse_special = true) const = delete;
  TokenizedText tokenize(std::initializer_list<std::string_view> texts,
                         const TokenizeOptions& options) const = delete;
  // The text of token ids. Throws Error: kInvalidArgument for an id that is not in the vocabulary.
  std::string decode(std::span<const std::uint32_t> ids, bool skip_special = true) const;
  std::string decode(std::span<const std::uint32_t> ids, const DecodeOptions& options) const;
  // A token as the vocabulary spells it ("\u2581cat"); empty for an id that is not in the
  // vocabulary. Valid as long as the model.
  std::string_view token(std::uint32_t id) const;

  // Ends all waiting, running and later calls with kCancelled; blocks until none runs. Functions
  // that need no run of the graph stay usable. Must not be called from a callback.
  void shut_down() const;

  // The state of the queue. `client` is the value of QueueOptions::client to report on. Does not
  // wait for the model.
  QueueStatus queue(std::uint64_t client = 0) const;
  CacheStatus cache() const;
  // Called after each run of the graph, on the thread that ran it. Set it before the first call.
  void observe_batches(BatchObserver observer) const;

  const ModelInfo& info() const noexcept;

 private:
  std::unique_ptr<const Engine> engine_;
};

// Loads the model that the configuration names: a folder, else a repository in the Hugging Face
// cache, else the short name of a model on this machine. Downloads nothing. Compiles the weights
// into the cache if no compiled graph is there yet, which may take minutes for a large model.
// Blocks. Throws Error: kNotFound (no such model; the message says how to fetch it), kDataLoss
// (corrupt file), kInvalidArgument (an unsupported family, wrong shapes), kResourceExhausted (the
// memory plan exceeds cpu_memory; the message has the numbers).
Model load_model(const ModelConfig& config, const LogSink& log = {});

// load_model(config_for_model(folder_or_repo), log).
Model load_model(const std::string& folder_or_repo, const LogSink& log = {});

}  // namespace nestvec
