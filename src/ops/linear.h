// SPDX-License-Identifier: Apache-2.0
// y = activation(W x + bias + the task's update) [+ residual] over the rows of a packed batch.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/activation.h"
#include "ops/engine_context.h"
#include "ops/packed_matrix.h"

namespace nestvec {

// Low-rank updates of a layer, one a task: up[t] (down[t] x). All fp32, scaling folded into `up`.
struct Adapters {
  std::size_t tasks = 0;  // 0: none
  std::size_t rank = 0;
  const float* down = nullptr;  // [tasks, rank, K]
  const float* up = nullptr;    // [tasks, rank, N rounded up to 32]
};

// Weights as an artefact holds them; the memory belongs to the graph.
struct LinearLayer {
  PackedShape shape;
  const void* panels = nullptr;
  const float* bias = nullptr;         // [N rounded up to 32]
  const float* scales = nullptr;       // s8: [N rounded up to 32]
  const std::int32_t* sums = nullptr;  // s8: the same
  Adapters adapters;
  bool full_activations = false;  // bf16 weights times fp32 activations
  // Panels in turns: 32 columns of a gate, then the 32 that it lets through. The number of outputs
  // is then this one instead of the shape's, for which each of the two is rounded up to panels; 0:
  // no gate.
  std::size_t gated_outputs = 0;

  std::size_t outputs() const noexcept { return gated_outputs > 0 ? gated_outputs : shape.outputs; }
};

// LayerNorm of a row (Ba et al., arXiv:1607.06450), or RMSNorm (arXiv:1910.07467).
struct NormLayer {
  const float* weight = nullptr;  // [n]
  const float* bias = nullptr;    // not of RMSNorm
  float eps = 0.0f;
  std::size_t n = 0;
  bool rms = false;

  void run(const Kernels& kernels, const float* x, float* out) const {
    (rms ? kernels.rms_norm : kernels.layer_norm)({x, weight, bias, eps, n, out});
  }
};

struct LinearInput {
  // One of the two, [rows, K].
  const float* x = nullptr;
  const std::uint16_t* bf16 = nullptr;
  std::size_t rows = 0;
  const std::int32_t* tasks = nullptr;  // [rows], -1 = base weights; may be null without adapters
  std::size_t stride = 0;               // elements from row to row; 0: K
  const NormLayer* norm = nullptr;      // of each row of x, before all else; null: none
};

struct LinearOutput {
  // One of the two, [rows, N].
  float* out = nullptr;
  std::uint16_t* bf16 = nullptr;
  Activation activation = Activation::kNone;
  const float* residual = nullptr;  // [rows, N], added last; may be `out`
  std::size_t stride = 0;           // elements from row to row, of the residual too; 0: N
  // Elements from matrix to matrix where every `stride` columns, a multiple of 32, are a matrix of
  // their own, in place of [rows, N]; 0: they are not.
  std::size_t matrix_stride = 0;
  const NormLayer* norm = nullptr;  // of `out` without stride, after all else; null: none
};

// Uses the context's threads. The result of a row does not depend on the other rows.
void linear(const LinearLayer& layer, const LinearInput& in, const LinearOutput& out,
            EngineContext& context);

// out = norm(x + W2 activation(W1 x)), or x + W2 activation(W1 norm(x)), there with another norm of
// what is added; out [rows, H] may be x.
struct FeedForwardLayer {
  LinearLayer in;   // [I, H]; may be gated
  LinearLayer out;  // [H, I]
  Activation activation = Activation::kGelu;
  NormLayer norm;
  bool norm_first = false;
  NormLayer second_norm{};  // with norms first; no weight: none
};
void feed_forward(const FeedForwardLayer& layer, const LinearInput& in, float* out,
                  EngineContext& context);

}  // namespace nestvec
