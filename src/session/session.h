// SPDX-License-Identifier: Apache-2.0
// One loaded graph. The engine sees this interface alone, so that a fake can stand in.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/run_control.h"
#include "batch/packed_batch.h"

namespace nestvec {

// Weights of token ids, which ascend.
struct TokenWeights {
  std::vector<std::uint32_t> indices;
  std::vector<float> weights;
};

// Results of one run. Memory is reused from run to run.
struct RunOutput {
  std::vector<float> rows;    // [M, width]: each span pooled in fp32, neither cut nor normalised
  std::vector<float> tokens;  // [T, width], filled on demand
  std::vector<TokenWeights> sparse;  // one for each of the batch's sparse spans
  std::vector<float> vectors;        // [tokens of its vector spans, vector_width], L2 norm 1
  std::size_t vector_width = 0;
};

// What a graph gives beside the rows, from heads that stand on the encoder.
struct SideOutputs {
  std::size_t vocabulary = 0;     // weights of a text, one for each token id; 0: none
  bool token_weights = false;     // a weight for each token
  std::size_t token_vectors = 0;  // numbers of a vector for each token; 0: none
  // With token_weights: ids that have none, ascending.
  std::vector<std::uint32_t> weightless = {};
};

// Texts whose rows over a vocabulary are made at once, so that they take 16 MiB at most, or one.
inline constexpr std::size_t vocabulary_texts(std::size_t vocabulary) {
  constexpr std::size_t kBytes = std::size_t{16} << 20;
  return vocabulary == 0 ? 0 : std::max<std::size_t>(1, kBytes / (vocabulary * sizeof(float)));
}

struct RunOptions {
  bool want_tokens = false;
  // Activations in fp32 where the graph would use a narrower type: slower, wider in range.
  bool full_precision = false;
  RunControl control = {};
  // Called between pieces of a run by a session that pauses, on the thread that runs it. It may run
  // one batch after another of the same session, of kPauseTokens at most and without pauses of
  // their own. Must not throw.
  std::function<void()> on_pause = {};
};

// What may run in a pause: the memory for it comes beside that for a whole batch.
inline constexpr std::size_t kPauseTokens = 1024;

// One graph on one execution provider. run() blocks and is not thread-safe. An error of a run
// leaves one that it took place in as it is.
class Session {
 public:
  virtual ~Session() = default;

  // Runs a batch. Throws Error: kInternal (the runtime failed), kInvalidArgument (a task that this
  // graph does not have), kCancelled and kDeadlineExceeded as the options say.
  virtual void run(const PackedBatch& batch, const RunOptions& options, RunOutput& out) = 0;

  virtual std::size_t width() const noexcept = 0;

  // Whether run() calls on_pause. Results do not depend on it.
  virtual bool pauses() const noexcept { return false; }

  // Whether the graph itself makes one vector of a sequence: that is the row of each of its spans,
  // and there are no token embeddings.
  virtual bool pooled() const noexcept { return false; }

  // Tokens of the longest sequence that the graph takes; 0 = it has no limit of its own.
  virtual std::size_t longest() const noexcept { return 0; }
};

}  // namespace nestvec
