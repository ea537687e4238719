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

// What a loaded model is, and what was decided for it and why.
struct ModelInfo {
  std::string id;
  std::string family;  // "jina-embeddings-v3", "bert", "xlm-roberta", "onnx"
  std::string graph;   // "native bf16, compiled from safetensors", "onnx/model.onnx as published"
  std::string precision;            // "fp32", "bf16", "int8"
  std::string precision_reason;     // "auto: this CPU computes in bf16"
  std::string isa;                  // instruction set that the kernels use: "avx512_bf16"
  std::size_t dimensions = 0;       // of a vector, unless a call asks for fewer or more
  std::size_t most_dimensions = 0;  // that a call may ask for; over `dimensions` where the model's
                                    // files have a truncate_dim
  std::size_t max_tokens = 0;
  std::size_t max_batch_tokens = 0;  // of one run of the graph, over all its texts
  std::size_t vocabulary = 0;
  std::string pooling;          // "mean", "cls", "lasttoken", or "graph" where an export pools
  std::vector<TaskInfo> tasks;  // empty for a model without adapters and prompts
  std::string default_task;     // of texts that name none: one of `tasks`, or "none"
  // Where the prompts come from: "model folder", "built in for OWNER/NAME", "configuration", or
  // two of them; empty where there are none.
  std::string prompts_source;
  std::vector<std::size_t> matryoshka_dimensions;  // as the model's authors list them; may be empty
  std::size_t threads = 0;
  std::string threads_reason;  // "2: cgroup quota 2.0 of 8 cores"
  std::uint64_t memory_plan_bytes = 0;
  std::string memory_plan;  // one line: weights + workspace of the longest batch + fixed, against
                            // the budget
  std::string folder;
};

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

  // The same for texts in braces: predict({"one", "two"}). Without these, two literals would be the
  // begin and end of one string_view. One text in braces is a list of one; empty braces for the
  // tasks are options.task.
  Embeddings predict(std::initializer_list<std::string_view> texts,
                     const EmbedOptions& options = {}) const;
  Embeddings predict(std::initializer_list<std::string_view> texts,
                     std::initializer_list<std::string_view> tasks,
                     const EmbedOptions& options = {}) const;

  // The token embeddings of one text with their offsets. `dimensions`, `normalize` and
  // `late_chunking` are not used. Blocks until done. Throws Error: kInvalidArgument.
  TokenEmbeddings tokenize_and_embed(std::string_view text, const EmbedOptions& options = {}) const;
  // Takes one text; a list of texts does not compile.
  TokenEmbeddings tokenize_and_embed(std::initializer_list<std::string_view> texts,
                                     const EmbedOptions& options = {}) const = delete;

  // predict() without waiting: tokenises on the calling thread, queues, returns. `done` is called
  // exactly once, with the rows or the error: from here (an error of the arguments, a full queue),
  // from the thread that runs the model, or from the one that requests the stop. It must be short,
  // must not throw, and must not wait for the model. `tasks` is empty or has one entry a text.
  using Done = std::function<void(Result<Embeddings>)>;
  void predict_async(std::span<const std::string> texts, std::span<const std::string> tasks,
                     const EmbedOptions& options, Done done) const;
  void predict_async(std::initializer_list<std::string_view> texts,
                     std::initializer_list<std::string_view> tasks, const EmbedOptions& options,
                     Done done) const;

  // tokenize_and_embed() in the same way.
  using TokensDone = std::function<void(Result<TokenEmbeddings>)>;
  void tokenize_and_embed_async(std::string_view text, const EmbedOptions& options,
                                TokensDone done) const;
  void tokenize_and_embed_async(std::initializer_list<std::string_view> texts,
                                const EmbedOptions& options, TokensDone done) const = delete;

  // A text's tokens as the model sees them, or without special tokens around it. No truncation, no
  // prompt. Throws Error: kInvalidArgument.
  TokenizedText tokenize(std::string_view text, bool add_special = true,
                         bool parse_special = true) const;
  TokenizedText tokenize(std::string_view text, const TokenizeOptions& options) const;
  // Takes one text; a list of texts does not compile.
  TokenizedText tokenize(std::initializer_list<std::string_view> texts, bool add_special = true,
                         bool parse_special = true) const = delete;
  TokenizedText tokenize(std::initializer_list<std::string_view> texts,
                         const TokenizeOptions& options) const = delete;
  // Text of token ids. Throws Error: kInvalidArgument for an id that does not exist.
  std::string decode(std::span<const std::uint32_t> ids, bool skip_special = true) const;
  std::string decode(std::span<const std::uint32_t> ids, const DecodeOptions& options) const;
  // A token as the vocabulary writes it ("\u2581cat"); empty for an id that does not exist. Valid
  // as long as the model.
  std::string_view token(std::uint32_t id) const;

  // Ends all calls that wait or run, and all later ones, with kCancelled; blocks until none runs.
  // What needs no run of the graph stays usable. Not to be called from a callback.
  void shut_down() const;

  // `client` as QueueOptions::client.
  QueueStatus queue(std::uint64_t client = 0) const;
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
