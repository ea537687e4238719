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

// Progress and notes of a load, one finished line each, for a log or a terminal. Called on the
// loading thread.
using LogSink = std::function<void(std::string_view line)>;

// A loaded model. Safe for concurrent use; movable, not copyable.
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
