// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/kernels.h"
namespace nestvec::NESTVEC_ISA {
void pack_kv_f32(const PackKeysValues<float>& p) {
  const size_t d = p.shape.width;
  for (size_t s = p.first; s < p.first + p.count; ++s) for (size_t i = 0; i < d; ++i) {
    const float* k = p.k + s * p.stride; float x = k[i];
    if (p.cos) { size_t h = d / 2, c = i % h; float co = p.cos[s * h + c], si = p.sin[s * h + c]; x = i < h ? k[i] * co - k[i + h] * si : k[i] * co + k[i - h] * si; }
    p.packed_k[s * d + i] = x; p.packed_v[s * d + i] = p.v[s * p.stride + i];
  }
}
void attend_f32(const AttendQueries<float>& a) {
  const size_t d = a.shape.width;
  for (size_t r = 0; r < a.count; ++r) {
    float q[256]; const float* x = a.q + r * a.stride;
    for (size_t i = 0; i < d; ++i) { q[i] = x[i]; if (a.cos) { size_t h = d / 2, c = i % h, s = a.first + r; float co = a.cos[s * h + c], si = a.sin[s * h + c]; q[i] = i < h ? x[i] * co - x[i + h] * si : x[i] * co + x[i - h] * si; } }
    float m = -__builtin_inff(), sum = 0, o[256] = {};
    for (size_t s = 0; s < a.shape.keys; ++s) {
      float t = 0; for (size_t i = 0; i < d; ++i) t += q[i] * a.packed_k[s * d + i]; t *= a.scale;
      if (t > m) { float c = __builtin_expf(m - t); sum *= c; for (size_t i = 0; i < d; ++i) o[i] *= c; m = t; }
      float w = __builtin_expf(t - m); sum += w; for (size_t i = 0; i < d; ++i) o[i] += w * a.packed_v[s * d + i];
    }
    for (size_t i = 0; i < d; ++i) a.out[r * a.out_stride + i] = o[i] / sum;
  }
}
}
