// SPDX-License-Identifier: Apache-2.0
// Every configuration key once: its name, its kind and its help. The reader of config.yaml, the
// environment variables, the flags of the command line and docs/config.md are visitors of this
// table.
#pragma once

#include <cstdint>

#include "config/field.h"
#include "config/pooling_fields.h"
#include "config/server_fields.h"
#include "config/task_fields.h"

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
  visit(Field{"checkpoints", "pull", "pull", FieldKind::kSwitch,
              "Download the model from the hub if it is not on this machine."},
        source.pull);
}

template <typename Section, typename Visitor>
// NOLINTNEXTLINE(readability-function-size): a table
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
  visit_pooling_fields(runtime, visit);
  visit_task_fields(runtime, visit);
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

// Calls visit(field, value) for each key, in the order of the file. `value` is a std::string for
// kText, kChoice and kSecret, a double for kCores, a std::uint64_t for kBytes and kCount, a bool
// for kSwitch and Prompts for kPrompts; const where `config` is. A ModelConfig has no keys of
// `server`, a ServerConfig has all.
template <typename Config, typename Visitor>
void visit_fields(Config& config, Visitor&& visit) {
  visit_model_fields(config.model, visit);
  visit_compute_fields(config.inference_compute_info, visit);
  visit_checkpoint_fields(config.checkpoints, visit);
  visit_runtime_fields(config.runtime, visit);
  if constexpr (requires { config.server; }) visit_server_fields(config.server, visit);
}

}  // namespace nestvec
