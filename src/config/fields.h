// SPDX-License-Identifier: Apache-2.0
// Every configuration key once: its name, its kind and its help. The reader of config.yaml, the
// environment variables, the flags of the command line and docs/config.md are visitors of this
// table.
#pragma once

#include <cstdint>

#include "config/field.h"

namespace nestvec {

inline constexpr std::uint64_t kMostTokens = 1u << 20;

// The keys of each section, for visit_fields.
template <typename Section, typename Visitor>
void visit_model_fields(Section& model, Visitor& visit) {
  visit(Field{"model", "id", "model-id", FieldKind::kText,
              "Name of the model to its callers; empty = the last part of repo_id."},
        model.id);
  visit(Field{"model", "user_id", "user-id", FieldKind::kText, "Owner of the model."},
        model.user_id);
  visit(Field{"model", "app_id", "app-id", FieldKind::kText, "Application that it belongs to."},
        model.app_id);
  visit(Field{"model", "model_type_id", "model-type-id", FieldKind::kText, "Kind of model."},
        model.model_type_id);
}

template <typename Section, typename Visitor>
void visit_compute_fields(Section& compute, Visitor& visit) {
  visit(
      Field{"inference_compute_info", "cpu_limit", "cpu-limit", FieldKind::kCores,
            "Cores to use at most, such as \"2\" or \"500m\"; 0 = what affinity, cgroup quota and "
            "physical cores allow."},
      compute.cpu_limit);
  visit(
      Field{
          "inference_compute_info", "cpu_memory", "cpu-memory", FieldKind::kBytes,
          "Memory budget, such as 5Gi: a model whose memory plan is over it is not loaded; 0 = no "
          "budget."},
      compute.cpu_memory_bytes);
  visit(Field{"inference_compute_info",
              "num_accelerators",
              "num-accelerators",
              FieldKind::kCount,
              "Accelerators to use. None is supported so far; the CPU computes.",
              {},
              1024},
        compute.num_accelerators);
}

template <typename Section, typename Visitor>
void visit_checkpoint_fields(Section& source, Visitor& visit) {
  visit(Field{"checkpoints",
              "type",
              "checkpoint-type",
              FieldKind::kChoice,
              "Where the weights come from.",
              {"huggingface"}},
        source.type);
  visit(
      Field{"checkpoints", "repo_id", "repo-id", FieldKind::kText,
            "Repository (OWNER/NAME, or OWNER/NAME@REVISION) or model folder. Empty = the command "
            "takes $NESTVEC_MODEL, then the small default model."},
      source.repo_id);
  visit(Field{"checkpoints", "hf_token", "hf-token", FieldKind::kSecret,
              "Access token of the hub; empty = $HF_TOKEN, then the token file of the Hugging Face "
              "CLI."},
        source.hf_token);
}

template <typename Section, typename Visitor>
void visit_runtime_fields(Section& runtime, Visitor& visit) {
  visit(Field{"runtime",
              "precision",
              "precision",
              FieldKind::kChoice,
              "Arithmetic of the model's products: auto = bf16 where the processor computes in it, "
              "else fp32; int8 is the smallest, with vectors that differ a little.",
              {"auto", "fp32", "bf16", "int8"}},
        runtime.precision);
  visit(
      Field{
          "runtime",
          "graph",
          "graph",
          FieldKind::kChoice,
          "native = from the weights, of nestvec's own operators; portable = from the weights, of "
          "stock operators, fp32; published = the ONNX file as it is; auto = native where all "
          "weights are there.",
          {"auto", "native", "portable", "published"}},
      runtime.graph);
  visit(Field{"runtime", "default_task", "default-task", FieldKind::kText,
              "Task of requests that name none: a task of the model, or none."},
        runtime.default_task);
  visit(Field{"runtime",
              "threads",
              "threads",
              FieldKind::kCount,
              "Threads; 0 = one a granted core; at most what cpu_limit, affinity and quota allow.",
              {},
              4096},
        runtime.threads);
  visit(Field{"runtime",
              "max_tokens",
              "max-tokens",
              FieldKind::kCount,
              "Longest sequence, prompt and special tokens included; 0 = the model's own limit.",
              {},
              kMostTokens},
        runtime.max_tokens);
  visit(Field{"runtime",
              "max_batch_tokens",
              "max-batch-tokens",
              FieldKind::kCount,
              "Tokens of one run of the graph, over all its texts.",
              {},
              kMostTokens},
        runtime.max_batch_tokens);
  visit(Field{"runtime",
              "batch_milliseconds",
              "batch-milliseconds",
              FieldKind::kCount,
              "What a run of the graph should take at most, so that a short call need not wait "
              "behind a long one; 0 = no limit, `nestvec serve` then takes 100. A single text is "
              "never divided.",
              {},
              600'000},
        runtime.batch_milliseconds);
  visit(Field{"runtime", "vector_cache", "vector-cache", FieldKind::kBytes,
              "Memory for vectors of texts that were seen before, such as 256Mi; 0 = none are "
              "kept."},
        runtime.vector_cache_bytes);
  visit(Field{"runtime", "cache_dir", "cache-dir", FieldKind::kText,
              "Folder of compiled graphs; empty = $NESTVEC_CACHE, then ~/.cache/nestvec."},
        runtime.cache_dir);
}

// Parts of visit_server_fields.
template <typename Section, typename Visitor>
void visit_access_fields(Section& server, Visitor& visit) {
  visit(Field{"server", "api_keys", "api-keys", FieldKind::kSecret,
              "API keys, separated by commas. Without a key here or in a file nobody is asked for "
              "one."},
        server.api_keys);
  visit(Field{"server", "api_key_file", "api-key-file", FieldKind::kText,
              "File of API keys, one a line: KEY, or NAME: KEY to see the name in the log; `#` "
              "begins a comment. Read again on SIGHUP."},
        server.api_key_file);
  visit(Field{"server", "tls_certificate", "tls-certificate", FieldKind::kText,
              "PEM file of the certificate and its chain: TLS instead of plain connections. Read "
              "again on SIGHUP."},
        server.tls_certificate);
  visit(Field{"server", "tls_key", "tls-key", FieldKind::kText,
              "PEM file of the certificate's private key. Read again on SIGHUP."},
        server.tls_key);
  visit(Field{"server", "cors_origins", "cors-origins", FieldKind::kText,
              "Origins whose pages may call the server, separated by commas; `*` = all, empty = "
              "none."},
        server.cors_origins);
}

template <typename Section, typename Visitor>
void visit_limit_fields(Section& server, Visitor& visit) {
  constexpr std::uint64_t kDay = 86'400;
  constexpr std::uint64_t kMany = 1u << 20;
  const auto count = [&](std::string_view key, std::string_view name, std::string_view help,
                         std::uint64_t least, std::uint64_t most, auto& value) {
    visit(Field{"server", key, name, FieldKind::kCount, help, {}, most, least}, value);
  };
  visit(Field{"server", "max_body", "max-body", FieldKind::kBytes,
              "Longest body of a request, unpacked, such as 32Mi."},
        server.max_body_bytes);
  count("max_inputs", "max-inputs", "Texts of a request.", 1, kMany, server.max_inputs);
  count("max_connections", "max-connections", "Connections at a time.", 1, kMany,
        server.max_connections);
  count("header_seconds", "header-seconds", "Time for the head of a request to arrive.", 1, kDay,
        server.header_seconds);
  count("idle_seconds", "idle-seconds",
        "Time between requests of a connection, and without a byte of a body.", 1, kDay,
        server.idle_seconds);
  count("request_seconds", "request-seconds",
        "Deadline of every request; 0 = only what x-request-timeout-ms asks for.", 0, kDay,
        server.request_seconds);
  count("grace_seconds", "grace-seconds",
        "After SIGTERM, time for the requests that are being answered.", 0, kDay,
        server.grace_seconds);
  count("max_queue_tokens", "max-queue-tokens",
        "Tokens that may wait for the model; over it requests are refused with status 429. 0 = no "
        "limit.",
        0, std::uint64_t{1} << 40, server.max_queue_tokens);
  count("max_queue_seconds", "max-queue-seconds",
        "Expected wait for the model over which requests are refused with status 429; 0 = no "
        "limit.",
        0, kDay, server.max_queue_seconds);
}

template <typename Section, typename Visitor>
void visit_server_fields(Section& server, Visitor& visit) {
  visit(Field{"server", "http", "http", FieldKind::kText,
              "Where to answer HTTP: HOST:PORT, :PORT for every interface, or unix:PATH; port 0 = "
              "any free one."},
        server.http);
  visit(Field{"server", "grpc", "grpc", FieldKind::kText,
              "Where to answer gRPC, in the same form; empty = nowhere."},
        server.grpc);
  visit_access_fields(server, visit);
  visit_limit_fields(server, visit);
  visit(Field{"server",
              "log_format",
              "log-format",
              FieldKind::kChoice,
              "Form of the log on standard error.",
              {"text", "json"}},
        server.log_format);
}

// Calls visit(field, value) for each key, in the order of the file. `value` is a std::string for
// kText, kChoice and kSecret, a double for kCores and a std::uint64_t for kBytes and kCount; const
// where `config` is.
template <typename Config, typename Visitor>
void visit_fields(Config& config, Visitor&& visit) {
  visit_model_fields(config.model, visit);
  visit_compute_fields(config.inference_compute_info, visit);
  visit_checkpoint_fields(config.checkpoints, visit);
  visit_runtime_fields(config.runtime, visit);
  visit_server_fields(config.server, visit);
}

}  // namespace nestvec
