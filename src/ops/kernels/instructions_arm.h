// SPDX-License-Identifier: Apache-2.0
// The part of instructions.h that products ask of Arm. In assembly: of a lane that several
// instructions read the compiler makes a register first, which costs as much as a product.
#pragma once

#if defined(NESTVEC_NEON)

#include <arm_neon.h>

#include "ops/kernels/lanes.h"

namespace nestvec::NESTVEC_ISA {

// sums + w times the float in lane kLane of a.
template <size_t kLane>
Floats add_lane(Floats sums, Ints a, Floats w) {
  asm("fmla %0.4s, %2.4s, %1.s[%c3]" : "+w"(sums) : "w"(a), "w"(w), "i"(kLane));
  return sums;
}

// The same for integers.
template <size_t kLane>
Ints add_lane(Ints sums, Ints a, Ints w) {
  asm("mla %0.4s, %2.4s, %1.s[%c3]" : "+w"(sums) : "w"(a), "w"(w), "i"(kLane));
  return sums;
}

// The first half of a before that of b; the second halves.
template <class Register>
Register first_halves(Register a, Register b) {
  return reinterpret_cast<Register>(
      vzip1q_s64(reinterpret_cast<int64x2_t>(a), reinterpret_cast<int64x2_t>(b)));
}
template <class Register>
Register last_halves(Register a, Register b) {
  return reinterpret_cast<Register>(
      vzip2q_s64(reinterpret_cast<int64x2_t>(a), reinterpret_cast<int64x2_t>(b)));
}

#if defined(__ARM_FEATURE_DOTPROD)
// Each of the sums + four products of signed bytes of w and of lane kLane of a.
template <size_t kLane>
Ints add_lane_of_bytes(Ints sums, Ints a, Ints w) {
  asm("sdot %0.4s, %2.16b, %1.4b[%c3]" : "+w"(sums) : "w"(a), "w"(w), "i"(kLane));
  return sums;
}
#endif

// Two pairs of columns, eight bytes each, from four columns of two neighbouring groups of weights.
// Here and below registers for what is only passed through are named, and loads are part of it: the
// compiler would load ahead, and move or spill sums for that.
inline void pair_columns(const Ints* group, const Ints* next, Ints& first, Ints& last) {
  asm("ldr q30, %2\n\tldr q31, %3\n\tzip1 %0.4s, v30.4s, v31.4s\n\tzip2 %1.4s, v30.4s, v31.4s"
      : "=w"(first), "=w"(last)
      : "m"(*group), "m"(*next)
      : "v30", "v31");
}

// Two rows of inputs at `a`, eight bytes each, times four pairs of columns: sums of each are [2,
// 2].
#define NESTVEC_ADD_MATRICES(instruction, type)                                            \
  asm("ldr q31, %4\n\t" instruction " %0.4s, v31." type ", %5." type "\n\t" instruction    \
      " %1.4s, v31." type ", %6." type "\n\t" instruction " %2.4s, v31." type ", %7." type \
      "\n\t" instruction " %3.4s, v31." type ", %8." type                                  \
      : "+w"(sums[0]), "+w"(sums[1]), "+w"(sums[2]), "+w"(sums[3])                         \
      : "m"(*a), "w"(w[0]), "w"(w[1]), "w"(w[2]), "w"(w[3])                                \
      : "v31")

#if defined(__ARM_FEATURE_MATMUL_INT8)
// Inputs are unsigned bytes, weights signed ones.
inline void add_matrices_of_bytes(Ints (&sums)[4], const Ints* a, const Ints (&w)[4]) {
  NESTVEC_ADD_MATRICES("usmmla", "16b");
}
#endif

#if defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
// Pairs of products are summed, then added; each sum rounds to odd, and takes what is denormal for
// zero.
inline void add_matrices_of_bf16(Floats (&sums)[4], const Ints* a, const Ints (&w)[4]) {
  NESTVEC_ADD_MATRICES("bfmmla", "8h");
}

inline Halves rounded_to_bf16(Floats x) {
  Halves halves;
  asm("bfcvtn %0.4h, %1.4s" : "=w"(halves) : "w"(x));
  return halves;
}
#endif

#undef NESTVEC_ADD_MATRICES

}  // namespace nestvec::NESTVEC_ISA

#endif
