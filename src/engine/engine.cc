// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include <algorithm>
#include <cmath>

#include "batch/batch_plan.h"
#include "output/vector.h"

namespace nestvec {
namespace {

bool all_finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

}  // namespace

Model::Engine::Engine(Parts parts) : parts_(std::move(parts)) {}

PlanRules Model::Engine::rules_for(const EmbedOptions& options) const {
  PlanRules rules;
  rules.max_tokens = parts_.info.max_tokens;
  rules.pooling = parts_.pooling;
  rules.truncation = options.truncation;
  rules.add_prompt = options.add_prompt;
  rules.parse_special = options.parse_special;
  return rules;
}

// Runs sequences in batches and returns the rows of their spans in the sequences' order,
// [sum of spans, width].
std::vector<float> Model::Engine::run_all(std::span<const Sequence> sequences,
                                          const EmbedOptions& call) const {
  RunOptions options;
  options.control = {call.stop, call.deadline};
  const std::size_t width = parts_.session->width();
  std::vector<std::size_t> lengths;
  std::vector<std::size_t> first_row;
  std::size_t rows = 0;
  for (const Sequence& sequence : sequences) {
    lengths.push_back(sequence.ids.size());
    first_row.push_back(rows);
    rows += sequence.spans.size();
  }

  std::vector<float> result(rows * width);
  std::vector<std::size_t> unfinished;
  for (const std::vector<std::size_t>& indices : plan_batches(lengths, parts_.max_batch_tokens)) {
    const std::lock_guard lock(session_mutex_);
    batch_.clear();
    for (const std::size_t index : indices) batch_.add(sequences[index]);
    parts_.session->run(batch_, options, output_);
    float* row = output_.rows.data();
    for (const std::size_t index : indices) {
      const std::size_t values = sequences[index].spans.size() * width;
      if (!all_finite({row, values})) unfinished.push_back(index);
      std::copy_n(row, values, result.data() + first_row[index] * width);
      row += values;
    }
  }
  // Sequences whose values left the range of the graph's arithmetic get a second chance in fp32.
  options.full_precision = true;
  for (const std::size_t index : unfinished) {
    const std::lock_guard lock(session_mutex_);
    run_alone(sequences[index], options);
    std::copy(output_.rows.begin(), output_.rows.end(), result.data() + first_row[index] * width);
  }
  return result;
}

void Model::Engine::run_alone(const Sequence& sequence, const RunOptions& options) const {
  batch_.clear();
  batch_.add(sequence);
  parts_.session->run(batch_, options, output_);
}

void Model::Engine::finish(std::span<const float> pooled, const EmbedOptions& options,
                           Embeddings& out) const {
  const std::size_t width = parts_.session->width();
  const bool normalize = options.normalize.value_or(parts_.normalize);
  out.rows = pooled.size() / width;
  out.width = options.dimensions == 0 ? width : options.dimensions;
  out.values.resize(out.rows * out.width);
  for (std::size_t i = 0; i < out.rows; ++i) {
    finish_vector(pooled.subspan(i * width, width), normalize, i,
                  {out.values.data() + i * out.width, out.width});
  }
}

Embeddings Model::Engine::embed_texts(std::span<const std::string> texts,
                                      std::span<const std::string> tasks,
                                      const EmbedOptions& options) const {
  const PlanRules rules = rules_for(options);
  const TaskChoice common = parts_.tasks.resolve(options.task);
  Embeddings out;
  std::vector<Sequence> sequences;
  sequences.reserve(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const bool own = !tasks.empty() && !tasks[i].empty();
    const TaskChoice task = own ? parts_.tasks.resolve(tasks[i]) : common;
    TextPlan plan = plan_text(parts_.tokenizer, rules, task, texts[i], i);
    out.tokens.push_back(static_cast<std::uint32_t>(plan.sequence.ids.size()));
    if (plan.truncated) out.truncated.push_back(static_cast<std::uint32_t>(i));
    sequences.push_back(std::move(plan.sequence));
  }
  finish(run_all(sequences, options), options, out);
  return out;
}

Embeddings Model::Engine::embed_chunks(std::span<const std::string> chunks,
                                       const EmbedOptions& options) const {
  const std::size_t width = parts_.session->width();
  const LateChunkPlan plan = plan_late_chunks(parts_.tokenizer, rules_for(options),
                                              parts_.tasks.resolve(options.task), chunks);
  const std::vector<float> spans = run_all(plan.windows, options);
  Embeddings out;
  std::vector<float> pooled(chunks.size() * width);
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    std::uint32_t tokens = 0;
    for (const ChunkPiece& piece : plan.chunks[i]) tokens += piece.tokens;
    for (const ChunkPiece& piece : plan.chunks[i]) {
      const float weight = static_cast<float>(piece.tokens) / static_cast<float>(tokens);
      for (std::size_t k = 0; k < width; ++k) {
        pooled[i * width + k] += weight * spans[piece.span * width + k];
      }
    }
    out.tokens.push_back(tokens);
  }
  finish(pooled, options, out);
  return out;
}

Embeddings Model::Engine::embed(std::span<const std::string> texts,
                                std::span<const std::string> tasks,
                                const EmbedOptions& options) const {
  if (options.dimensions != 0) {
    check_dimensions(options.dimensions, parts_.session->width(),
                     parts_.info.matryoshka_dimensions);
  }
  if (!tasks.empty() && tasks.size() != texts.size()) {
    throw Error(ErrorCode::kInvalidArgument, std::to_string(tasks.size()) + " tasks for " +
                                                 std::to_string(texts.size()) +
                                                 " texts; give one for each, or none");
  }
  if (options.late_chunking && !tasks.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "late chunking reads all chunks as one context, so they share one task");
  }
  if (texts.empty()) {
    Embeddings out;
    out.width = options.dimensions == 0 ? parts_.session->width() : options.dimensions;
    return out;
  }
  return options.late_chunking ? embed_chunks(texts, options) : embed_texts(texts, tasks, options);
}

TokenEmbeddings Model::Engine::embed_tokens(std::string_view text,
                                            const EmbedOptions& options) const {
  const TextPlan plan =
      plan_tokens(parts_.tokenizer, rules_for(options), parts_.tasks.resolve(options.task), text);
  TokenEmbeddings out;
  out.width = parts_.session->width();
  out.tokens = plan.sequence.ids.size();
  out.ids = plan.sequence.ids;
  for (const ByteRange& range : plan.offsets) out.offsets.emplace_back(range.begin, range.end);
  out.truncated = plan.truncated;
  RunOptions run;
  run.want_tokens = true;
  run.control = {options.stop, options.deadline};
  const std::lock_guard lock(session_mutex_);
  run_alone(plan.sequence, run);
  if (!all_finite(output_.tokens)) {
    run.full_precision = true;
    run_alone(plan.sequence, run);
    if (!all_finite(output_.tokens)) {
      throw Error(ErrorCode::kInternal,
                  "the model computed a value that is not finite, in fp32 too");
    }
  }
  out.values = output_.tokens;
  return out;
}

}  // namespace nestvec
