// SPDX-License-Identifier: Apache-2.0
// exp and the activations of a register of floats. Coefficients are minimax polynomials, fitted
// anew for these ranges; errors are measured by rows_test.cc and finish_test.cc.
#pragma once

#include "ops/activation.h"
#include "ops/kernels/instructions.h"
#include "ops/kernels/lanes.h"

namespace nestvec::NESTVEC_ISA {

// Relative error below 2e-7, for x of [-87, 88]: the result is normal.
inline Floats exp_in_range(Floats x) {
  constexpr float kLog2E = 1.44269504f;
  // ln 2 in two parts: the first has so few bits that its product with n is exact.
  constexpr float kLn2High = 0.693359375f;
  constexpr float kLn2Low = -2.12194440e-4f;
  const Floats shifted = x * kLog2E + kRound;
  const Floats n = shifted - kRound;
  const Floats r = (x - n * kLn2High) - n * kLn2Low;
  Floats q = broadcast(1.381460861e-3f);
  q = q * r + 8.368716831e-3f;
  q = q * r + 4.166838789e-2f;
  q = q * r + 0.1666652063f;
  q = q * r + 0.4999999345f;
  const Floats power = (q * r) * r + r + 1.0f;
  // 2^n: into the exponent.
  return __builtin_bit_cast(
      Floats, __builtin_bit_cast(Words, power) + (__builtin_bit_cast(Words, shifted) << 23));
}

// The same for any x; beyond the range the value at its end. NaN stays NaN.
inline Floats exp(Floats x) {
  return exp_in_range(min(broadcast(88.0f), max(broadcast(-87.0f), x)));
}

// 2^x for x <= 120; at least 2^-125, NaN stays NaN. Relative error below 2e-7 for fp32, below 1e-4
// for what becomes bfloat16.
template <bool kExact>
Floats exp2_of_small(Floats x) {
  x = max(broadcast(-125.0f), x);
  const Floats shifted = x + kRound;
  const Floats r = x - (shifted - kRound);
  Floats power;
  if constexpr (kExact) {
    power = r * 1.3276471993e-3f + 9.6755413345e-3f;
    power = power * r + 5.5507132735e-2f;
    power = power * r + 0.24022119724f;
    power = power * r + 0.69314696706f;
    power = power * r + 1.0f;
  } else {
    power = r * 5.5171669058e-2f + 0.24261112219f;
    power = power * r + 0.69326098546f;
    power = power * r + 0.99992807354f;
  }
  return __builtin_bit_cast(
      Floats, __builtin_bit_cast(Words, power) + (__builtin_bit_cast(Words, shifted) << 23));
}

// The greatest lane, in every lane.
template <int kWidth = static_cast<int>(kLanes / 2)>
Floats greatest_lane(Floats x) {
  const Floats greatest = max(x, swapped<kWidth>(x));
  if constexpr (kWidth == 1) {
    return greatest;
  } else {
    return greatest_lane<kWidth / 2>(greatest);
  }
}

inline Floats absolute(Floats x) {
  return __builtin_bit_cast(Floats, __builtin_bit_cast(Words, x) & 0x7fffffffu);
}

// x / 2 (1 + erf(x / sqrt 2)) = max(x, 0) - |x| / 2 erfc(|x| / sqrt 2), which loses no digits on
// either side; erfc(a) = exp(a p(a)). Error below 2e-7 (1 + |x|) absolute.
inline Floats gelu(Floats x) {
  constexpr float kRootHalf = 0.70710678f;
  const Floats magnitude = absolute(x);
  const Floats a = min(broadcast(5.0f), magnitude * kRootHalf);
  Floats p = broadcast(-2.084180182e-5f);
  p = p * a + 2.179193923e-4f;
  p = p * a - 7.220347828e-4f;
  p = p * a - 1.078794612e-3f;
  p = p * a + 2.009978766e-2f;
  p = p * a - 0.1031829506f;
  p = p * a - 0.6365324931f;
  p = p * a - 1.128386102f;
  return max(x, Floats{}) - magnitude * 0.5f * exp_in_range(a * p);
}

// The same for what becomes bfloat16: errors are an eighth of its rounding's at most. erfc(u / sqrt
// 2) = 2^(u q(u)).
inline Floats gelu_for_bf16(Floats x) {
  const Floats magnitude = absolute(x);
  const Floats u = min(broadcast(5.5f), magnitude);
  Floats q = broadcast(-2.411962832e-4f);
  q = q * u + 4.988264544e-3f;
  q = q * u - 4.52387426e-2f;
  q = q * u - 0.4681812068f;
  q = q * u - 1.147675466f;
  return max(x, Floats{}) - magnitude * 0.5f * exp2_of_small<false>(u * q);
}

// x / 2 (1 + tanh(z)) = x / (1 + exp(-2 z)), z = sqrt(2 / pi) (x + 0.044715 x^3).
inline Floats gelu_tanh(Floats x) {
  constexpr float kMinusTwoRoot = -1.59576912f;  // -2 sqrt(2 / pi)
  return x / (1.0f + exp(kMinusTwoRoot * (x + 0.044715f * x * x * x)));
}

// x sigmoid(x).
inline Floats silu(Floats x) { return x / (1.0f + exp(-x)); }

// (1 - t) / (1 + t) with the sign of x, t = exp(-2 |x|). Error below 2e-7 absolute.
inline Floats tanh(Floats x) {
  const Floats t = exp(-2.0f * absolute(x));
  const Words sign = __builtin_bit_cast(Words, x) & 0x80000000u;
  return __builtin_bit_cast(Floats, __builtin_bit_cast(Words, (1.0f - t) / (1.0f + t)) | sign);
}

// kExact: in fp32's precision, else in what bfloat16 keeps of it.
template <Activation kActivation, bool kExact>
Floats activate(Floats x) {
  if constexpr (kActivation == Activation::kGelu) return kExact ? gelu(x) : gelu_for_bf16(x);
  if constexpr (kActivation == Activation::kGeluTanh) return gelu_tanh(x);
  if constexpr (kActivation == Activation::kRelu) return max(Floats{}, x);
  if constexpr (kActivation == Activation::kSilu) return silu(x);
  if constexpr (kActivation == Activation::kTanh) return tanh(x);
  return x;
}

}  // namespace nestvec::NESTVEC_ISA
