// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/kernels.h"
namespace nestvec::NESTVEC_ISA {
static float act(float x, Activation a) {
  switch (a) { case Activation::kGelu: return x / 2 * (1 + __builtin_erff(x * 0.70710678f));
    case Activation::kGeluTanh: return x / 2 * (1 + __builtin_tanhf(0.79788456f * (x + 0.044715f * x * x * x)));
    case Activation::kRelu: return x < 0 ? 0 : x; case Activation::kNone: return x; }
  return x;
}
void finish(const PanelFinish& f) {
  for (size_t r = 0; r < f.rows; ++r) for (size_t j = 0; j < f.columns; ++j) {
    float y = f.c[r * 32 + j];
    if (f.row_scales) { const int32_t v = reinterpret_cast<const int32_t*>(f.c)[r * 32 + j]; y = f.row_scales[r] * f.column_scales[j] * (float)(v - 128 * f.column_sums[j]); }
    y += f.bias[j];
    if (f.up_rows && f.up_rows[r]) for (size_t k = 0; k < f.rank; ++k) y += f.h[r * f.rank + k] * f.up_rows[r][k * f.up_stride + j];
    y = act(y, f.activation);
    if (f.residual) y += f.residual[r * f.out_stride + j];
    if (f.out) f.out[r * f.out_stride + j] = y;
    if (f.out_bf16) { uint32_t b = __builtin_bit_cast(uint32_t, y); b += 0x7fff + (b >> 16 & 1); f.out_bf16[r * f.out_stride + j] = (uint16_t)(b >> 16); }
  }
}
}
