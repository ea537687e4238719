// SPDX-License-Identifier: Apache-2.0
// What kernels ask of an instruction set by name, beside the compiler's vectors. It is in one file
// so that tests/emulation can stand in for processors: there, a file of this name comes first.
#pragma once

#include "ops/kernels/lanes.h"
#include "ops/kernels/tile_config.h"

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(NESTVEC_NEON)
#include "ops/kernels/instructions_arm.h"
#endif

namespace nestvec::NESTVEC_ISA {

// The lesser and the greater; b where one is NaN. The compiler makes two instructions of a choice.
inline Floats min(Floats a, Floats b) {
#if defined(__AVX2__)
  asm("vminps %2, %1, %0" : "=v"(a) : "v"(a), "v"(b));
  return a;
#else
  return a < b ? a : b;
#endif
}
inline Floats max(Floats a, Floats b) {
#if defined(__AVX2__)
  asm("vmaxps %2, %1, %0" : "=v"(a) : "v"(a), "v"(b));
  return a;
#else
  return a > b ? a : b;
#endif
}

// Whether any lane of a is greater than that of b.
inline bool any_greater(Floats a, Floats b) {
#if defined(__AVX512F__)
  return _mm512_cmp_ps_mask(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b), _CMP_GT_OQ) !=
         0;
#elif defined(__AVX2__)
  return _mm256_movemask_ps(reinterpret_cast<__m256>(a > b)) != 0;
#elif defined(NESTVEC_NEON)
  return vmaxvq_u32(reinterpret_cast<uint32x4_t>(a > b)) != 0;
#else
  bool any = false;
  for (size_t i = 0; i < kLanes; ++i) any |= a[i] > b[i];
  return any;
#endif
}

// sums + a * w.
inline Floats add_product(Floats sums, Floats a, Floats w) {
#if defined(__FMA__)
  // The compiler would choose forms that overwrite a or w, and copy registers to and fro.
  asm("vfmadd231ps %2, %1, %0" : "+v"(sums) : "v"(a), "v"(w));
  return sums;
#else
  return sums + a * w;
#endif
}

// Each of the sums + two products.
inline Ints add_products(Ints sums, Shorts a, Shorts w) {
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

#if defined(__AVX512VNNI__)
// Each of the sums + four products of an unsigned byte of a and a signed one of w.
inline Ints add_byte_products(Ints sums, Ints a, Ints w) {
  return reinterpret_cast<Ints>(_mm512_dpbusd_epi32(
      reinterpret_cast<__m512i>(sums), reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(w)));
}
#elif defined(__AVXVNNI__)
inline Ints add_byte_products(Ints sums, Ints a, Ints w) {
  return Ints(_mm256_dpbusd_avx_epi32(__m256i(sums), __m256i(a), __m256i(w)));
}
#endif

// Each as a word: the compiler makes two halves of it, and puts them together again.
inline Words to_words(Halves x) {
#if defined(__AVX512F__)
  Words words;
  asm("vpmovzxwd %1, %0" : "=v"(words) : "vm"(x));
  return words;
#else
  return __builtin_convertvector(x, Words);
#endif
}

// To bfloat16, to nearest, of ties to even; NaN stays NaN. What is denormal may become zero.
inline Halves to_halves(Floats x) {
#if defined(__AVX512BF16__)
  return __builtin_bit_cast(Halves, _mm512_cvtneps_pbh(x));
#elif defined(NESTVEC_NEON) && defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
  return rounded_to_bf16(x);
#else
  return narrow(x);
#endif
}

#if defined(__AVX512BF16__)
// Each of the sums + two products of bfloat16, the upper one first; every step rounds to nearest
// even and takes what is denormal for zero.
inline Floats add_bf16_products(Floats sums, Ints a, Ints w) {
  return _mm512_dpbf16_ps(sums, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(w));
}
#endif

#if defined(__AMX_TILE__)
// Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18. In assembly:
// the compiler's intrinsics take a tile's number only as a literal, and declare too little of the
// memory that they read.
struct AmxTiles {
  static void configure(const TileConfig& config) { asm volatile("ldtilecfg %0" : : "m"(config)); }

  static void release() { asm volatile("tilerelease"); }

  template <int kTile>
  static void zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(kTile));
  }

  template <int kTile>
  static void load(const void* address, size_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2"
                 :
                 : "r"(address), "r"(stride), "i"(kTile)
                 : "memory");
  }

  template <int kTile>
  static void store(void* address, size_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)"
                 :
                 : "r"(address), "r"(stride), "i"(kTile)
                 : "memory");
  }

  template <int kSums, int kInputs, int kWeights>
  static void add(const uint16_t*) {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0"
                 :
                 : "i"(kSums), "i"(kInputs), "i"(kWeights));
  }

  template <int kSums, int kInputs, int kWeights>
  static void add(const int8_t*) {  // inputs are unsigned
    asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0"
                 :
                 : "i"(kSums), "i"(kInputs), "i"(kWeights));
  }
};
#endif

}  // namespace nestvec::NESTVEC_ISA
