// SPDX-License-Identifier: Apache-2.0
// What load_model() reads: plain structs with a default and a comment per field, and the reader of
// config.yaml. Every key is also a flag and an environment variable; docs/config.md lists them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace nestvec {

// `model:` - who the model is to its callers.
struct ModelIdentity {
  std::string id;  // empty = the last part of repo_id
  std::string user_id;
  std::string app_id;
  std::string model_type_id = "text-embedder";
};

// `inference_compute_info:` - what the machine may give. Quantities are written as Kubernetes does.
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
};

// `runtime:` - how the engine works.
struct RuntimeOptions {
  std::string precision = "auto";  // auto | fp32 | bf16 | int8; auto = bf16 or fp32 by CPU
  // auto | native | portable | published. Native and portable graphs are made from the weights, in
  // safetensors or else in an ONNX export; published = the export as it is. auto = native, or
  // published where there is only an export and it lacks weights by their names.
  std::string graph = "auto";
  std::string default_task = "text-matching";  // a task of the model, or "none"
  std::size_t threads = 0;              // 0 = decided from cpu_limit, affinity and cgroup quota
  std::size_t max_tokens = 0;           // longest sequence; 0 = the model's own limit
  std::size_t max_batch_tokens = 8192;  // tokens of one run of the graph, over all its texts
  // What a run of the graph should take at most, so that a short call need not wait behind a long
  // one; 0 = no limit (`nestvec serve` then takes 100). A single text is never divided.
  std::size_t batch_milliseconds = 0;
  std::uint64_t vector_cache_bytes = 0;  // vectors of texts seen before are kept; 0 = none
  std::string pooling = "auto";    // auto | mean | cls | lasttoken; auto = as the model's files say
  std::string normalize = "auto";  // auto | true | false; auto = as the model's files say
  std::string cache_dir;           // compiled graphs; empty = $NESTVEC_CACHE, then ~/.cache/nestvec
};

// `server:` - how `nestvec serve` answers.
struct ServerOptions {
  std::string http = "127.0.0.1:8080";  // HOST:PORT, or unix:PATH; port 0 = any free one
  std::string grpc;                     // HOST:PORT for gRPC alone; `http` answers it, too
  std::string api_keys;         // separated by commas; empty and no file = nobody is asked for one
  std::string api_key_file;     // one a line, "#" begins a comment; read again on SIGHUP
  std::string tls_certificate;  // PEM files; both or neither; read again on SIGHUP
  std::string tls_key;
  std::string cors_origins;  // "*", or origins separated by commas; empty = the server's own pages
  std::string hosts;  // names to answer to beside localhost, where `http` is a loopback address
  std::uint64_t max_body_bytes = 32ull << 20;  // of a request
  std::size_t max_inputs = 2048;               // texts of a request
  // For all that requests make the server hold; 0 = what is left beside the model, within bounds.
  std::uint64_t request_memory_bytes = 0;
  std::size_t max_connections = 16384;
  std::size_t header_seconds = 10;  // until a request's head is there
  std::size_t idle_seconds = 75;    // between requests, and without a byte of a body
  std::size_t request_seconds = 0;  // deadline of every request; 0 = only what the client asks
  std::size_t grace_seconds = 30;   // after SIGTERM, for requests that are being answered
  std::size_t max_queue_tokens = 1u << 22;  // of waiting texts, shared among clients; over it 429
  std::size_t max_queue_seconds = 30;       // wait behind a client's own calls; over it 429
  std::string log_format = "text";          // text | json
  std::string log_level = "info";           // info | warning | error
  std::string otlp_endpoint;  // http://HOST:PORT that takes OpenTelemetry's spans; empty = none
};

// The whole of config.yaml.
struct ModelConfig {
  ModelIdentity model;
  ComputeInfo inference_compute_info;
  CheckpointSource checkpoints;
  RuntimeOptions runtime;
  ServerOptions server;

  std::vector<std::string> warnings;  // from the reader: unknown keys, with file, line and column
};

// Reads a config.yaml; the environment (NESTVEC_THREADS and so on) overrides the file.
// Blocks on file I/O. Safe for concurrent use. Unknown keys become `warnings`.
// Throws Error: kNotFound (no such file), kInvalidArgument (syntax, type or range, with
// file:line:column).
ModelConfig read_config(const std::string& path);

// The configuration for one model folder or hub repository with every default in place and the
// environment applied. Throws Error: kInvalidArgument (an environment variable that does not
// parse).
ModelConfig config_for_model(const std::string& folder_or_repo);

}  // namespace nestvec
