// SPDX-License-Identifier: Apache-2.0
// Token embeddings of a packed batch: word * scale + type + position, the task's update, a norm;
// all but the word where the layer has them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/token_types.h"
#include "ops/engine_context.h"
#include "ops/linear.h"
#include "ops/packed_matrix.h"

namespace nestvec {

struct EmbeddingLayer {
  std::size_t width = 0;       // H
  std::size_t vocabulary = 0;  // V
  // The word table, [V, H]: one of the four. Of a mapped one only the rows that texts use are
  // read.
  const float* words = nullptr;
  const std::uint16_t* words_bf16 = nullptr;
  const std::byte* words_w8 = nullptr;      // rows of w8 (packed_matrix.h)
  const void* word_panels = nullptr;        // of a model whose decoder is its word table; not s8
  WeightType word_type = WeightType::kF32;  // of the panels
  float scale = 0.0f;                       // of the word's row; 0: none
  // [type rows, H]: row 0 without a task, 1 + t with task t's update; null: none
  const float* types = nullptr;
  std::size_t type_rows = 0;
  TokenTypes token_types;            // without tasks: which row of `types` each token of a text has
  const float* positions = nullptr;  // [position rows, H]; null: none
  std::size_t position_rows = 0;
  std::size_t first_position = 0;  // row of a sequence's first token
  // With first_position > 0, as RoBERTa counts: this token has row first_position - 1 and takes no
  // place, wherever it stands.
  std::int64_t pad_id = -1;
  // The word table's updates: row id of task t gets sum over r of down[id][t, r] up[t, r].
  std::size_t tasks = 0;
  std::size_t rank = 0;
  const float* down = nullptr;  // [V, tasks rank]; null: none
  const float* up = nullptr;    // [tasks rank, H]
  NormLayer norm;               // its weight is null: none
};

// A packed batch.
struct EmbeddingInput {
  std::span<const std::int64_t> ids;      // [T]
  std::span<const std::int64_t> offsets;  // [N+1]
  std::span<const std::int64_t> tasks;    // [N], -1: base weights
  // [T], without tasks: the row of `types` for each token; empty: as the layer's token_types say.
  std::span<const std::int64_t> types = {};
};

// out [T, H]. Throws Error kInvalidArgument for an id, a type, a task or a length that the tables
// do not have, naming it and its place.
void embedding(const EmbeddingLayer& layer, const EmbeddingInput& in, float* out,
               EngineContext& context);

}  // namespace nestvec
