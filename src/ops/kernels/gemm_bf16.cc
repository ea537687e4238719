// SPDX-License-Identifier: Apache-2.0
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "ops/kernels/kernels.h"
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
    using Words = uint32_t __attribute__((vector_size(kLanes * 4)));
    Words pairs;
    __builtin_memcpy(&pairs, w, sizeof pairs);
    return __builtin_bit_cast(Floats, kPart == 0 ? pairs << 16 : pairs & 0xffff0000);
  }

  template <size_t kPart>
  static Floats input(const float* a) {
    return broadcast(a[kPart]);
  }

  static Floats add(Floats sums, Floats a, Floats w) { return add_product(sums, a, w); }
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

  static __m512 load_sums(const float* c) { return _mm512_loadu_ps(c); }

  template <size_t>
  static __m512i weights(const uint16_t* w) {
    return _mm512_loadu_si512(w);
  }

  template <size_t>
  static __m512i input(const uint16_t* a) {
    int pair;
    __builtin_memcpy(&pair, a, sizeof pair);
    return _mm512_set1_epi32(pair);
  }

  static __m512 add(__m512 sums, __m512i a, __m512i w) {
    return _mm512_dpbf16_ps(sums, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(w));
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
#else
  multiply<Bf16Ops>(p);
#endif
}

void gemm_f32_bf16(const PanelProduct<float, uint16_t, float>& p) { multiply<WideningOps>(p); }

}  // namespace nestvec::NESTVEC_ISA
