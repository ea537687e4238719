// SPDX-License-Identifier: Apache-2.0
// Attention within each sequence of a packed batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "ops/engine_context.h"

namespace nestvec {

struct AttentionLayer {
  std::size_t heads = 0;       // of queries
  std::size_t head_width = 0;  // D
  // Heads of keys and values, a divisor of `heads`: query head h reads number h / (heads /
  // kv_heads). 0: as many as of queries.
  std::size_t kv_heads = 0;
  // Rotary positions (RoFormer, arXiv:2104.09864), [positions, D / 2]; null: none.
  const float* cos = nullptr;
  const float* sin = nullptr;
  HeadNorm query_norm{};  // before the rotation
  HeadNorm key_norm{};
  // A token sees those at most so many positions before it and behind it: SIZE_MAX and SIZE_MAX
  // all, SIZE_MAX and 0 a causal model's, w and w a window's.
  std::size_t before = SIZE_MAX;
  std::size_t behind = SIZE_MAX;
  float scale = 0.0f;  // of the scores; 0: 1 / sqrt D
  // [heads, 2 P - 1]: added to the score of a query at i and a key at j is element j - i + P - 1 of
  // its head's row, for texts of up to P tokens. Null: nothing.
  const float* bias = nullptr;
  std::size_t bias_positions = 0;  // P

  std::size_t key_heads() const noexcept { return kv_heads > 0 ? kv_heads : heads; }
};

// Queries, keys and values: a matrix [T, D] for each head, those of all heads behind one another.
// The queries of head h are matrix h, then come the keys of all their heads, then the values.
template <class T>
struct HeadMatrices {
  const T* data = nullptr;
  std::size_t matrix_stride = 0;  // elements from matrix to matrix
  std::size_t row_stride = 0;     // and from row to row
};

// Up to this length a thread does a head of a sequence alone; longer ones are shared among threads.
inline constexpr std::size_t kShortSequence = 1024;

// out [T, heads D] = softmax(q k^T scale) v for every head. offsets [N+1]; positions start anew
// with each sequence. Keys that no query of a block sees cost nothing. Memory beside the arguments:
// the packed keys and values of one sequence for each thread, or of one head of a long sequence.
void attention(const AttentionLayer& layer, const HeadMatrices<float>& qkv,
               std::span<const std::int64_t> offsets, float* out, EngineContext& context);
// In bf16, summed in fp32.
void attention(const AttentionLayer& layer, const HeadMatrices<std::uint16_t>& qkv,
               std::span<const std::int64_t> offsets, std::uint16_t* out, EngineContext& context);

}  // namespace nestvec
