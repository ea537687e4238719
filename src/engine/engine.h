// SPDX-License-Identifier: Apache-2.0
// What stands behind nestvec::Model: the line from texts to vectors.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/token_types.h"
#include "engine/model_lane.h"
#include "engine/module_stack.h"
#include "engine/plan.h"
#include "engine/read_score_rules.h"
#include "engine/score_plan.h"
#include "engine/tasks.h"
#include "engine/vector_cache.h"
#include "nestvec/model.h"
#include "session/session.h"
#include "tokenizer/tokenizer.h"

namespace nestvec {

// Callers tokenise on their own threads; the scheduler's thread runs the graphs of all models that
// share it, one batch at a time, so that the memory plan holds and threads are not oversubscribed.
// Safe for concurrent use.
class Model::Engine {
 public:
  struct Parts {
    ModelInfo info;
    Tokenizer tokenizer;
    TaskTable tasks;
    Pooling pooling = Pooling::kMean;
    bool normalize = true;
    std::size_t max_batch_tokens = 0;
    std::unique_ptr<Session> session;  // goes to the scheduler
    std::size_t batch_milliseconds = 0;
    std::uint64_t cache_bytes = 0;
    bool include_prompt = true;   // among the tokens that are pooled
    bool truncates_left = false;  // where a call leaves it at Truncation::kRight
    std::size_t vocabulary = 0;   // as PlanRules
    std::size_t dimensions = 0;   // of calls that ask for none; 0 = the session's width
    SideOutputs side{};           // as the session's
    bool scores = false;          // the session's rows are outputs of a classifier
    ScoreRules score_rules{};
    bool takes_types = false;                      // the graph is told the type of each token
    TokenTypes text_types{};                       // of a text alone
    std::shared_ptr<const FileDescriptor> hold{};  // on what it runs from; may be empty
    std::string no_late_chunking{};                // why it is refused; empty: it is not
    std::unique_ptr<const ModuleStack> modules{};  // behind the pooling; null: none
    bool matryoshka_layer_norm = false;            // of a row before it is cut
    std::shared_ptr<Scheduler> scheduler{};  // of all models that share a thread; null = its own
    std::shared_ptr<const void> share{};     // of the memory plan, until the model has ended
  };

  explicit Engine(Parts parts);

  // As the functions of Model. `tasks` is empty or has one entry a text.
  Embeddings embed(std::span<const std::string> texts, std::span<const std::string> tasks,
                   const EmbedOptions& options) const;
  void embed_async(std::span<const std::string> texts, std::span<const std::string> tasks,
                   const EmbedOptions& options, Done done) const;
  TokenEmbeddings embed_tokens(std::string_view text, const EmbedOptions& options) const;
  void embed_tokens_async(std::string_view text, const EmbedOptions& options,
                          TokensDone done) const;

  Scores rerank(std::string_view query, std::span<const std::string> documents,
                const ScoreOptions& options) const;
  void rerank_async(std::string_view query, std::span<const std::string> documents,
                    const ScoreOptions& options, ScoresDone done) const;
  Scores classify(std::span<const TextPair> pairs, const ScoreOptions& options) const;
  void classify_async(std::span<const TextPair> pairs, const ScoreOptions& options,
                      ScoresDone done) const;

  const ModelInfo& info() const noexcept { return parts_.info; }
  const Tokenizer& tokenizer() const noexcept { return parts_.tokenizer; }
  ModelLane& scheduler() const noexcept { return *scheduler_; }
  CacheStatus cache_status() const { return cache_->status(); }

 private:
  struct Call;
  struct ScoreCall;

  PlanRules rules_for(const EmbedOptions& options) const;
  void check(std::span<const std::string> texts, std::span<const std::string> tasks,
             const EmbedOptions& options) const;
  void refuse_scores() const;
  void refuse_pooled(const char* what) const;
  void plan_texts(std::span<const std::string> texts, std::span<const std::string> tasks,
                  Call& call) const;
  void plan_chunks(std::span<const std::string> chunks, Call& call) const;
  void take_from_cache(Call& call) const;
  std::vector<std::vector<float>> collect_rows(Call& call, JobOutput& output) const;
  std::vector<float> pool_chunk(const std::vector<ChunkPiece>& pieces,
                                std::span<const float* const> spans) const;
  void run_modules(const Call& call, JobOutput& output) const;
  void finish_rows(const Call& call, std::size_t first, std::span<std::vector<float>> rows,
                   std::span<const float* const> spans, Embeddings& out) const;
  std::size_t width() const noexcept;
  Embeddings finish(Call& call, JobOutput output) const;
  PairRules pair_rules(ScoreCall& call, Pace& pace) const;
  void check_scores(const ScoreOptions& options, bool rerank) const;
  void plan_documents(std::string_view query, std::span<const std::string> documents,
                      ScoreCall& call) const;
  void plan_pairs(std::span<const TextPair> pairs, ScoreCall& call) const;
  template <typename Plan>
  void score_async(const ScoreOptions& options, ScoresDone done, const Plan& plan) const;
  Scores finish_scores(ScoreCall& call, JobOutput output) const;
  std::size_t dimensions_for(const EmbedOptions& options) const;
  void give_rows(Call& call, Result<JobOutput> output) const noexcept;
  std::size_t answer_bytes(const Call& call, std::size_t rows) const;
  static bool is_dense_alone(const EmbedOptions& options);

  Parts parts_;
  bool pooled_ = false;  // as Session
  std::unique_ptr<VectorCache> cache_;
  std::unique_ptr<ModelLane> scheduler_;  // last: its callbacks use what stands above
};

}  // namespace nestvec
