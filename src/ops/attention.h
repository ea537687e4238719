// SPDX-License-Identifier: Apache-2.0
// Bidirectional attention within each sequence of a packed batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "ops/engine_context.h"

namespace nestvec {

struct AttentionLayer {
  std::size_t heads = 0;
  std::size_t head_width = 0;  // D
  // Rotary positions (RoFormer, arXiv:2104.09864), [positions, D / 2]; null: none.
  const float* cos = nullptr;
  const float* sin = nullptr;
};

// out [T, heads D] = softmax(q k^T / sqrt D) v for every head, from qkv [T, 3 heads D]: queries,
// keys and values behind one another. offsets [N+1]; positions start anew with each sequence.
// Memory beside the arguments: the packed keys and values of one sequence for each thread, or of
// one head of a long sequence.
void attention(const AttentionLayer& layer, const float* qkv, std::span<const std::int64_t> offsets,
               float* out, EngineContext& context);
void attention(const AttentionLayer& layer, const std::uint16_t* qkv,
               std::span<const std::int64_t> offsets, float* out, EngineContext& context);

}  // namespace nestvec
