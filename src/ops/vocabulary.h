// SPDX-License-Identifier: Apache-2.0
// A masked language model's head, pooled over the tokens of a text: how much each word of the
// vocabulary has to do with it (SPLADE, arXiv:2107.05720). The scores of a token, [V], are not
// kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "ops/linear.h"

namespace nestvec {

// What is taken over the tokens of a text. The numbers stand in artefacts.
enum class VocabularyPooling : std::uint8_t { kMax = 0, kSum = 1 };
// What is taken of each score s: log(1 + max(s, 0)), or that of itself again.
enum class VocabularyScale : std::uint8_t { kLog = 0, kLogTwice = 1 };

struct VocabularyLayer {
  LinearLayer transform;  // [H, H]
  Activation activation = Activation::kGelu;
  NormLayer norm;
  LinearLayer decoder;  // [V, H]
  VocabularyPooling pooling = VocabularyPooling::kMax;
  VocabularyScale scale = VocabularyScale::kLog;
};

// The last hidden states of a packed batch, [T, H], and the texts to pool.
struct VocabularyInput {
  std::span<const float> x;             // [T, H]
  std::span<const std::int64_t> spans;  // [M, 2], begin and end, each inside [0, T)
};

// out [M, V], at least 0; all NaN for a span of which a hidden state is not finite. Uses the
// context's threads and pauses. A row does not depend on the other spans.
void vocabulary_rows(const VocabularyLayer& layer, const VocabularyInput& in, float* out,
                     EngineContext& context);

// The layer over the rows of each span: out [sum of their lengths, N], in the order of the spans.
void span_rows(const LinearLayer& layer, const VocabularyInput& in, float* out,
               EngineContext& context);

// Scores of one step: so many columns of so many tokens.
inline constexpr std::size_t kVocabularyColumns = 2048;
inline constexpr std::size_t kVocabularyRows = kBlockRows;

}  // namespace nestvec
