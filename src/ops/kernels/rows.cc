// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/kernels.h"
#include "ops/kernels/lanes.h"
namespace nestvec::NESTVEC_ISA {
void to_bf16(const float* x, size_t n, uint16_t* out) {
  for (size_t i = 0; i < n; ++i) { uint32_t b = __builtin_bit_cast(uint32_t, x[i]); b += 0x7fff + (b >> 16 & 1); out[i] = (uint16_t)(b >> 16); }
}
float to_u8(const float* x, size_t n, uint8_t* out) {
  float m = 0; for (size_t i = 0; i < n; ++i) { float a = x[i] < 0 ? -x[i] : x[i]; m = a > m ? a : m; }
  float s = m == 0 ? 1.0f : m / 127; for (size_t i = 0; i < n; ++i) { float v = x[i] / s; out[i] = (uint8_t)((int)(v + (v < 0 ? -0.5f : 0.5f)) + 128); }
  return s;
}
void project(const float* x, size_t n, const float* down, size_t rank, float* h) {
  for (size_t r = 0; r < rank; ++r) { float s = 0; for (size_t i = 0; i < n; ++i) s += x[i] * down[r * n + i]; h[r] = s; }
}
void layer_norm(const LayerNorm& f) {
  float mean = 0; for (size_t i = 0; i < f.n; ++i) mean += f.x[i]; mean /= (float)f.n;
  float var = 0; for (size_t i = 0; i < f.n; ++i) var += (f.x[i] - mean) * (f.x[i] - mean); var /= (float)f.n;
  float s = 1 / __builtin_sqrtf(var + f.eps);
  for (size_t i = 0; i < f.n; ++i) f.out[i] = (f.x[i] - mean) * s * f.weight[i] + f.bias[i];
}
void add(const float* x, size_t n, float* sum) { for (size_t i = 0; i < n; ++i) sum[i] += x[i]; }
void from_bf16(const uint16_t* x, size_t n, float* out) { for (size_t i = 0; i < n; ++i) out[i] = widen(x[i]); }
void add_scaled(float a, const float* x, size_t n, float* y) { for (size_t i = 0; i < n; ++i) y[i] += a * x[i]; }
}
