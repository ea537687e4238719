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

// Queries, keys and values: a matrix [T, D] for each head, those of all heads behind one another.
// Head h's queries are matrix h, its keys matrix heads + h, its values matrix 2 heads + h.
template <class T>
struct HeadMatrices {
  const T* data = nullptr;
  std::size_t matrix_stride = 0;  // elements from matrix to matrix
  std::size_t row_stride = 0;     // and from row to row
};

// Up to this length a thread does a head of a sequence alone; longer ones are shared among threads.
inline constexpr std::size_t kShortSequence = 1024;

// out [T, heads D] = softmax(q k^T / sqrt D) v for every head. offsets [N+1]; positions start anew
// with each sequence. Memory beside the arguments: the packed keys and values of one sequence for
// each thread, or of one head of a long sequence.
void attention(const AttentionLayer& layer, const HeadMatrices<float>& qkv,
               std::span<const std::int64_t> offsets, float* out, EngineContext& context);
// In bf16, summed in fp32.
void attention(const AttentionLayer& layer, const HeadMatrices<std::uint16_t>& qkv,
               std::span<const std::int64_t> offsets, std::uint16_t* out, EngineContext& context);

}  // namespace nestvec
