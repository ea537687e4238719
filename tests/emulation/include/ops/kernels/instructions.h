// SPDX-License-Identifier: Apache-2.0
// Stands in for src/ops/kernels/instructions.h where kernels are compiled for a processor that the
// machine is not: each instruction as the Intel 64 and IA-32 Architectures Software Developer's
// Manual, volume 2, states its operation. Not inlined, to keep the objects small.
#pragma once

#include "emulation/tile_unit.h"
#include "ops/kernels/lanes.h"
#include "ops/kernels/tile_config.h"

namespace nestvec::NESTVEC_ISA {

// VMINPS, VMAXPS.
inline Floats min(Floats a, Floats b) { return a < b ? a : b; }
inline Floats max(Floats a, Floats b) { return a > b ? a : b; }

// VCMPPS with an ordered predicate, and whether its mask has a bit.
inline bool any_greater(const Floats& a, const Floats& b) {
  bool any = false;
  for (size_t i = 0; i < kLanes; ++i) any |= a[i] > b[i];
  return any;
}

// VFMADD231PS: one rounding.
[[gnu::noinline]] inline Floats add_product(const Floats& sums, const Floats& a, const Floats& w) {
  Floats out;
  for (size_t i = 0; i < kLanes; ++i) out[i] = __builtin_fmaf(a[i], w[i], sums[i]);
  return out;
}

// VPMADDWD, VPADDD: sums wrap.
[[gnu::noinline]] inline Ints add_products(const Ints& sums, const Shorts& a, const Shorts& w) {
  Ints out;
  for (size_t i = 0; i < kLanes; ++i) {
    const auto pair = static_cast<uint32_t>(a[2 * i] * w[2 * i]) +
                      static_cast<uint32_t>(a[2 * i + 1] * w[2 * i + 1]);
    out[i] = static_cast<int32_t>(static_cast<uint32_t>(sums[i]) + pair);
  }
  return out;
}

#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
// VPDPBUSD: bytes of a count as unsigned, those of w as signed; sums wrap, nothing saturates.
[[gnu::noinline]] inline Ints add_byte_products(const Ints& sums, const Ints& a, const Ints& w) {
  Ints out;
  using Unsigned = uint8_t __attribute__((vector_size(kLanes * 4)));
  using Signed = int8_t __attribute__((vector_size(kLanes * 4)));
  const auto x = __builtin_bit_cast(Unsigned, a);
  const auto y = __builtin_bit_cast(Signed, w);
  for (size_t i = 0; i < kLanes; ++i) {
    int32_t products = 0;
    for (size_t k = 4 * i; k < 4 * i + 4; ++k) products += int32_t{x[k]} * int32_t{y[k]};
    out[i] = static_cast<int32_t>(static_cast<uint32_t>(sums[i]) + static_cast<uint32_t>(products));
  }
  return out;
}
#endif

// VPMOVZXWD.
inline Words to_words(const Halves& x) { return __builtin_convertvector(x, Words); }

// VCVTNEPS2BF16 where there is one: denormals become zeros of their sign.
[[gnu::noinline]] inline Halves to_halves(const Floats& x) {
#if defined(__AVX512BF16__)
  const Words bits = __builtin_bit_cast(Words, x);
  const Words sign = bits & 0x80000000u;
  return narrow((bits & 0x7f800000u) == 0 ? __builtin_bit_cast(Floats, sign) : x);
#else
  return narrow(x);
#endif
}

#if defined(__AVX512BF16__)
// VDPBF16PS: a fused product of the upper halves, then one of the lower; rounded to nearest even,
// with denormals in and out as zeros of their sign, whatever MXCSR says.
[[gnu::noinline]] inline Floats add_bf16_products(const Floats& sums, const Ints& a,
                                                  const Ints& w) {
  const auto flushed = [](Floats x) {
    const Words bits = __builtin_bit_cast(Words, x);
    return __builtin_bit_cast(Floats, (bits & 0x7f800000u) == 0u ? bits & 0x80000000u : bits);
  };
  const Words x = __builtin_bit_cast(Words, a);
  const Words y = __builtin_bit_cast(Words, w);
  const auto floats = [flushed](Words bits) { return flushed(__builtin_bit_cast(Floats, bits)); };
  const Floats upper = add_product(flushed(sums), floats(x & 0xffff0000u), floats(y & 0xffff0000u));
  return flushed(add_product(flushed(upper), floats(x << 16), floats(y << 16)));
}
#endif

#if defined(__AMX_TILE__)
struct AmxTiles {
  static void configure(const TileConfig& config) { emulation::thread_tiles().configure(&config); }
  static void release() { emulation::thread_tiles().release(); }

  template <int kTile>
  static void zero() {
    emulation::thread_tiles().zero(kTile);
  }

  template <int kTile>
  static void load(const void* address, size_t stride) {
    emulation::thread_tiles().load(kTile, address, stride);
  }

  template <int kTile>
  static void store(void* address, size_t stride) {
    emulation::thread_tiles().store(kTile, address, stride);
  }

  template <int kSums, int kInputs, int kWeights>
  static void add(const uint16_t*) {
    emulation::thread_tiles().add_bf16(kSums, kInputs, kWeights);
  }

  template <int kSums, int kInputs, int kWeights>
  static void add(const int8_t*) {
    emulation::thread_tiles().add_bytes(kSums, kInputs, kWeights);
  }
};
#endif

}  // namespace nestvec::NESTVEC_ISA
