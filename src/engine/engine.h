// SPDX-License-Identifier: Apache-2.0
// What stands behind nestvec::Model: the line from texts to vectors.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/plan.h"
#include "engine/tasks.h"
#include "nestvec/model.h"
#include "session/session.h"
#include "tokenizer/tokenizer.h"

namespace nestvec {

// Callers tokenise on their own threads; one run of the graph happens at a time, so that the memory
// plan holds and threads are not oversubscribed. Safe for concurrent use.
class Model::Engine {
 public:
  struct Parts {
    ModelInfo info;
    Tokenizer tokenizer;
    TaskTable tasks;
    Pooling pooling = Pooling::kMean;
    bool normalize = true;
    std::size_t max_batch_tokens = 0;
    std::unique_ptr<Session> session;
  };

  explicit Engine(Parts parts);

  // As Model::predict. `tasks` is empty or has one entry a text.
  Embeddings embed(std::span<const std::string> texts, std::span<const std::string> tasks,
                   const EmbedOptions& options) const;
  // As Model::tokenize_and_embed.
  TokenEmbeddings embed_tokens(std::string_view text, const EmbedOptions& options) const;

  const ModelInfo& info() const noexcept { return parts_.info; }

 private:
  PlanRules rules_for(const EmbedOptions& options) const;
  std::vector<float> run_all(std::span<const Sequence> sequences,
                             const EmbedOptions& options) const;
  // Precondition: session_mutex_ is held.
  void run_alone(const Sequence& sequence, const RunOptions& options) const;
  Embeddings embed_texts(std::span<const std::string> texts, std::span<const std::string> tasks,
                         const EmbedOptions& options) const;
  Embeddings embed_chunks(std::span<const std::string> chunks, const EmbedOptions& options) const;
  void finish(std::span<const float> pooled, const EmbedOptions& options, Embeddings& out) const;

  Parts parts_;
  mutable std::mutex session_mutex_;  // guards *parts_.session, batch_ and output_
  mutable PackedBatch batch_;
  mutable RunOutput output_;
};

}  // namespace nestvec
