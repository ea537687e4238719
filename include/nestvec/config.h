// SPDX-License-Identifier: Apache-2.0
// The configuration of load_model(): plain structs with a default and a comment per field, and the
// reader of config.yaml. Every key is also a flag and an environment variable; docs/config.md lists
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace nestvec {

// Prompts by the names of tasks, in the order of the file: {"query", "query: "}. A prompt is put
// before each text of its task.
using Prompts = std::vector<std::pair<std::string, std::string>>;

// `model:` - the model's name and owner, as callers see them.
struct ModelIdentity {
  std::string id;  // empty = the last part of repo_id
  std::string user_id;
  std::string app_id;
  std::string model_type_id = "text-embedder";
};

// `inference_compute_info:` - what the model may use. Quantities are written as in Kubernetes.
struct ComputeInfo {
  double cpu_limit = 0;  // cores, from "500m" or "2"; 0 = what affinity and cgroup allow
  std::uint64_t cpu_memory_bytes = 0;  // budget from "5Gi"; 0 = no budget
  std::uint64_t num_accelerators = 0;
};

// `checkpoints:` - where the weights come from.
struct CheckpointSource {
  std::string type = "huggingface";  // the only type
  std::string repo_id;               // "jinaai/jina-embeddings-v3", or a model folder
  std::string hf_token;  // empty = HF_TOKEN, then the token file of the Hugging Face CLI
  bool pull = false;     // the command downloads a repository that is not on this machine
  // Folders of LoRA adapters, as PEFT writes them, by the tasks that they become: {"legal", "/x"}.
  std::vector<std::pair<std::string, std::string>> adapters;
};

// `runtime:` - how the engine works.
struct RuntimeOptions {
  std::string precision = "auto";  // auto | fp32 | bf16 | int8-weights | int8; see docs/config.md
  // auto | native | portable | published. Native and portable graphs are made from the weights, in
  // safetensors or else in an ONNX export; published = the export as it is. auto = native, or
  // published if there is only an export and its weights have lost their names.
  std::string graph = "auto";
  // Of texts that name no task: a task of the model, or "none". Empty = default_prompt_name of the
  // model's files, else text-matching if the model has it, else none.
  std::string default_task;
  Prompts prompts;                      // replace the model's own of the same names, or add to them
  std::string query_prompt;             // of queries; empty = the model's own
  std::string document_prompt;          // of documents; empty = the model's own
  bool builtin_prompts = true;          // for well-known models whose folders store none
  std::size_t threads = 0;              // 0 = decided from cpu_limit, affinity and cgroup quota
  std::size_t max_tokens = 0;           // longest sequence; 0 = the model's own limit
  std::size_t max_batch_tokens = 8192;  // tokens of one run of the graph, summed over its texts
  // Target time of one run of the graph in milliseconds, so that a short call need not wait behind
  // a long one; 0 = no limit (`nestvec serve` then uses 100). A single text is never divided.
  std::size_t batch_milliseconds = 0;
  std::uint64_t vector_cache_bytes = 0;  // for vectors of texts seen before; 0 = none
  // auto | mean | cls | lasttoken | max | mean_sqrt_len_tokens | weightedmean; auto = as the
  // model's files say
  std::string pooling = "auto";
  std::string normalize = "auto";  // auto | true | false; auto = as the model's files say
  // A LayerNorm without weights before a vector is cut, which nomic-embed-text-v1.5 was trained
  // for.
  bool matryoshka_layer_norm = false;
  std::string cache_dir;  // compiled graphs; empty = $NESTVEC_CACHE, then ~/.cache/nestvec
};

// What config.yaml says about the model. Only `nestvec serve` reads the section `server:`.
struct ModelConfig {
  ModelIdentity model;
  ComputeInfo inference_compute_info;
  CheckpointSource checkpoints;
  RuntimeOptions runtime;

  std::vector<std::string> warnings;  // from the reader: unknown keys, with file, line and column
};

// Reads a config.yaml; the environment (NESTVEC_THREADS and so on) overrides the file.
// Blocks on file I/O. Safe for concurrent use. Unknown keys become `warnings`.
// Throws Error: kNotFound (no such file), kInvalidArgument (syntax, type or range, with
// file:line:column).
ModelConfig read_config(const std::string& path);

// The configuration for one model folder or hub repository: the defaults, overridden by the
// environment. Throws Error: kInvalidArgument (an environment variable that does not parse).
ModelConfig config_for_model(const std::string& folder_or_repo);

}  // namespace nestvec
