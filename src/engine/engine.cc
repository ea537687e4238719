// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/seconds.h"
#include "engine/callback.h"
#include "engine/side_outputs.h"
#include "output/vector.h"

namespace nestvec {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

// A call between its plan and its rows.
struct Model::Engine::Call {
  EmbedOptions options;
  Done done;
  Embeddings out;  // tokens and what was truncated; the rest at the end
  std::vector<Sequence> sequences;
  std::vector<std::vector<ChunkPiece>> chunks;  // late chunking: what each row is made of
  // With a cache, which has no part in late chunking: the rows that it had by text, and which ones
  // are still to be computed, with their sequences.
  std::vector<std::vector<float>> known;
  std::vector<std::size_t> missing;
  std::vector<Sequence> missing_sequences;
  MemoryShare known_memory;
};

Model::Engine::Engine(Parts parts)
    : parts_(std::move(parts)),
      pooled_(parts_.session->pooled()),
      cache_(std::make_unique<VectorCache>(parts_.cache_bytes)),
      scheduler_(std::make_unique<ModelLane>(
          parts_.scheduler ? parts_.scheduler : std::make_shared<Scheduler>(),
          std::move(parts_.session),
          Scheduler::Options{parts_.max_batch_tokens, parts_.batch_milliseconds})) {}

PlanRules Model::Engine::rules_for(const EmbedOptions& options) const {
  PlanRules rules;
  rules.max_tokens = parts_.info.max_tokens;
  rules.pooling = parts_.pooling;
  rules.truncation = options.truncation == Truncation::kRight && parts_.truncates_left
                         ? Truncation::kLeft
                         : options.truncation;
  rules.add_prompt = options.add_prompt;
  rules.include_prompt = parts_.include_prompt;
  rules.vocabulary = parts_.vocabulary;
  rules.parse_special = options.parse_special;
  return rules;
}

void Model::Engine::check(std::span<const std::string> texts, std::span<const std::string> tasks,
                          const EmbedOptions& options) const {
  refuse_scores();
  check_kinds(options, parts_.info);
  if (options.dimensions != 0 && options.dense) {
    check_dimensions(options.dimensions, width(), parts_.info.matryoshka_dimensions);
  }
  if (!tasks.empty() && tasks.size() != texts.size()) {
    throw Error(ErrorCode::kInvalidArgument, std::to_string(tasks.size()) + " tasks for " +
                                                 std::to_string(texts.size()) +
                                                 " texts; give one for each, or none");
  }
  if (options.late_chunking) refuse_pooled("late chunking");
  if (options.late_chunking && !parts_.no_late_chunking.empty()) {
    throw Error(ErrorCode::kUnimplemented,
                "late chunking is not available for this model: " + parts_.no_late_chunking);
  }
  if (options.late_chunking && !tasks.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "late chunking reads all chunks as one context, so they share one task");
  }
}

void Model::Engine::refuse_scores() const {
  if (!parts_.scores) return;
  const bool reranker = parts_.info.labels.size() == 1;
  throw Error(ErrorCode::kInvalidArgument,
              parts_.info.id + (reranker ? " is a reranker, which has no vectors: use rerank()"
                                         : " is a classifier, which has no vectors: use "
                                           "classify()"));
}

// A graph that pools by itself gives one vector a text and nothing else.
void Model::Engine::refuse_pooled(const char* what) const {
  if (!pooled_) return;
  throw Error(
      ErrorCode::kUnimplemented,
      std::string("this model's graph gives one vector per text (sentence_embedding), so ") + what +
          " is not available; load its safetensors, or an export that gives "
          "token embeddings");
}

void Model::Engine::plan_texts(std::span<const std::string> texts,
                               std::span<const std::string> tasks, Call& call) const {
  Pace pace(RunControl{call.options.stop, call.options.deadline});
  PlanRules rules = rules_for(call.options);
  rules.pace = &pace;
  const TaskChoice common = parts_.tasks.resolve(call.options.task);
  call.sequences.reserve(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const bool own = !tasks.empty() && !tasks[i].empty();
    const TaskChoice task = own ? parts_.tasks.resolve(tasks[i]) : common;
    TextPlan plan = plan_text(parts_.tokenizer, rules, task, texts[i], i);
    call.out.tokens.push_back(static_cast<std::uint32_t>(plan.sequence.ids.size()));
    if (plan.truncated) call.out.truncated.push_back(static_cast<std::uint32_t>(i));
    choose_kinds(call.options, plan.sequence);
    call.sequences.push_back(std::move(plan.sequence));
  }
}

void Model::Engine::plan_chunks(std::span<const std::string> chunks, Call& call) const {
  Pace pace(RunControl{call.options.stop, call.options.deadline});
  PlanRules rules = rules_for(call.options);
  rules.pace = &pace;
  LateChunkPlan plan =
      plan_late_chunks(parts_.tokenizer, rules, parts_.tasks.resolve(call.options.task), chunks);
  call.sequences = std::move(plan.windows);
  call.chunks = std::move(plan.chunks);
  for (const std::vector<ChunkPiece>& pieces : call.chunks) {
    std::uint32_t tokens = 0;
    for (const ChunkPiece& piece : pieces) tokens += piece.tokens;
    call.out.tokens.push_back(tokens);
  }
}

bool Model::Engine::is_dense_alone(const EmbedOptions& options) {
  return options.dense && !options.sparse && !options.multi_vector;
}

// Leaves in call.sequences what is still to be computed.
void Model::Engine::take_from_cache(Call& call) const {
  if (!cache_->enabled() || !call.chunks.empty() || !is_dense_alone(call.options)) return;
  const std::size_t bytes = width() * sizeof(float);
  const std::shared_ptr<MemoryAccount>& account = call.options.queue.memory;
  call.known_memory = MemoryShare(account);
  call.known.resize(call.sequences.size());
  std::vector<float> row(width());
  std::vector<Sequence> missing;
  for (std::size_t i = 0; i < call.sequences.size(); ++i) {
    if (cache_->find(call.sequences[i], row)) {
      if (!call.known_memory.try_grow(bytes)) throw Error(no_memory_for_answer(*account, bytes, 0));
      call.known[i] = row;
    } else {
      call.missing.push_back(i);
      missing.push_back(std::move(call.sequences[i]));
    }
  }
  call.missing_sequences = missing;
  call.sequences = std::move(missing);
}

// The rows in their order: a text's, or of all windows' spans. Takes them from the output.
std::vector<std::vector<float>> Model::Engine::collect_rows(Call& call, JobOutput& output) const {
  std::vector<std::vector<float>> rows = std::move(call.known);
  rows.resize(std::max(rows.size(), output.sequences.size()));
  for (std::size_t i = 0; i < output.sequences.size(); ++i) {
    std::vector<float>& computed = output.sequences[i].rows;
    if (call.missing.empty()) {
      rows[i] = std::move(computed);
      continue;
    }
    if (all_finite(computed)) cache_->insert(call.missing_sequences[i], computed);
    rows[call.missing[i]] = std::move(computed);
  }
  return rows;
}

// A chunk's row from those of its pieces, which are rows of the windows.
std::vector<float> Model::Engine::pool_chunk(const std::vector<ChunkPiece>& pieces,
                                             std::span<const float* const> spans) const {
  const std::size_t columns = scheduler_->width();
  const PoolKind kind = pool_kind(parts_.pooling);
  double sum = 0;
  for (const ChunkPiece& piece : pieces) {
    const double weight = pool_weight(kind, piece.tokens, piece.place);
    sum += kind == PoolKind::kMeanSqrtLength ? weight * weight : weight;
  }
  if (kind == PoolKind::kMeanSqrtLength) sum = std::sqrt(sum);
  const float* const first = spans[pieces.front().span];
  std::vector<float> pooled(columns);
  if (kind == PoolKind::kMax) pooled.assign(first, first + columns);
  for (const ChunkPiece& piece : pieces) {
    const float* const row = spans[piece.span];
    const auto weight = static_cast<float>(pool_weight(kind, piece.tokens, piece.place) / sum);
    for (std::size_t k = 0; k < columns; ++k) {
      pooled[k] =
          kind == PoolKind::kMax ? std::max(pooled[k], row[k]) : pooled[k] + weight * row[k];
    }
  }
  return pooled;
}

// The rows of all texts, through the modules behind the pooling.
void Model::Engine::run_modules(const Call& call, JobOutput& output) const {
  if (!parts_.modules || !call.options.dense || !call.chunks.empty()) return;
  std::vector<std::vector<float>> rows;
  for (std::size_t first = 0; first < output.sequences.size(); first += rows.size()) {
    rows.resize(std::min(ModuleStack::kRows, output.sequences.size() - first));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i] = std::move(output.sequences[first + i].rows);
    }
    parts_.modules->run(rows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      output.sequences[first + i].rows = std::move(rows[i]);
    }
  }
}

// As many rows from `first` on as go through the modules together: of texts, or chunks of `spans`.
void Model::Engine::finish_rows(const Call& call, std::size_t first,
                                std::span<std::vector<float>> rows,
                                std::span<const float* const> spans, Embeddings& out) const {
  const std::size_t count = std::min(ModuleStack::kRows, out.rows - first);
  std::vector<std::vector<float>> chunks;
  if (call.chunks.empty()) {
    rows = rows.subspan(first, count);
  } else {
    for (std::size_t i = 0; i < count; ++i) {
      chunks.push_back(pool_chunk(call.chunks[first + i], spans));
    }
    if (parts_.modules) parts_.modules->run(chunks);
    rows = chunks;
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (parts_.matryoshka_layer_norm && out.width < rows[i].size()) layer_normalise(rows[i]);
    finish_vector(rows[i], call.options.normalize.value_or(parts_.normalize), first + i,
                  {out.values.data() + (first + i) * out.width, out.width});
  }
}

Embeddings Model::Engine::finish(Call& call, JobOutput output) const {
  run_modules(call, output);
  const std::size_t columns = scheduler_->width();
  std::vector<std::vector<float>> rows = collect_rows(call, output);
  std::vector<const float*> spans;
  if (!call.chunks.empty()) {
    for (const std::vector<float>& window : rows) {
      for (std::size_t i = 0; i < window.size(); i += columns) spans.push_back(window.data() + i);
    }
  }
  Embeddings out = std::move(call.out);
  take_sides(call.options, parts_.side, output.sequences, out);
  out.timing.queue = output.queue_seconds;
  out.timing.compute = output.compute_seconds;
  out.rows = call.chunks.empty() ? rows.size() : call.chunks.size();
  out.width = dimensions_for(call.options);
  out.values.resize(out.rows * out.width);
  for (std::size_t i = 0; out.width > 0 && i < out.rows; i += ModuleStack::kRows) {
    finish_rows(call, i, rows, spans, out);
  }
  rows.clear();
  call.known_memory.shrink(0);
  output.memory.shrink(answer_bytes(call, out.rows) + side_bytes(out));
  out.memory = std::make_shared<MemoryShare>(std::move(output.memory));
  return out;
}

// Of a vector, which modules may make wider or narrower than the graph's rows.
std::size_t Model::Engine::width() const noexcept {
  return parts_.modules ? parts_.modules->width() : scheduler_->width();
}

std::size_t Model::Engine::dimensions_for(const EmbedOptions& options) const {
  if (!options.dense) return 0;
  if (options.dimensions > 0) return options.dimensions;
  return parts_.dimensions > 0 ? parts_.dimensions : width();
}

std::size_t Model::Engine::answer_bytes(const Call& call, std::size_t rows) const {
  return rows * dimensions_for(call.options) * sizeof(float);
}

void Model::Engine::give_rows(Call& call, Result<JobOutput> output) const noexcept {
  std::optional<Result<Embeddings>> rows;
  if (or_error(call.done, [&] { rows = finish(call, std::move(output).value()); })) {
    call.done(*std::move(rows));
  }
}

void Model::Engine::embed_async(std::span<const std::string> texts,
                                std::span<const std::string> tasks, const EmbedOptions& options,
                                Done done) const {
  Job job;
  JobOutput known;
  const bool planned = or_error(done, [&] {
    const Clock::time_point start = Clock::now();
    const auto call = std::make_shared<Call>();
    call->options = options;
    check(texts, tasks, options);
    if (options.late_chunking && !texts.empty()) {
      plan_chunks(texts, *call);
    } else {
      plan_texts(texts, tasks, *call);
    }
    if (!is_dense_alone(options)) job.side_bytes = most_side_bytes(parts_.side, call->sequences);
    job.answer_bytes = answer_bytes(*call, texts.size()) + job.side_bytes;
    take_from_cache(*call);
    if (call->sequences.empty())
      known.memory = memory_for_answer_alone(options.queue, job.answer_bytes);
    call->out.timing.tokenize = seconds_since(start);
    job.sequences = std::move(call->sequences);
    job.control = {options.stop, options.deadline};
    job.queue = options.queue;
    job.done = [this, call](Result<JobOutput> output) { give_rows(*call, std::move(output)); };
    call->done = std::move(done);  // last: what is thrown before is told by it
  });
  if (!planned) return;
  if (job.sequences.empty()) {  // no texts, or all of them known
    job.done(std::move(known));
    return;
  }
  scheduler_->submit(std::move(job));
}

Embeddings Model::Engine::embed(std::span<const std::string> texts,
                                std::span<const std::string> tasks,
                                const EmbedOptions& options) const {
  return wait_for<Embeddings>(options, [&](const EmbedOptions& own, Done done) {
    embed_async(texts, tasks, own, std::move(done));
  });
}

namespace {

// What came of a text's run.
void take_tokens(JobOutput output, TokenEmbeddings& out) {
  out.timing.queue = output.queue_seconds;
  out.timing.compute = output.compute_seconds;
  out.values = std::move(output.sequences.front().tokens);
  output.memory.shrink(out.values.size() * sizeof(float));
  out.memory = std::make_shared<MemoryShare>(std::move(output.memory));
  if (!all_finite(out.values)) {
    throw Error(ErrorCode::kInternal, "the model computed a value that is not finite, in fp32 too");
  }
}

}  // namespace

void Model::Engine::embed_tokens_async(std::string_view text, const EmbedOptions& options,
                                       TokensDone done) const {
  Job job;
  const auto plan_job = [&] {
    const Clock::time_point start = Clock::now();
    const auto out = std::make_shared<TokenEmbeddings>();
    refuse_scores();
    refuse_pooled("the embedding of each token");
    Pace pace(RunControl{options.stop, options.deadline});
    PlanRules rules = rules_for(options);
    rules.pace = &pace;
    TextPlan plan = plan_tokens(parts_.tokenizer, rules, parts_.tasks.resolve(options.task), text);
    out->width = scheduler_->width();
    out->tokens = plan.sequence.ids.size();
    out->ids = plan.sequence.ids;
    for (const ByteRange& range : plan.offsets) out->offsets.emplace_back(range.begin, range.end);
    out->truncated = plan.truncated;
    job.sequences.push_back(std::move(plan.sequence));
    out->timing.tokenize = seconds_since(start);
    job.want_tokens = true;
    job.control = {options.stop, options.deadline};
    job.queue = options.queue;
    const auto last = std::make_shared<TokensDone>();
    job.done = [out, last](Result<JobOutput> result) {
      if (or_error(*last, [&] { take_tokens(std::move(result).value(), *out); })) {
        (*last)(std::move(*out));
      }
    };
    *last = std::move(done);  // as in embed_async
  };
  if (!or_error(done, plan_job)) return;
  scheduler_->submit(std::move(job));
}

TokenEmbeddings Model::Engine::embed_tokens(std::string_view text,
                                            const EmbedOptions& options) const {
  return wait_for<TokenEmbeddings>(options, [&](const EmbedOptions& own, TokensDone done) {
    embed_tokens_async(text, own, std::move(done));
  });
}

}  // namespace nestvec
