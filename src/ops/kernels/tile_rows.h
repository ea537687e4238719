// SPDX-License-Identifier: Apache-2.0
// The sizes of a product's tiles, and the rows that one reads.
#pragma once

#include "ops/kernels/lanes.h"

namespace nestvec::NESTVEC_ISA {

// Rows of a tile: with two registers of weights and one of inputs, its sums fill the register file.
// On Arm a row's inputs have a register, too, and as many sums as there are additions under way.
#if defined(__AVX512F__)
inline constexpr size_t kTileRows = 14;
#elif defined(NESTVEC_NEON)
inline constexpr size_t kTileRows = 8;
#else
inline constexpr size_t kTileRows = 6;
#endif
inline constexpr size_t kTileColumns = 2 * kLanes;
// Steps of a block: its weights and a tile's inputs stay in the first cache level.
inline constexpr size_t kBlockSteps = 128;
inline constexpr size_t kUnroll = 4;
inline constexpr size_t kLine = 64;

// Rows that share a pointer: x86 has few registers, and addresses with a multiple of one.
#if defined(NESTVEC_NEON)
inline constexpr size_t kRowsOfPointer = 1;
#else
inline constexpr size_t kRowsOfPointer = 3;
#endif

// The rows of a tile, addressed by few registers.
template <class A, size_t kRows>
struct RowPointers {
  RowPointers(const A* a, size_t row_stride) : stride(row_stride) {
#pragma GCC unroll 16
    for (size_t i = 0; i < kPointers; ++i) {
      pointers[i] = a + kRowsOfPointer * i * stride;
      // Else the compiler makes a pointer of every row, more than there are registers.
      asm("" : "+r"(pointers[i]));
    }
  }
  const A* operator[](size_t r) const {
    return pointers[r / kRowsOfPointer] + r % kRowsOfPointer * stride;
  }
  [[gnu::always_inline]] void advance(size_t elements) {
#pragma GCC unroll 16
    for (size_t i = 0; i < kPointers; ++i) pointers[i] += elements;
  }

  static constexpr size_t kPointers = (kRows + kRowsOfPointer - 1) / kRowsOfPointer;
  const A* pointers[kPointers];
  size_t stride;
};

}  // namespace nestvec::NESTVEC_ISA
