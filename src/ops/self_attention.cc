// SPDX-License-Identifier: Apache-2.0
#include "ops/self_attention.h"

#include <algorithm>

#include "ops/team.h"

namespace nestvec {
namespace {

float* target(LinearOutput& out, float* data) { return out.out = data; }
std::uint16_t* target(LinearOutput& out, std::uint16_t* data) { return out.bf16 = data; }

void source(LinearInput& in, const float* data) { in.x = data; }
void source(LinearInput& in, const std::uint16_t* data) { in.bf16 = data; }

void normalise(const NormLayer& norm, float* x, const Team& team) {
  norm.run(team.kernels(), x, x);
}
void normalise(const NormLayer& norm, std::uint16_t* x, const Team& team) {
  float* const wide = team.scratch().normed.get<float>(norm.n);
  team.kernels().from_bf16(x, norm.n, wide);
  norm.run(team.kernels(), wide, wide);
  team.kernels().to_bf16(wide, norm.n, x);
}

// Of queries and keys, where they are columns of one matrix.
template <class T>
void normalise_heads(const SelfAttentionLayer& layer, const HeadMatrices<T>& heads, T* data,
                     std::size_t rows, EngineContext& context) {
  const std::size_t widest = std::max(layer.queries_norm.n, layer.keys_norm.n);
  for (RowScratch& scratch : context.row_scratch) scratch.normed.get<float>(widest);
  context.pool.parallel_runs(rows, [&](std::size_t row, std::size_t thread) {
    const Team team(context, thread);
    T* const x = data + row * heads.row_stride;
    normalise(layer.queries_norm, x, team);
    normalise(layer.keys_norm, x + layer.queries_norm.n, team);
  });
}

// A matrix for each head, rows side by side: what one head reads of a text is one piece of memory.
// Heads that do not end with a panel, or are normalised together, stay columns of one matrix.
template <class T>
HeadMatrices<T> project(const SelfAttentionLayer& layer, const LinearInput& in,
                        EngineContext& context) {
  const std::size_t width = layer.attention.head_width;
  const std::size_t all = layer.qkv.shape.outputs;
  LinearOutput out;
  T* const data = target(out, context.qkv.get<T>(in.rows * all));
  HeadMatrices<T> heads{data, width, all};
  const bool normed_together = layer.queries_norm.weight != nullptr;
  if (width % kPanel == 0 && !normed_together) {
    heads = {data, in.rows * width, width};
    out.stride = width;
    out.matrix_stride = heads.matrix_stride;
  }
  LinearInput normed = in;
  if (layer.norm_first && layer.norm.weight != nullptr) normed.norm = &layer.norm;
  linear(layer.qkv, normed, out, context);
  if (normed_together) normalise_heads(layer, heads, data, in.rows, context);
  return heads;
}

// out = norm2(x + norm(x + f(x))) or x + norm2(f(x)), f being the product: through memory of its
// own, as `out` may be x.
void finish_twice(const SelfAttentionLayer& layer, const LinearInput& middle, const float* x,
                  float* out, EngineContext& context) {
  const std::size_t width = layer.out.shape.outputs;
  float* const inner = context.qkv.get<float>(middle.rows * width);
  linear(layer.out, middle,
         {.out = inner,
          .residual = layer.norm_first ? nullptr : x,
          .norm = layer.norm_first ? &layer.second_norm : &layer.norm},
         context);
  const Kernels& kernels = context.kernels;
  Team(context).for_rows(middle.rows, [&](std::size_t first, std::size_t end) {
    for (std::size_t i = first * width; i < end * width; i += width) {
      kernels.add(x + i, width, inner + i);
      if (layer.norm_first) {
        std::copy_n(inner + i, width, out + i);
      } else {
        layer.second_norm.run(kernels, inner + i, out + i);
      }
    }
  });
}

template <class T>
void run(const SelfAttentionLayer& layer, const LinearInput& in,
         std::span<const std::int64_t> offsets, float* out, EngineContext& context) {
  const HeadMatrices<T> heads = project<T>(layer, in, context);
  T* const attended = context.attended.get<T>(in.rows * layer.out.shape.inputs);
  context.pause();
  attention(layer.attention, heads, offsets, attended, context);
  context.pause();
  LinearInput middle{.rows = in.rows, .tasks = in.tasks};
  source(middle, attended);
  if (layer.second_norm.weight != nullptr) return finish_twice(layer, middle, in.x, out, context);
  linear(layer.out, middle,
         {.out = out, .residual = in.x, .norm = layer.norm_first ? nullptr : &layer.norm}, context);
}

}  // namespace

void self_attention(const SelfAttentionLayer& layer, const LinearInput& in,
                    std::span<const std::int64_t> offsets, float* out, EngineContext& context) {
  if (layer.qkv.full_activations || context.full_precision) {
    run<float>(layer, in, offsets, out, context);
  } else {
    run<std::uint16_t>(layer, in, offsets, out, context);
  }
}

}  // namespace nestvec
