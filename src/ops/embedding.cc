// SPDX-License-Identifier: Apache-2.0
#include "ops/embedding.h"

#include <algorithm>
#include <string>

#include "nestvec/error.h"

namespace nestvec {
namespace {

void check(const EmbeddingLayer& layer, const EmbeddingInput& in) {
  const auto [ids, offsets, tasks, types] = in;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] >= 0 && static_cast<std::size_t>(ids[i]) < layer.vocabulary) continue;
    throw Error(ErrorCode::kInvalidArgument,
                "token id " + std::to_string(ids[i]) + " at position " + std::to_string(i) +
                    " is not below " + std::to_string(layer.vocabulary));
  }
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (types[i] >= 0 && static_cast<std::size_t>(types[i]) < layer.type_rows) continue;
    throw Error(ErrorCode::kInvalidArgument,
                "token type " + std::to_string(types[i]) + " at position " + std::to_string(i) +
                    " is not below " + std::to_string(layer.type_rows));
  }
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i] < -1 || tasks[i] >= static_cast<std::int64_t>(layer.tasks)) {
      throw Error(ErrorCode::kInvalidArgument,
                  "task " + std::to_string(tasks[i]) + " of sequence " + std::to_string(i) +
                      " is not one of the " + std::to_string(layer.tasks) + " adapters");
    }
    const auto length = static_cast<std::size_t>(offsets[i + 1] - offsets[i]);
    if (layer.positions == nullptr || layer.first_position + length <= layer.position_rows)
      continue;
    throw Error(ErrorCode::kInvalidArgument,
                "sequence " + std::to_string(i) + " has " + std::to_string(length) +
                    " tokens, the model's positions end at " +
                    std::to_string(layer.position_rows - layer.first_position));
  }
}

// The row of the position table for each token of a sequence.
void place(const EmbeddingLayer& layer, std::span<const std::int64_t> ids, std::uint32_t* rows) {
  auto next = static_cast<std::uint32_t>(layer.first_position);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const bool padding = layer.first_position > 0 && ids[i] == layer.pad_id;
    rows[i] = padding ? static_cast<std::uint32_t>(layer.first_position) - 1 : next++;
  }
}

// The row of the type table for each token of a sequence, where the input does not say.
void choose_types(const EmbeddingLayer& layer, std::int64_t task, std::span<std::uint32_t> rows) {
  if (layer.tasks > 0 || !layer.token_types.any()) {
    std::fill(rows.begin(), rows.end(), static_cast<std::uint32_t>(task + 1));
    return;
  }
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = layer.token_types.at(i, rows.size());
}

struct Token {
  std::int64_t id;
  std::uint32_t type;      // its row of the type table
  std::uint32_t position;  // and of the position table
};

void embed_token(const EmbeddingLayer& layer, const Token& token, float* out,
                 const Kernels& kernels) {
  const std::size_t width = layer.width;
  const auto row = static_cast<std::size_t>(token.id);
  if (layer.word_panels != nullptr) {
    unpack_row({layer.word_type, layer.vocabulary, width}, layer.word_panels, row, {out, width});
  } else if (layer.words_w8 != nullptr) {
    unpack_w8_row(layer.words_w8 + row * w8_row_bytes(width), {out, width});
  } else if (layer.words != nullptr) {
    std::copy_n(layer.words + row * width, width, out);
  } else {
    kernels.from_bf16(layer.words_bf16 + row * width, width, out);
  }
  if (layer.down != nullptr && token.type > 0) {  // there are tasks, and row 0 is none
    const auto first = (token.type - std::size_t{1}) * layer.rank;
    const float* down = layer.down + row * layer.tasks * layer.rank + first;
    for (std::size_t r = 0; r < layer.rank; ++r) {
      kernels.add_scaled(down[r], layer.up + (first + r) * width, width, out);
    }
  }
  if (layer.scale > 0) {
    for (std::size_t i = 0; i < width; ++i) out[i] *= layer.scale;
  }
  if (layer.types != nullptr) kernels.add(layer.types + token.type * width, width, out);
  if (layer.positions != nullptr) {
    kernels.add(layer.positions + token.position * width, width, out);
  }
  if (layer.norm.weight != nullptr) layer.norm.run(kernels, out, out);
}

}  // namespace

void embedding(const EmbeddingLayer& layer, const EmbeddingInput& in, float* out,
               EngineContext& context) {
  check(layer, in);
  const std::span<const std::int64_t> ids = in.ids;
  auto* positions = context.positions.get<std::uint32_t>(ids.size());
  auto* types = context.row_tasks.get<std::uint32_t>(ids.size());
  for (std::size_t i = 0; i < in.tasks.size(); ++i) {
    const auto first = static_cast<std::size_t>(in.offsets[i]);
    const auto count = static_cast<std::size_t>(in.offsets[i + 1]) - first;
    place(layer, ids.subspan(first, count), positions + first);
    if (in.types.empty()) choose_types(layer, in.tasks[i], {types + first, count});
  }
  std::transform(in.types.begin(), in.types.end(), types,
                 [](std::int64_t type) { return static_cast<std::uint32_t>(type); });
  constexpr std::size_t kTokens = 16;
  const std::size_t chunks = (ids.size() + kTokens - 1) / kTokens;
  context.pool.parallel_for(chunks, [&](std::size_t chunk, std::size_t) {
    const std::size_t end = std::min(ids.size(), (chunk + 1) * kTokens);
    for (std::size_t i = chunk * kTokens; i < end; ++i) {
      embed_token(layer, {ids[i], types[i], positions[i]}, out + i * layer.width, context.kernels);
    }
  });
}

}  // namespace nestvec
