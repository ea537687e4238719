// SPDX-License-Identifier: Apache-2.0
// Products with w8 weights: a part of a panel is widened into the first cache level, and the
// kernels of the wide type multiply it with all rows.
#include "ops/kernels/halves.h"
#include "ops/kernels/instructions.h"
#include "ops/kernels/kernels.h"
#include "ops/kernels/math.h"

namespace nestvec::NESTVEC_ISA {
namespace {

constexpr size_t kSteps = kW8Inputs / 4;  // of a group, four inputs each
constexpr size_t kScaleBytes = kW8GroupBytes - kPanel * kW8Inputs;

// Four inputs of kLanes columns.
struct Step {
  Floats inputs[4];
};

Step widen_step(const uint8_t* w, Floats scale) {
  const Ints bytes = load_ints(w);
  return {{__builtin_convertvector(bytes << 24 >> 24, Floats) * scale,
           __builtin_convertvector(bytes << 16 >> 24, Floats) * scale,
           __builtin_convertvector(bytes << 8 >> 24, Floats) * scale,
           __builtin_convertvector(bytes >> 24, Floats) * scale}};
}

// Calls write(input, column, step) for each step of `inputs` inputs of a panel.
template <class Write>
void widen(const uint8_t* panel, size_t inputs, Write write) {
  for (size_t first = 0; first < inputs; first += kW8Inputs, panel += kW8GroupBytes) {
    for (size_t column = 0; column < kPanel; column += kLanes) {
      uint16_t halves[kLanes];
      __builtin_memcpy(halves, panel + 2 * column, sizeof halves);
      const Floats scale = load_some(halves, kLanes);
      const uint8_t* w = panel + kScaleBytes + 4 * column;
#pragma GCC unroll 8
      for (size_t step = 0; step < kSteps; ++step) {
        write(first + 4 * step, column, widen_step(w + step * 4 * kPanel, scale));
      }
    }
  }
}

// Exact: a byte times a bf16 has 15 bits.
void widen_to(const uint8_t* panel, size_t inputs, float* out) {
  widen(panel, inputs, [out](size_t input, size_t column, const Step& step) {
    for (size_t i = 0; i < 4; ++i) store(out + (input + i) * kPanel + column, step.inputs[i]);
  });
}

// What is to be cut to bf16, to nearest, of ties to even. NaN stays NaN.
Words rounded(Floats x) {
  const Words bits = __builtin_bit_cast(Words, x);
  return x != x ? bits : bits + 0x7fffu + (bits >> 16 & 1u);
}

void widen_to(const uint8_t* panel, size_t inputs, uint16_t* out) {
  widen(panel, inputs, [out](size_t input, size_t column, const Step& step) {
    for (size_t i = 0; i < 4; i += 2) {
      const Words pair =
          rounded(step.inputs[i]) >> 16 | (rounded(step.inputs[i + 1]) & 0xffff0000u);
      __builtin_memcpy(out + (input + i) * kPanel + 2 * column, &pair, sizeof pair);
    }
  });
}

// `kInputs` are widened at a time. The order of a sum depends on k alone.
template <class W, size_t kInputs, class A, class Gemm>
void multiply_widened(const PanelProduct<A, uint8_t, float>& p, Gemm gemm) {
  alignas(64) W panel[kInputs * kPanel];
  for (size_t begin = 0; begin < p.k; begin += kInputs) {
    const size_t count = p.k - begin < kInputs ? p.k - begin : kInputs;
    widen_to(p.panel + begin / kW8Inputs * kW8GroupBytes, count, panel);
    gemm({p.a + begin, p.a_stride, p.rows, panel, count, p.c, begin > 0});
  }
}

}  // namespace

void gemm_f32_w8(const PanelProduct<float, uint8_t, float>& p) {
  multiply_widened<float, 128>(p, gemm_f32);
}

// AMX keeps sums in its tiles from the first input to the last, so fewer parts are better there.
void gemm_bf16_w8(const PanelProduct<uint16_t, uint8_t, float>& p) {
#if defined(__AMX_BF16__)
  multiply_widened<uint16_t, 1024>(p, gemm_bf16);
#else
  multiply_widened<uint16_t, 256>(p, gemm_bf16);
#endif
}

}  // namespace nestvec::NESTVEC_ISA
