// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/instructions.h"
#include "ops/kernels/kernels.h"
#include "ops/kernels/matrices.h"
#include "ops/kernels/product.h"
#include "ops/kernels/tiles.h"

namespace nestvec::NESTVEC_ISA {
namespace {

#if (defined(__AVX512VNNI__) || defined(__AVXVNNI__)) && !defined(__AMX_INT8__)
struct Ops {
  using A = uint8_t;
  using W = int8_t;
  using C = int32_t;
  using Input = uint8_t;
  static constexpr size_t kGroup = 4;
  static constexpr size_t kInputs = 4;
  static constexpr size_t kParts = 1;
  static constexpr bool kConverts = false;

  static Ints load_sums(const int32_t* c) { return load_ints(c); }

  template <size_t>
  static Ints weights(const int8_t* w) {
    return load_ints(w);
  }

  template <size_t>
  static Ints input(const uint8_t* a) {
    int32_t group;
    __builtin_memcpy(&group, a, sizeof group);
    return group - Ints{};
  }

  static Ints add(Ints sums, Ints a, Ints w) { return add_byte_products(sums, a, w); }
};
#elif defined(NESTVEC_NEON) && defined(__ARM_FEATURE_MATMUL_INT8)
struct MatrixOps {
  using A = uint8_t;
  using W = int8_t;
  using C = int32_t;
  using Sums = Ints;
  static constexpr size_t kGroup = 4;

  static void add(Ints (&sums)[4], const Ints* a, const Ints (&w)[4]) {
    add_matrices_of_bytes(sums, a, w);
  }
};
#elif defined(NESTVEC_NEON) && defined(__ARM_FEATURE_DOTPROD)
// Both factors are signed: of inputs, 128 less.
struct Ops {
  using A = uint8_t;
  using W = int8_t;
  using C = int32_t;
  using Input = uint8_t;
  static constexpr size_t kGroup = 4;
  static constexpr size_t kInputs = 4;
  static constexpr size_t kParts = 1;
  static constexpr bool kConverts = true;

  static void convert(const uint8_t* a, size_t steps, uint8_t* out) {
    for (size_t i = 0; i < steps * kGroup; ++i) out[i] = a[i] ^ 0x80;
  }

  static Ints load_sums(const int32_t* c) { return load_ints(c); }

  template <size_t>
  static Ints weights(const int8_t* w) {
    return load_ints(w);
  }

  template <size_t>
  static Ints input(const uint8_t* a) {
    int32_t group;
    __builtin_memcpy(&group, a, sizeof group);
    return group - Ints{};
  }

  static Ints add(Ints sums, Ints a, Ints w) { return add_lane<0>(sums, a, w); }

  template <size_t kLane>
  static Ints add_lane(Ints sums, Ints a, Ints w) {
    return add_lane_of_bytes<kLane>(sums, a, w);
  }
};

// 128 times each column's weights, which Ops leaves out, into the sums; or added to them.
void add_offsets(const PanelProduct<uint8_t, int8_t, int32_t>& p) {
  constexpr size_t kRegisters = kPanel / kLanes;
  const Ints ones = 0x01010101 - Ints{};
  Ints offsets[kRegisters] = {};
  for (size_t i = 0; i < p.k; i += Ops::kGroup) {
#pragma GCC unroll 8
    for (size_t j = 0; j < kRegisters; ++j) {
      offsets[j] = Ops::add(offsets[j], ones, load_ints(p.panel + i * kPanel + 4 * j * kLanes));
    }
  }
  for (size_t row = 0; row < p.rows; ++row) {
#pragma GCC unroll 8
    for (size_t j = 0; j < kRegisters; ++j) {
      int32_t* c = p.c + row * kPanel + j * kLanes;
      const Ints sums = p.adds ? load_ints(c) + (offsets[j] << 7) : offsets[j] << 7;
      __builtin_memcpy(c, &sums, sizeof sums);
    }
  }
}
#elif defined(NESTVEC_NEON)
// Of each four, one after the other as 32 bits: products by lane are of no other width that holds
// their sums.
struct Ops {
  using A = uint8_t;
  using W = int8_t;
  using C = int32_t;
  using Input = int32_t;
  static constexpr size_t kGroup = 4;
  static constexpr size_t kInputs = 4;
  static constexpr size_t kParts = 4;
  static constexpr bool kConverts = true;

  static void convert(const uint8_t* a, size_t steps, int32_t* out) {
    for (size_t i = 0; i < steps * kGroup; ++i) out[i] = a[i];
  }

  static Ints load_sums(const int32_t* c) { return load_ints(c); }

  template <size_t kPart>
  static Ints weights(const int8_t* w) {
    return load_ints(w) << (24 - 8 * static_cast<int>(kPart)) >> 24;
  }

  template <size_t kPart>
  static Ints input(const int32_t* a) {
    return a[kPart] - Ints{};
  }

  static Ints add(Ints sums, Ints a, Ints w) { return sums + a * w; }

  template <size_t kLane>
  static Ints add_lane(Ints sums, Ints a, Ints w) {
    return NESTVEC_ISA::add_lane<kLane>(sums, a, w);
  }
};
#elif !defined(__AMX_INT8__)
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

  static Ints load_sums(const int32_t* c) { return load_ints(c); }

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

  static Ints add(Ints sums, Shorts a, Shorts w) { return add_products(sums, a, w); }
};
#endif

}  // namespace

void gemm_s8(const PanelProduct<uint8_t, int8_t, int32_t>& p) {
#if defined(__AMX_INT8__)
  multiply_tiles<AmxTiles>(p);
#elif defined(NESTVEC_NEON) && defined(__ARM_FEATURE_MATMUL_INT8)
  multiply_matrices<MatrixOps>(p);
#elif defined(NESTVEC_NEON) && defined(__ARM_FEATURE_DOTPROD)
  add_offsets(p);
  PanelProduct<uint8_t, int8_t, int32_t> rest = p;
  rest.adds = true;
  multiply<Ops>(rest);
#else
  multiply<Ops>(p);
#endif
}

}  // namespace nestvec::NESTVEC_ISA
