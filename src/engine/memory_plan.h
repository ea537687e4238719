// SPDX-License-Identifier: Apache-2.0
// What models will take at their peak, computed before they are loaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace nestvec {

// What decides memory.
struct MemoryFacts {
  std::uint64_t weight_bytes = 0;     // of the graph's files
  std::uint64_t tokenizer_bytes = 0;  // of tokenizer.json
  std::uint64_t hidden = 0;
  std::uint64_t intermediate = 0;
  bool gated = false;  // a gate of the same width stands beside it
  std::uint64_t heads = 0;
  std::uint64_t kv_heads = 0;       // of keys and values; 0: as many as `heads`
  std::uint64_t head_width = 0;     // 0: hidden / heads
  std::uint64_t vocabulary = 0;     // weights of a text from a masked language model's head
  std::uint64_t token_vectors = 0;  // numbers of a token's vector from a head
  std::size_t max_tokens = 0;       // longest sequence
  std::size_t max_batch_tokens = 0;
  // The graph's own operators: activations are packed, wide ones made in blocks of rows.
  bool native = false;
  std::uint64_t module_bytes = 0;  // of the modules behind the pooling
  bool keeps_tokens = false;       // native: rows are made of token embeddings beside the graph
  std::size_t threads = 1;         // native: each has buffers of its own
  bool full_attention = false;     // the graph holds S x S scores: published exports do
  bool merges_adapters = false;    // the graph rebuilds every weight on each call
};

struct MemoryPlan {
  std::uint64_t weights = 0;
  std::uint64_t workspace = 0;  // activations of the largest batch
  std::uint64_t passing = 0;    // the same for what runs in a pause of a long batch (decision 0025)
  std::uint64_t attention = 0;  // S x S scores of the longest sequence, where the graph holds them
  std::uint64_t fixed = 0;      // tokenizer, code, allocator
  std::uint64_t total() const noexcept { return weights + workspace + passing + attention + fixed; }
  // "weights 2.1 GiB + workspace 0.6 GiB + ... = 2.9 GiB"
  std::string text() const;
};

MemoryPlan plan_memory(const MemoryFacts& facts);

// The plan in one line, with the budget it was held against (0 = none).
std::string describe_plan(const MemoryFacts& facts, std::uint64_t budget_bytes);

// Throws Error kResourceExhausted with the plan's numbers when it is over `budget_bytes` (0 =
// none), and says which max_tokens would fit, if any.
void check_budget(const MemoryFacts& facts, std::uint64_t budget_bytes);

// A model among those that share a thread, so that one of them runs at a time.
struct ModelShare {
  std::string name;
  MemoryFacts facts;
  std::string weights;  // names the file that is mapped: models of the same one share it; may be
                        // empty
};

// Weights and tokenizers of all, and the workspace of the largest.
MemoryPlan plan_memory(std::span<const ModelShare> models);
std::string describe_plan(std::span<const ModelShare> models, std::uint64_t budget_bytes);

// As check_budget() of the facts for one model; for several the message has the share of each.
void check_budget(std::span<const ModelShare> models, std::uint64_t budget_bytes);

}  // namespace nestvec
