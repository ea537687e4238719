// SPDX-License-Identifier: Apache-2.0
// A model of 26 words whose graph does as a test says.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "engine/engine.h"
#include "support/letter_tokenizer.h"

namespace nestvec {

inline constexpr std::size_t kScriptedWidth = 8;
inline constexpr std::size_t kScriptedTokens = 64;  // of a text, and of a run

// A run holds where a test closes the gate.
class Gate {
 public:
  void close() { set(false); }
  void open() { set(true); }
  // Told by the model's thread that a run has begun; waits while the gate is closed.
  void pass(const RunControl& control) {
    std::unique_lock lock(mutex_);
    ++arrived_;
    changed_.notify_all();
    while (!changed_.wait_for(lock, std::chrono::milliseconds(1), [this] { return open_; })) {
      control.check();
    }
  }
  void wait_for_run() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return arrived_ > 0; });
  }

 private:
  void set(bool open) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int arrived_ = 0;
};

// Rows of ones, or what a test throws instead.
class ScriptedSession final : public Session {
 public:
  void run(const PackedBatch& batch, const RunOptions& options, RunOutput& out) override {
    gate.pass(options.control);
    if (fault) fault();
    out.rows.assign(batch.spans.size() * kScriptedWidth, 1.0F);
    out.tokens.assign(options.want_tokens ? batch.tokens() * kScriptedWidth : 0, 1.0F);
  }
  std::size_t width() const noexcept override { return kScriptedWidth; }

  Gate gate;
  std::function<void()> fault;  // set before a call
};

inline Model scripted_model(std::unique_ptr<ScriptedSession> session) {
  ModelInfo info;
  info.max_tokens = info.max_batch_tokens = kScriptedTokens;
  info.dimensions = kScriptedWidth;
  return Model(std::make_unique<const Model::Engine>(
      Model::Engine::Parts{info, letter_tokenizer(), TaskTable({"one"}, {}, "none"), Pooling::kMean,
                           true, kScriptedTokens, std::move(session), 0, 0}));
}

// The same as a classifier of texts, with a label for each column.
inline Model scripted_classifier(std::unique_ptr<ScriptedSession> session) {
  ModelInfo info;
  info.id = "scripted";
  info.max_tokens = info.max_batch_tokens = kScriptedTokens;
  info.dense = false;
  for (std::size_t i = 0; i < kScriptedWidth; ++i) info.labels.push_back("L" + std::to_string(i));
  Model::Engine::Parts parts{info,
                             letter_tokenizer(),
                             TaskTable({"one"}, {}, "none"),
                             Pooling::kMean,
                             true,
                             kScriptedTokens,
                             std::move(session),
                             0,
                             0};
  parts.scores = true;
  return Model(std::make_unique<const Model::Engine>(std::move(parts)));
}

}  // namespace nestvec
