// SPDX-License-Identifier: Apache-2.0
// The kernels of one instruction set. They are serial, allocate nothing and check nothing; `ops/`
// calls them from its threads. Every result row depends on its own input row alone: the same bits
// come out whatever rows stand beside it.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "ops/activation.h"
#include "ops/kernels/panel_product.h"

namespace nestvec {

enum class Isa;

// A row of activations as unsigned bytes q: x = scale (q - zero). The zero point makes use of all
// 256 values where a row has larger magnitudes on one side, as after GELU.
struct RowScale {
  float scale;
  int32_t zero;
};

// What follows the products of neighbouring panels, a row after the other: memory likes whole lines
// side by side. out = activation(scale * c + bias [+ update]) [+ residual].
struct PanelFinish {
  const float* c = nullptr;  // [panels][rows, 32], or with row_scales int32 of the same shape
  size_t c_stride = 0;       // elements from panel to panel
  size_t rows = 0;
  size_t columns = 32;  // that exist; the rest of the last panel is padding
  // Panels are pairs: the columns of a gate and those that it lets through. There is one column of
  // output for each pair: activation(gate) * other.
  bool gated = false;
  const float* bias = nullptr;  // [panels * 32]
  // int8 only: c is int32.
  const RowScale* row_scales = nullptr;  // [rows]
  const float* column_scales = nullptr;  // [panels * 32]
  const int32_t* column_sums = nullptr;  // the same: sum of the column's weights
  const float* update = nullptr;         // of adapters, as c; null: none, or c has it
  Activation activation = Activation::kNone;
  const float* residual = nullptr;  // [rows, out_stride], at the first column; may be `out`
  float* out = nullptr;             // one of the two
  uint16_t* out_bf16 = nullptr;
  size_t out_stride = 0;  // elements
};

// h[r][v] = dot(x[r], down[v]).
template <class T>
struct Projection {
  const T* x;     // [rows, stride]
  size_t stride;  // elements
  size_t rows;
  size_t n;
  const float* down;  // [rank, n]
  size_t rank;
  float* h;  // [rows, rank]
};

// LayerNorm, or RMSNorm by rms_norm, which has no bias.
struct LayerNorm {
  const float* x = nullptr;  // [n]
  const float* weight = nullptr;
  const float* bias = nullptr;
  float eps = 0.0f;
  size_t n = 0;
  float* out = nullptr;  // [n]; may be x
};

// Attention of one head over one sequence: keys and values packed once, then blocks of queries.
struct HeadShape {
  size_t width;  // D: elements of a head, at most kMaxHeadWidth
  size_t keys;   // S
};

// RMSNorm of a row of a head, before its rotation.
struct HeadNorm {
  const float* weight = nullptr;  // [width]; null: none
  float eps = 0.0f;
};

// Normalises, rotates (RoFormer; halves of a head against each other) where cos is not null, and
// packs.
template <class T>
struct PackKeysValues {
  HeadShape shape;
  size_t first = 0;      // this call packs keys [first, first + count)
  size_t count = 0;      // first is a multiple of kKeyBlock; so is count, but at the end
  const T* k = nullptr;  // key 0's row; [S, stride]
  const T* v = nullptr;
  size_t stride = 0;
  const float* cos = nullptr;  // [S, width / 2] or null
  const float* sin = nullptr;
  HeadNorm norm{};
  T* packed_k = nullptr;  // packed_kv_elements(shape) each
  T* packed_v = nullptr;
};

template <class T>
struct AttendQueries {
  HeadShape shape;
  size_t first = 0;      // position of the first query, for the rotation
  size_t count = 0;      // queries, at most kQueryBlock
  const T* q = nullptr;  // first query's row
  size_t stride = 0;
  const float* cos = nullptr;  // of position 0
  const float* sin = nullptr;
  HeadNorm norm{};
  float scale = 0.0f;  // 1 / sqrt(D)
  // A query sees the keys at most so many positions before it and behind it.
  size_t before = SIZE_MAX;
  size_t behind = SIZE_MAX;
  // Added to the score of a query at i and a key at j is element j - i, which may be below 0; null:
  // nothing.
  const float* bias = nullptr;
  const T* packed_k = nullptr;
  const T* packed_v = nullptr;
  T* out = nullptr;  // [count, out_stride]
  size_t out_stride = 0;
};

inline constexpr size_t kKeyBlock = 64, kQueryBlock = 64;
inline constexpr size_t kMaxHeadWidth = 256;

// Elements of a packed K or V: keys rounded up to kKeyBlock times the width rounded up to 32.
constexpr size_t packed_kv_elements(HeadShape shape) {
  return (shape.keys + kKeyBlock - 1) / kKeyBlock * kKeyBlock * ((shape.width + 31) / 32 * 32);
}

struct Kernels {
  // Products, gemm_*.cc. bf16 sums in fp32; s8 is exact in int32.
  void (*gemm_f32)(const PanelProduct<float, float, float>&);
  void (*gemm_bf16)(const PanelProduct<uint16_t, uint16_t, float>&);
  void (*gemm_f32_bf16)(const PanelProduct<float, uint16_t, float>&);
  void (*gemm_s8)(const PanelProduct<uint8_t, int8_t, int32_t>&);
  // Panels of w8, widened a part at a time, then as gemm_f32 and gemm_bf16. They do not add.
  void (*gemm_f32_w8)(const PanelProduct<float, uint8_t, float>&);
  void (*gemm_bf16_w8)(const PanelProduct<uint16_t, uint8_t, float>&);

  // finish.cc
  void (*finish)(const PanelFinish&);

  // rows.cc. out[i] = bf16(x[i]), to nearest even, NaN kept.
  void (*to_bf16)(const float* x, size_t n, uint16_t* out);
  // out[i] = round(x[i] / scale + zero) with the range from the least to the greatest value (and
  // zero between them) on 0 to 255; scale 1 for a row of zeros. What is not finite makes the scale
  // NaN.
  RowScale (*to_u8)(const float* x, size_t n, uint8_t* out);
  RowScale (*bf16_to_u8)(const uint16_t* x, size_t n, uint8_t* out);
  void (*project)(const Projection<float>&);
  void (*project_bf16)(const Projection<uint16_t>&);
  void (*layer_norm)(const LayerNorm&);
  // x / sqrt(mean(x^2) + eps) * weight (arXiv:1910.07467).
  void (*rms_norm)(const LayerNorm&);
  // sum[i] += x[i].
  void (*add)(const float* x, size_t n, float* sum);
  // out[i] = (float)x[i]
  void (*from_bf16)(const uint16_t* x, size_t n, float* out);
  // y[i] += a * x[i]
  void (*add_scaled)(float a, const float* x, size_t n, float* y);

  // attention_*.cc: softmax(scale q k^T) v, streamed over blocks of keys (FlashAttention,
  // arXiv:2205.14135); no S x S matrix.
  void (*pack_kv_f32)(const PackKeysValues<float>&);
  void (*attend_f32)(const AttendQueries<float>&);
  void (*pack_kv_bf16)(const PackKeysValues<uint16_t>&);
  void (*attend_bf16)(const AttendQueries<uint16_t>&);
};

// Precondition: this machine has `isa`.
const Kernels& kernels(Isa isa);

}  // namespace nestvec
