// SPDX-License-Identifier: Apache-2.0
// A register of floats, as wide as the instruction set that this file is compiled for, on the
// compiler's vector extension. Kernels are written once over these and compiled once an
// instruction set (NESTVEC_ISA, see src/ops/kernels/CMakeLists.txt).
//
// Only such headers may be included by kernels whose functions are all their own: an inline
// function of the standard library compiled here could be the copy that the linker keeps for
// everyone.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifndef NESTVEC_ISA
#define NESTVEC_ISA generic
#endif

namespace nestvec::NESTVEC_ISA {

#if defined(__AVX512F__)
inline constexpr size_t kLanes = 16;
#elif defined(__AVX2__)
inline constexpr size_t kLanes = 8;
#else
inline constexpr size_t kLanes = 4;
#endif

using Floats = float __attribute__((vector_size(kLanes * 4)));
using Ints = int32_t __attribute__((vector_size(kLanes * 4)));
using Words = uint32_t __attribute__((vector_size(kLanes * 4)));
using Shorts = int16_t __attribute__((vector_size(kLanes * 4)));
using Halves = uint16_t __attribute__((vector_size(kLanes * 2)));
using Bytes = uint8_t __attribute__((vector_size(kLanes)));

// Brings what will be read, or written, into the second cache level. For rows that are far apart:
// no processor foresees them.
inline void fetch(const void* p, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(static_cast<const char*>(p) + i, 0, 2);
}
inline void fetch_to_write(const void* p, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 64) __builtin_prefetch(static_cast<const char*>(p) + i, 1, 2);
}

inline Floats broadcast(float x) { return x - Floats{}; }

inline Floats load(const float* p) {
  Floats x;
  __builtin_memcpy(&x, p, sizeof x);
  return x;
}

inline Ints load_ints(const void* p) {
  Ints x;
  __builtin_memcpy(&x, p, sizeof x);
  return x;
}

inline Halves load_halves(const uint16_t* p) {
  Halves x;
  __builtin_memcpy(&x, p, sizeof x);
  return x;
}

inline void store(float* p, Floats x) { __builtin_memcpy(p, &x, sizeof x); }

// The first n values, at most kLanes; the others are zero.
inline Floats load_some(const float* p, size_t n) {
  if (n >= kLanes) return load(p);
  Floats x{};
  __builtin_memcpy(&x, p, n * sizeof(float));
  return x;
}

// Writes the first n values, at most kLanes, of a register of any type.
template <class T, class Register>
void store_some(T* p, Register x, size_t n) {
  if (n >= kLanes) {
    __builtin_memcpy(p, &x, sizeof x);
  } else {
    __builtin_memcpy(p, &x, n * sizeof(T));
  }
}

// The first n < kLanes values, zeros behind them.
inline Floats first_lanes(Floats x, size_t n) {
  Floats some{};
  __builtin_memcpy(&some, &x, n * sizeof(float));
  return some;
}

// 1.5 * 2^23: adding it to a small number rounds that to an integer, which then stands in the lower
// bits; taking it off again leaves the integer as a float.
inline constexpr float kRound = 12582912.0f;

// bfloat16 is the upper half of a float.
inline float widen(uint16_t x) { return __builtin_bit_cast(float, uint32_t{x} << 16); }

// To nearest, of ties to even. NaN stays NaN, its payload cut.
inline Halves narrow(Floats x) {
  const Words bits = __builtin_bit_cast(Words, x);
  const Words rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  return __builtin_convertvector(x != x ? bits >> 16 | 0x40u : rounded, Halves);
}

// x with lanes i and i ^ kDistance in each other's place.
template <int kDistance>
Floats swapped(Floats x) {
#if defined(__clang__)  // which reads these files to check them, and has another builtin
  Floats y;
  for (size_t i = 0; i < kLanes; ++i) y[i] = x[i ^ kDistance];
  return y;
#else
  Ints lanes;
  for (int i = 0; i < static_cast<int>(kLanes); ++i) lanes[i] = i ^ kDistance;
  return __builtin_shuffle(x, lanes);
#endif
}

// The sum of all lanes, in the order of a binary tree.
template <int kWidth = static_cast<int>(kLanes / 2)>
float sum(Floats x) {
  const Floats sums = x + swapped<kWidth>(x);
  if constexpr (kWidth == 1) {
    return sums[0];
  } else {
    return sum<kWidth / 2>(sums);
  }
}

}  // namespace nestvec::NESTVEC_ISA
