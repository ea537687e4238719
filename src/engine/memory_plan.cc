// SPDX-License-Identifier: Apache-2.0
#include "engine/memory_plan.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "nestvec/error.h"
#include "ops/attention.h"
#include "ops/row_input.h"
#include "ops/vocabulary.h"
#include "session/session.h"

namespace nestvec {
namespace {

constexpr std::uint64_t kMiB = 1u << 20;
constexpr std::uint64_t kFloat = 4;
constexpr std::uint64_t kProcess = 64 * kMiB;  // code, allocator
constexpr std::uint64_t kModel = 16 * kMiB;    // the graph of each model beyond the first

std::string mebibytes(std::uint64_t bytes) {
  return std::to_string((bytes + kMiB - 1) / kMiB) + " MiB";
}

std::uint64_t head_width(const MemoryFacts& facts) {
  if (facts.head_width > 0) return facts.head_width;
  return facts.hidden / std::max<std::uint64_t>(1, facts.heads);
}

// The values of a token in queries, keys and values, and in the attention's output.
std::uint64_t queries(const MemoryFacts& facts) {
  return std::max<std::uint64_t>(1, facts.heads) * head_width(facts);
}
std::uint64_t keys_and_values(const MemoryFacts& facts) {
  return 2 * (facts.kv_heads > 0 ? facts.kv_heads * head_width(facts) : queries(facts));
}

// The same of a graph of stock operators, which makes the scores of all tokens of a text and turns
// a decoder that is the word table.
std::uint64_t portable_heads(const MemoryFacts& facts, std::uint64_t batch, std::uint64_t longest) {
  return 2 * kFloat * batch * facts.token_vectors +
         kFloat * facts.vocabulary * (3 * longest + facts.hidden);
}

// Vectors of all tokens, as the graph gives them and in the results; the weights of as many texts
// as have theirs at once, the same as sparse rows, which may have them all, and a block of scores.
std::uint64_t native_heads(const MemoryFacts& facts, std::uint64_t batch) {
  std::uint64_t bytes = 2 * kFloat * batch * facts.token_vectors;
  if (facts.vocabulary > 0) {
    const std::uint64_t texts = std::min<std::uint64_t>(batch, vocabulary_texts(facts.vocabulary));
    bytes += 3 * kFloat * texts * facts.vocabulary;
    bytes += kFloat * kVocabularyRows * (kVocabularyColumns + facts.hidden);
  }
  return bytes;
}

// Live at once in a native graph: residual, qkv, the attention's output and the layer's result,
// with every value in fp32; beside them the operators' scratch, which does not grow with the batch
// but for the keys and values of one head of the longest text.
std::uint64_t native_run(const MemoryFacts& facts, std::uint64_t batch, std::uint64_t longest) {
  // Rows on their way through a layer: of all threads together, or of each its own block.
  const std::uint64_t rows =
      std::min<std::uint64_t>(batch, std::max(kBlockRows, facts.threads * kProductRows));
  const std::uint64_t layer = 2 * facts.hidden + 2 * queries(facts) + keys_and_values(facts);
  const std::uint64_t activations = batch * kFloat * layer;
  const std::uint64_t widest = std::max(facts.intermediate, queries(facts));
  const std::uint64_t scratch = rows * kFloat * (facts.hidden + 2 * widest);
  const std::uint64_t head = head_width(facts);
  const std::uint64_t keys = 2 * kFloat * (head + 32) * (longest + facts.threads * kShortSequence);
  const std::uint64_t tokens = facts.keeps_tokens ? kFloat * batch * facts.hidden : 0;
  return activations + scratch + keys + tokens + native_heads(facts, batch);
}

// The most that one of the models takes in a pause of another's long batch.
std::uint64_t passing_bytes(std::span<const ModelShare> models) {
  const bool pauses = std::ranges::any_of(models, [](const ModelShare& model) {
    return model.facts.native && model.facts.max_tokens > kPauseTokens;
  });
  std::uint64_t most = 0;
  for (const ModelShare& model : models) {
    MemoryFacts facts = model.facts;
    facts.max_tokens = std::min(facts.max_tokens, kPauseTokens);
    facts.max_batch_tokens = kPauseTokens;
    const MemoryPlan plan = plan_memory(facts);
    most = std::max(most, plan.workspace + plan.attention);
  }
  return pauses ? most : 0;
}

// Whether the weights are among those that were asked for before.
bool is_mapped(const ModelShare& model, std::vector<std::string_view>& before) {
  const bool is_known = std::ranges::find(before, model.weights) != before.end();
  before.emplace_back(model.weights);
  return is_known && !model.weights.empty();
}

// "a 2100 MiB of weights and 400 MiB of workspace"
std::string share_text(const ModelShare& model, bool shares_weights) {
  const MemoryPlan plan = plan_memory(model.facts);
  return model.name + " " + mebibytes(plan.weights) + " of weights" +
         (shares_weights ? " (shared)" : "") + " and " +
         mebibytes(plan.workspace + plan.attention) + " of workspace";
}

// Live at once in the widest place of a layer of stock operators: residual, q, k, v and their
// transposed copies (keys and values once for each head of queries), the attention's output; in the
// feed-forward part two of the wide activations beside the residual, with a gate four.
std::uint64_t stock_run(const MemoryFacts& facts, std::uint64_t batch) {
  const std::uint64_t attention = 3 * facts.hidden + 9 * queries(facts);
  const std::uint64_t wide = (facts.gated ? 4 : 2) * facts.intermediate;
  return batch * kFloat * std::max(attention, 3 * facts.hidden + wide);
}

}  // namespace

std::string MemoryPlan::text() const {
  std::string line = "weights " + mebibytes(weights) + " + workspace " + mebibytes(workspace);
  if (passing > 0) line += " + passing texts " + mebibytes(passing);
  if (attention > 0) line += " + attention scores " + mebibytes(attention);
  return line + " + fixed " + mebibytes(fixed) + " = " + mebibytes(total());
}

MemoryPlan plan_memory(const MemoryFacts& facts) {
  const std::uint64_t longest = std::max(facts.max_tokens, std::size_t{1});
  const std::uint64_t batch = std::max<std::uint64_t>(facts.max_batch_tokens, longest);
  MemoryPlan plan;
  // A graph that merges its adapters holds the merged weights and the largest products beside them.
  plan.weights =
      facts.merges_adapters ? facts.weight_bytes * 3 + facts.weight_bytes / 2 : facts.weight_bytes;
  plan.workspace = facts.native ? native_run(facts, batch, longest)
                                : stock_run(facts, batch) + portable_heads(facts, batch, longest);
  if (facts.native && longest > kPauseTokens) {
    plan.passing = native_run(facts, kPauseTokens, kPauseTokens);
  }
  if (facts.full_attention) {
    // Scores, masked scores and their softmax, over all sequences of the longest length in a batch.
    plan.attention = 3 * kFloat * facts.heads * longest * batch;
  }
  plan.fixed = kProcess + 4 * facts.tokenizer_bytes + facts.module_bytes;
  return plan;
}

std::string describe_plan(const MemoryFacts& facts, std::uint64_t budget_bytes) {
  const std::string line = plan_memory(facts).text();
  return line + (budget_bytes == 0 ? ", no budget set" : " of " + mebibytes(budget_bytes));
}

void check_budget(const MemoryFacts& facts, std::uint64_t budget_bytes) {
  const MemoryPlan plan = plan_memory(facts);
  if (budget_bytes == 0 || plan.total() <= budget_bytes) return;
  std::string advice = "raise cpu_memory";
  MemoryFacts smaller = facts;
  for (std::size_t tokens = facts.max_tokens / 2; tokens >= 32; tokens /= 2) {
    smaller.max_tokens = tokens;
    smaller.max_batch_tokens = std::min(facts.max_batch_tokens, tokens);
    if (plan_memory(smaller).total() > budget_bytes) continue;
    advice += ", or set runtime.max_tokens and runtime.max_batch_tokens to " +
              std::to_string(tokens) + " (" + mebibytes(plan_memory(smaller).total()) + ")";
    break;
  }
  throw Error(ErrorCode::kResourceExhausted, "memory plan over budget: " + plan.text() +
                                                 ", cpu_memory allows " + mebibytes(budget_bytes) +
                                                 "; " + advice);
}

MemoryPlan plan_memory(std::span<const ModelShare> models) {
  if (models.size() == 1) return plan_memory(models.front().facts);
  MemoryPlan all;
  std::vector<std::string_view> mapped;
  for (const ModelShare& model : models) {
    const MemoryPlan plan = plan_memory(model.facts);
    if (!is_mapped(model, mapped)) all.weights += plan.weights;
    all.fixed += plan.fixed - kProcess + kModel;
    if (plan.workspace + plan.attention > all.workspace + all.attention) {
      all.workspace = plan.workspace;
      all.attention = plan.attention;
    }
  }
  all.fixed += kProcess - (models.empty() ? 0 : kModel);
  all.passing = passing_bytes(models);
  return all;
}

std::string describe_plan(std::span<const ModelShare> models, std::uint64_t budget_bytes) {
  const std::string line = plan_memory(models).text();
  return line + (budget_bytes == 0 ? ", no budget set" : " of " + mebibytes(budget_bytes));
}

void check_budget(std::span<const ModelShare> models, std::uint64_t budget_bytes) {
  if (models.size() == 1) return check_budget(models.front().facts, budget_bytes);
  const MemoryPlan plan = plan_memory(models);
  if (budget_bytes == 0 || plan.total() <= budget_bytes) return;
  std::string shares;
  std::vector<std::string_view> mapped;
  for (const ModelShare& model : models) {
    shares += (shares.empty() ? "" : ", ") + share_text(model, is_mapped(model, mapped));
  }
  throw Error(ErrorCode::kResourceExhausted,
              "memory plan over budget: " + shares + "; together " + plan.text() +
                  ", cpu_memory allows " + mebibytes(budget_bytes) +
                  "; raise cpu_memory, load fewer models, or lower runtime.max_batch_tokens");
}

}  // namespace nestvec
