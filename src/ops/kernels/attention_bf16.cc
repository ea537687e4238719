// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/kernels.h"
#include "ops/kernels/lanes.h"
namespace nestvec::NESTVEC_ISA {
static uint16_t nb(float y) { uint32_t b = __builtin_bit_cast(uint32_t, y); b += 0x7fff + (b >> 16 & 1); return (uint16_t)(b >> 16); }
void pack_kv_bf16(const PackKeysValues<uint16_t>& p) {
  const size_t d = p.shape.width;
  for (size_t s = p.first; s < p.first + p.count; ++s) for (size_t i = 0; i < d; ++i) {
    const uint16_t* k = p.k + s * p.stride; float x = widen(k[i]);
    if (p.cos) { size_t h = d / 2, c = i % h; float co = p.cos[s * h + c], si = p.sin[s * h + c]; x = i < h ? widen(k[i]) * co - widen(k[i + h]) * si : widen(k[i]) * co + widen(k[i - h]) * si; }
    p.packed_k[s * d + i] = nb(x); p.packed_v[s * d + i] = p.v[s * p.stride + i];
  }
}
void attend_bf16(const AttendQueries<uint16_t>& a) {
  const size_t d = a.shape.width;
  for (size_t r = 0; r < a.count; ++r) {
    float q[256]; const uint16_t* x = a.q + r * a.stride;
    for (size_t i = 0; i < d; ++i) { q[i] = widen(x[i]); if (a.cos) { size_t h = d / 2, c = i % h, s = a.first + r; float co = a.cos[s * h + c], si = a.sin[s * h + c]; q[i] = i < h ? widen(x[i]) * co - widen(x[i + h]) * si : widen(x[i]) * co + widen(x[i - h]) * si; } }
    float m = -__builtin_inff(), sum = 0, o[256] = {};
    for (size_t s = 0; s < a.shape.keys; ++s) {
      float t = 0; for (size_t i = 0; i < d; ++i) t += q[i] * widen(a.packed_k[s * d + i]); t *= a.scale;
      if (t > m) { float c = __builtin_expf(m - t); sum *= c; for (size_t i = 0; i < d; ++i) o[i] *= c; m = t; }
      float w = __builtin_expf(t - m); sum += w; for (size_t i = 0; i < d; ++i) o[i] += w * widen(a.packed_v[s * d + i]);
    }
    for (size_t i = 0; i < d; ++i) a.out[r * a.out_stride + i] = o[i] / sum;
  }
}
}
