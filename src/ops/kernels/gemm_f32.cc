// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/instructions.h"
#include "ops/kernels/kernels.h"
#include "ops/kernels/product.h"

namespace nestvec::NESTVEC_ISA {
namespace {

struct Ops {
  using A = float;
  using W = float;
  using C = float;
  using Input = float;
  static constexpr size_t kGroup = 1;
  static constexpr size_t kInputs = 1;
  static constexpr size_t kParts = 1;
  static constexpr bool kConverts = false;

  static Floats load_sums(const float* c) { return load(c); }
  template <size_t>
  static Floats weights(const float* w) {
    return load(w);
  }
  template <size_t>
  static Floats input(const float* a) {
    return broadcast(*a);
  }
  static Floats add(Floats sums, Floats a, Floats w) { return add_product(sums, a, w); }

#if defined(NESTVEC_NEON)
  template <size_t kLane>
  static Floats add_lane(Floats sums, Ints a, Floats w) {
    return NESTVEC_ISA::add_lane<kLane>(sums, a, w);
  }
#endif
};

}  // namespace

void gemm_f32(const PanelProduct<float, float, float>& p) { multiply<Ops>(p); }

}  // namespace nestvec::NESTVEC_ISA
