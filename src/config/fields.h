// SPDX-License-Identifier: Apache-2.0
// Every configuration key once: its name, its kind and its help. The reader of config.yaml, the
// environment variables, the flags of the command line and docs/config.md are visitors of this
// table.
#pragma once

#include <cstdint>
#include <string_view>

#include "config/field.h"
#include "config/model_fields.h"
#include "config/pooling_fields.h"
#include "config/server_fields.h"
#include "config/task_fields.h"

namespace nestvec {

inline constexpr std::uint64_t kMostTokens = 1u << 20;

// The keys of each section, for visit_fields.
template <typename Section, typename Visitor>
// NOLINTNEXTLINE(readability-function-size): a table
void visit_runtime_fields(Section& runtime, Visitor& visit) {
  visit(Field{"runtime",
              "precision",
              "precision",
              FieldKind::kChoice,
              "Precision of the matrix products. auto is bf16 where the processor computes in it, "
              "else fp32. int8-weights takes the least memory and computes as bf16 or fp32 does. "
              "int8 is the fastest with VNNI or AMX, and changes the vectors more.",
              {"auto", "fp32", "bf16", "int8-weights", "int8"}},
        runtime.precision);
  visit(Field{"runtime",
              "graph",
              "graph",
              FieldKind::kChoice,
              "native compiles the weights into nestvec's own operators, portable into stock "
              "operators of ONNX Runtime in fp32. published runs the ONNX file as it is. auto is "
              "native if all weights are there.",
              {"auto", "native", "portable", "published"}},
        runtime.graph);
  visit_pooling_fields(runtime, visit);
  visit_task_fields(runtime, visit);
  visit(Field{"runtime",
              "threads",
              "threads",
              FieldKind::kCount,
              "Number of threads; 0 means one per available core. Never more than cpu_limit, CPU "
              "affinity and the cgroup quota allow.",
              {},
              4096},
        runtime.threads);
  visit(Field{"runtime",
              "max_tokens",
              "max-tokens",
              FieldKind::kCount,
              "Longest text in tokens, including its prompt and special tokens; 0 means the "
              "model's own limit.",
              {},
              kMostTokens},
        runtime.max_tokens);
  visit(Field{"runtime",
              "max_batch_tokens",
              "max-batch-tokens",
              FieldKind::kCount,
              "Tokens that may share one run of the model.",
              {},
              kMostTokens},
        runtime.max_batch_tokens);
  visit(Field{"runtime",
              "batch_milliseconds",
              "batch-milliseconds",
              FieldKind::kCount,
              "Target time of one run of the model, so that a short call does not wait behind a "
              "long one. 0 means no limit, but `nestvec serve` then uses 100. A single text is "
              "never divided.",
              {},
              600'000},
        runtime.batch_milliseconds);
  visit(Field{"runtime", "vector_cache", "vector-cache", FieldKind::kBytes,
              "Memory for the vectors of texts seen before, such as 256Mi; 0 means no cache."},
        runtime.vector_cache_bytes);
  visit(Field{"runtime", "cache_dir", "cache-dir", FieldKind::kText,
              "Folder for compiled models; if empty, $NESTVEC_CACHE, then ~/.cache/nestvec."},
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

// Whether each item of `models` has the key, too. The others belong to all models together.
inline bool is_of_model(const Field& field) {
  if (field.section == "runtime") return field.key != "threads" && field.key != "cache_dir";
  return field.section == "model" || field.section == "checkpoints";
}

// The key by which an item of `models` has it: `name` for `model.id`, else its own.
inline std::string_view key_in_item(const Field& field) {
  return field.section == "model" && field.key == "id" ? "name" : field.key;
}

// Whether it says which model is meant, or who it is: of one model alone.
inline bool is_identity(const Field& field) {
  return field.section == "model" || field.name == "repo-id";
}

}  // namespace nestvec
