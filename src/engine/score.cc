// SPDX-License-Identifier: Apache-2.0
// From pairs of texts to the outputs of a classifier, on the way that texts take to vectors.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "base/seconds.h"
#include "engine/callback.h"
#include "engine/engine.h"
#include "engine/score_plan.h"
#include "output/vector.h"

namespace nestvec {
namespace {

float sigmoid(float x) { return static_cast<float>(1 / (1 + std::exp(-static_cast<double>(x)))); }

void softmax(std::span<float> row) {
  const double most = static_cast<double>(*std::max_element(row.begin(), row.end()));
  double sum = 0;
  for (const float x : row) sum += std::exp(static_cast<double>(x) - most);
  for (float& x : row) x = static_cast<float>(std::exp(static_cast<double>(x) - most) / sum);
}

void activate(ScoreActivation activation, std::size_t width, std::vector<float>& values) {
  if (activation == ScoreActivation::kSigmoid) {
    std::transform(values.begin(), values.end(), values.begin(), sigmoid);
  } else if (activation == ScoreActivation::kSoftmax) {
    for (std::size_t i = 0; i < values.size(); i += width) {
      softmax(std::span(values).subspan(i, width));
    }
  }
}

Error not_finite(std::size_t row) {
  ErrorDetail detail;
  detail.text = row;
  return Error(ErrorCode::kInternal,
               "pair " + std::to_string(row) +
                   ": the model computed a value that is not finite, in fp32 too",
               detail);
}

Error no_second_text(const std::string& id, std::size_t pair) {
  ErrorDetail detail;
  detail.text = pair;
  return Error(ErrorCode::kInvalidArgument,
               "pair " + std::to_string(pair) + " has no second text, and " + id +
                   " scores a document for a query",
               detail);
}

}  // namespace

// A call between its plan and its scores.
struct Model::Engine::ScoreCall {
  ScoreOptions options;
  ScoresDone done;
  Scores out;                       // tokens and what was truncated; the rest at the end
  std::vector<Sequence> sequences;  // windows of the rows
  std::vector<std::uint32_t> rows;  // [sequences] whose window each is
  MemoryShare memory;               // of the sequences: a query stands in each of them

  void charge(std::size_t bytes) {
    if (!memory.try_grow(bytes)) throw Error(no_memory_for_answer(*options.queue.memory, bytes, 0));
  }

  // Precondition: pairs come in their order, and are paid for.
  void add(std::uint32_t row, PairSequences pair) {
    out.tokens.push_back(static_cast<std::uint32_t>(pair.tokens()));
    if (pair.truncated) out.truncated.push_back(row);
    for (Sequence& window : pair.windows) {
      sequences.push_back(std::move(window));
      rows.push_back(row);
    }
  }
};

PairRules Model::Engine::pair_rules(ScoreCall& call, Pace& pace) const {
  const ScoreOptions& options = call.options;
  PairRules rules;
  rules.text.max_tokens = parts_.info.max_tokens;
  rules.text.pooling = parts_.pooling;
  rules.text.truncation = options.truncation == Truncation::kRight && parts_.truncates_left
                              ? Truncation::kLeft
                              : options.truncation;
  rules.text.vocabulary = parts_.vocabulary;
  rules.text.parse_special = options.parse_special;
  rules.text.pace = &pace;
  rules.cut = options.pair_truncation == PairTruncation::kModel ? parts_.score_rules.truncation
                                                                : options.pair_truncation;
  rules.max_document_tokens = options.max_document_tokens;
  rules.best_window = options.best_window;
  rules.token_types = parts_.takes_types;
  if (parts_.score_rules.layout) rules.layout = &*parts_.score_rules.layout;
  rules.instruction = options.instruction;
  rules.charge = [&call](std::size_t bytes) { call.charge(bytes); };
  return rules;
}

void Model::Engine::check_scores(const ScoreOptions& options, bool rerank) const {
  const std::string& id = parts_.info.id;
  const std::size_t labels = parts_.info.labels.size();
  const char* problem = nullptr;
  if (!parts_.scores) {
    problem = " is an embedding model, which has no scores: use predict()";
  } else if (rerank && labels != 1) {
    problem = " is a classifier of several labels, no reranker: use classify()";
  } else if (!options.instruction.empty() && !parts_.score_rules.layout) {
    problem = " reads no instruction";
  } else if (options.best_window && labels != 1) {
    problem = " has several labels, and best_window needs a model with one";
  }
  if (problem != nullptr) throw Error(ErrorCode::kInvalidArgument, id + problem);
}

void Model::Engine::plan_documents(std::string_view query, std::span<const std::string> documents,
                                   ScoreCall& call) const {
  if (documents.empty()) return;
  Pace pace(RunControl{call.options.stop, call.options.deadline});
  const PairRules rules = pair_rules(call, pace);
  PairPlanner planner(parts_.tokenizer, rules);
  planner.set_first(query);
  for (std::size_t i = 0; i < documents.size(); ++i) {
    call.add(static_cast<std::uint32_t>(i), planner.plan(documents[i], i));
  }
}

void Model::Engine::plan_pairs(std::span<const TextPair> pairs, ScoreCall& call) const {
  Pace pace(RunControl{call.options.stop, call.options.deadline});
  const PairRules rules = pair_rules(call, pace);
  std::optional<PairPlanner> planner;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto row = static_cast<std::uint32_t>(i);
    if (pairs[i].second) {
      if (!planner) planner.emplace(parts_.tokenizer, rules);
      planner->set_first(pairs[i].first);
      call.add(row, planner->plan(*pairs[i].second, i));
      continue;
    }
    if (rules.layout != nullptr) throw no_second_text(parts_.info.id, i);
    TextPlan plan = plan_text(parts_.tokenizer, rules.text, {}, pairs[i].first, i);
    if (rules.token_types && parts_.text_types.any()) {
      const std::size_t count = plan.sequence.ids.size();
      for (std::size_t k = 0; k < count; ++k) {
        plan.sequence.types.push_back(static_cast<std::uint8_t>(parts_.text_types.at(k, count)));
      }
    }
    call.charge(sequence_bytes(plan.sequence.ids.size(), plan.sequence.types.size()));
    PairSequences pair;
    pair.truncated = plan.truncated;
    pair.windows.push_back(std::move(plan.sequence));
    call.add(row, std::move(pair));
  }
}

Scores Model::Engine::finish_scores(ScoreCall& call, JobOutput output) const {
  Scores out = std::move(call.out);
  out.timing.queue = output.queue_seconds;
  out.timing.compute = output.compute_seconds;
  out.rows = out.tokens.size();
  out.width = parts_.info.labels.size();
  // Of several windows the best counts; there are several only with one label.
  out.values.assign(out.rows * out.width, -std::numeric_limits<float>::infinity());
  for (std::size_t i = 0; i < output.sequences.size(); ++i) {
    const std::vector<float>& raw = output.sequences[i].rows;
    if (!all_finite(raw)) throw not_finite(call.rows[i]);
    float* const row = out.values.data() + call.rows[i] * out.width;
    for (std::size_t k = 0; k < out.width; ++k) row[k] = std::max(row[k], raw[k]);
  }
  const ScoreActivation chosen = call.options.activation;
  activate(chosen == ScoreActivation::kModel ? parts_.score_rules.activation : chosen, out.width,
           out.values);
  output.sequences.clear();
  call.memory.shrink(0);
  output.memory.shrink(out.values.size() * sizeof(float));
  out.memory = std::make_shared<MemoryShare>(std::move(output.memory));
  return out;
}

template <typename Plan>
void Model::Engine::score_async(const ScoreOptions& options, ScoresDone done,
                                const Plan& plan) const {
  Job job;
  JobOutput empty;
  const bool planned = or_error(done, [&] {
    const auto start = std::chrono::steady_clock::now();
    const auto call = std::make_shared<ScoreCall>();
    call->options = options;
    call->memory = MemoryShare(options.queue.memory);
    plan(*call);
    job.answer_bytes = call->out.tokens.size() * parts_.info.labels.size() * sizeof(float);
    if (call->sequences.empty()) {
      empty.memory = memory_for_answer_alone(options.queue, job.answer_bytes);
    }
    call->out.timing.tokenize = seconds_since(start);
    job.sequences = std::move(call->sequences);
    job.control = {options.stop, options.deadline};
    job.queue = options.queue;
    job.done = [this, call](Result<JobOutput> output) {
      std::optional<Result<Scores>> scores;
      if (or_error(call->done, [&] { scores = finish_scores(*call, std::move(output).value()); })) {
        call->done(*std::move(scores));
      }
    };
    call->done = std::move(done);  // last: what is thrown before is told by it
  });
  if (!planned) return;
  if (job.sequences.empty()) {
    job.done(std::move(empty));
    return;
  }
  scheduler_->submit(std::move(job));
}

void Model::Engine::rerank_async(std::string_view query, std::span<const std::string> documents,
                                 const ScoreOptions& options, ScoresDone done) const {
  score_async(options, std::move(done), [&](ScoreCall& call) {
    check_scores(options, true);
    plan_documents(query, documents, call);
  });
}

void Model::Engine::classify_async(std::span<const TextPair> pairs, const ScoreOptions& options,
                                   ScoresDone done) const {
  score_async(options, std::move(done), [&](ScoreCall& call) {
    check_scores(options, false);
    plan_pairs(pairs, call);
  });
}

Scores Model::Engine::rerank(std::string_view query, std::span<const std::string> documents,
                             const ScoreOptions& options) const {
  return wait_for<Scores>(options, [&](const ScoreOptions& own, ScoresDone done) {
    rerank_async(query, documents, own, std::move(done));
  });
}

Scores Model::Engine::classify(std::span<const TextPair> pairs, const ScoreOptions& options) const {
  return wait_for<Scores>(options, [&](const ScoreOptions& own, ScoresDone done) {
    classify_async(pairs, own, std::move(done));
  });
}

}  // namespace nestvec
