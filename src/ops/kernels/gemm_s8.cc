// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/instructions.h"
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
#else
  multiply<Ops>(p);
#endif
}

}  // namespace nestvec::NESTVEC_ISA
