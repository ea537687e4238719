// SPDX-License-Identifier: Apache-2.0
// bfloat16 as registers of floats, under the names that fp32 has.
#pragma once

#include "ops/kernels/instructions.h"
#include "ops/kernels/lanes.h"

namespace nestvec::NESTVEC_ISA {

inline Floats widen(Halves x) { return __builtin_bit_cast(Floats, to_words(x) << 16); }

inline Floats load(const uint16_t* p) { return widen(load_halves(p)); }
inline Floats load_some(const uint16_t* p, size_t n) {
  if (n >= kLanes) return load(p);
  Halves x{};
  __builtin_memcpy(&x, p, n * sizeof *p);
  return widen(x);
}

}  // namespace nestvec::NESTVEC_ISA
