// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/instructions.h"
#include "ops/kernels/kernels.h"
#include "ops/kernels/matrices.h"
#include "ops/kernels/product.h"
#include "ops/kernels/tiles.h"

namespace nestvec::NESTVEC_ISA {
namespace {

// fp32 inputs: pairs of weights are widened, the even ones first.
struct WideningOps {
  using A = float;
  using W = uint16_t;
  using C = float;
  using Input = float;
  static constexpr size_t kGroup = 2;
  static constexpr size_t kInputs = 2;
  static constexpr size_t kParts = 2;
  static constexpr bool kConverts = false;

  static Floats load_sums(const float* c) { return load(c); }

  template <size_t kPart>
  static Floats weights(const uint16_t* w) {
    const Words pairs = __builtin_bit_cast(Words, load_ints(w));
    return __builtin_bit_cast(Floats, kPart == 0 ? pairs << 16 : pairs & 0xffff0000);
  }

  template <size_t kPart>
  static Floats input(const float* a) {
    return broadcast(a[kPart]);
  }

  static Floats add(Floats sums, Floats a, Floats w) { return add_product(sums, a, w); }

#if defined(NESTVEC_NEON)
  template <size_t kLane>
  static Floats add_lane(Floats sums, Ints a, Floats w) {
    return NESTVEC_ISA::add_lane<kLane>(sums, a, w);
  }
#endif
};

#if defined(__AVX512BF16__) && !defined(__AMX_BF16__)
struct Bf16Ops {
  using A = uint16_t;
  using W = uint16_t;
  using C = float;
  using Input = uint16_t;
  static constexpr size_t kGroup = 2;
  static constexpr size_t kInputs = 2;
  static constexpr size_t kParts = 1;
  static constexpr bool kConverts = false;

  static Floats load_sums(const float* c) { return load(c); }

  template <size_t>
  static Ints weights(const uint16_t* w) {
    return load_ints(w);
  }

  template <size_t>
  static Ints input(const uint16_t* a) {
    int32_t pair;
    __builtin_memcpy(&pair, a, sizeof pair);
    return pair - Ints{};
  }

  static Floats add(Floats sums, Ints a, Ints w) { return add_bf16_products(sums, a, w); }
};
#elif defined(NESTVEC_NEON) && defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
struct MatrixOps {
  using A = uint16_t;
  using W = uint16_t;
  using C = float;
  using Sums = Floats;
  static constexpr size_t kGroup = 2;

  static void add(Floats (&sums)[4], const Ints* a, const Ints (&w)[4]) {
    add_matrices_of_bf16(sums, a, w);
  }
};
#elif !defined(__AMX_BF16__)
struct Bf16Ops : WideningOps {
  using A = uint16_t;
  static constexpr bool kConverts = true;

  static void convert(const uint16_t* a, size_t steps, float* out) {
    for (size_t i = 0; i < steps * kGroup; ++i) out[i] = widen(a[i]);
  }
};
#endif

}  // namespace

void gemm_bf16(const PanelProduct<uint16_t, uint16_t, float>& p) {
#if defined(__AMX_BF16__)
  multiply_tiles<AmxTiles>(p);
#elif defined(NESTVEC_NEON) && defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
  multiply_matrices<MatrixOps>(p);
#else
  multiply<Bf16Ops>(p);
#endif
}

void gemm_f32_bf16(const PanelProduct<float, uint16_t, float>& p) { multiply<WideningOps>(p); }

}  // namespace nestvec::NESTVEC_ISA
