// SPDX-License-Identifier: Apache-2.0
#include "ops/self_attention.h"

namespace nestvec {
namespace {

float* target(LinearOutput& out, float* data) { return out.out = data; }
std::uint16_t* target(LinearOutput& out, std::uint16_t* data) { return out.bf16 = data; }

void source(LinearInput& in, const float* data) { in.x = data; }
void source(LinearInput& in, const std::uint16_t* data) { in.bf16 = data; }

// A matrix for each head, rows side by side: what one head reads of a text is one piece of memory.
// Heads that do not end with a panel stay columns of one matrix.
template <class T>
HeadMatrices<T> project(const SelfAttentionLayer& layer, const LinearInput& in,
                        EngineContext& context) {
  const std::size_t width = layer.attention.head_width;
  const std::size_t all = layer.qkv.shape.outputs;
  LinearOutput out;
  T* const data = target(out, context.qkv.get<T>(in.rows * all));
  HeadMatrices<T> heads{data, width, all};
  if (width % kPanel == 0) {
    heads = {data, in.rows * width, width};
    out.stride = width;
    out.matrix_stride = heads.matrix_stride;
  }
  LinearInput normed = in;
  if (layer.norm_first && layer.norm.weight != nullptr) normed.norm = &layer.norm;
  linear(layer.qkv, normed, out, context);
  return heads;
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
