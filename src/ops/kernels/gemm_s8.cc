// SPDX-License-Identifier: Apache-2.0
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "ops/kernels/kernels.h"
#include "ops/kernels/product.h"
#include "ops/kernels/tiles.h"

namespace nestvec::NESTVEC_ISA {
namespace {

#if defined(__AVX512VNNI__) && !defined(__AMX_INT8__)
struct Ops {
  using A = uint8_t;
  using W = int8_t;
  using C = int32_t;
  using Input = uint8_t;
  static constexpr size_t kGroup = 4;
  static constexpr size_t kInputs = 4;
  static constexpr size_t kParts = 1;
  static constexpr bool kConverts = false;

  static __m512i load_sums(const int32_t* c) { return _mm512_loadu_si512(c); }

  template <size_t>
  static __m512i weights(const int8_t* w) {
    return _mm512_loadu_si512(w);
  }

  template <size_t>
  static __m512i input(const uint8_t* a) {
    int group;
    __builtin_memcpy(&group, a, sizeof group);
    return _mm512_set1_epi32(group);
  }

  static __m512i add(__m512i sums, __m512i a, __m512i w) { return _mm512_dpbusd_epi32(sums, a, w); }
};
#elif !defined(__AMX_INT8__)
using Shorts = int16_t __attribute__((vector_size(kLanes * 4)));

// Products of u8 and s8 do not fit in 16 bits in pairs (the sums of vpmaddubsw saturate), so both
// are widened: of each four, the first and third, then the others.
struct Ops {
  using A = uint8_t;
  using W = int8_t;
  using C = int32_t;
  using Input = uint32_t;
  static constexpr size_t kGroup = 4;
  static constexpr size_t kInputs = 2;
  static constexpr size_t kParts = 2;
  static constexpr bool kConverts = true;

  static void convert(const uint8_t* a, size_t steps, uint32_t* out) {
    for (size_t i = 0; i < steps; ++i) {
      uint32_t group;
      __builtin_memcpy(&group, a + i * kGroup, sizeof group);
      out[2 * i] = group & 0x00ff00ff;
      out[2 * i + 1] = group >> 8 & 0x00ff00ff;
    }
  }

  static Ints load_sums(const int32_t* c) {
    Ints sums;
    __builtin_memcpy(&sums, c, sizeof sums);
    return sums;
  }

  template <size_t kPart>
  static Shorts weights(const int8_t* w) {
    Shorts pairs;
    __builtin_memcpy(&pairs, w, sizeof pairs);
    return kPart == 0 ? pairs << 8 >> 8 : pairs >> 8;
  }

  template <size_t kPart>
  static Shorts input(const uint32_t* a) {
    const Ints pair = static_cast<int32_t>(a[kPart]) - Ints{};
    return reinterpret_cast<Shorts>(pair);
  }

  // Adds the sums of two products each.
  static Ints add(Ints sums, Shorts a, Shorts w) {
#if defined(__AVX2__)
    // The compiler would add products to each other first, and has no registers for them.
    Ints products;
    asm("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+v"(sums), "=&v"(products) : "v"(a), "v"(w));
    return sums;
#elif defined(__SSE2__)
    return sums + reinterpret_cast<Ints>(
                      _mm_madd_epi16(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(w)));
#else
    const Ints x = reinterpret_cast<Ints>(a);
    const Ints y = reinterpret_cast<Ints>(w);
    return sums + (x << 16 >> 16) * (y << 16 >> 16) + (x >> 16) * (y >> 16);
#endif
  }
};
#endif

}  // namespace

void gemm_s8(const PanelProduct<uint8_t, int8_t, int32_t>& p) {
#if defined(__AMX_INT8__)
  multiply_tiles<AmxTiles>(p);
#else
  multiply<Ops>(p);
#endif
}

}  // namespace nestvec::NESTVEC_ISA
