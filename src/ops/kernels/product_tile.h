// SPDX-License-Identifier: Apache-2.0
// The arithmetic of one tile of a product: rows times two registers of columns, summed in
// registers. Ops are the arithmetic of the product's types, see product.h.
#pragma once

#include "ops/kernels/lanes.h"
#include "ops/kernels/table.h"

namespace nestvec::NESTVEC_ISA {

// Rows of a tile: with two registers of weights and one of inputs, its sums fill the register file.
#if defined(__AVX512F__)
inline constexpr size_t kTileRows = 14;
#else
inline constexpr size_t kTileRows = 6;
#endif
inline constexpr size_t kTileColumns = 2 * kLanes;
// Steps of a block: its weights and a tile's inputs stay in the first cache level.
inline constexpr size_t kBlockSteps = 128;
inline constexpr size_t kUnroll = 4;
inline constexpr size_t kLine = 64;

template <class Ops>
struct Tile {
  const typename Ops::Input* a;
  size_t stride;
  const typename Ops::W* w;
  size_t steps;
  typename Ops::C* c;
  bool first;         // c has no sums yet
  const char* ahead;  // to prefetch, `lines` lines each kUnroll steps
  size_t lines;
};

// The rows of a tile, addressed by few registers: every third has a pointer of its own.
template <class A, size_t kRows>
struct RowPointers {
  RowPointers(const A* a, size_t row_stride) : stride(row_stride) {
#pragma GCC unroll 16
    for (size_t i = 0; i < kPointers; ++i) {
      pointers[i] = a + 3 * i * stride;
      // Else the compiler makes a pointer of every row, more than there are registers.
      asm("" : "+r"(pointers[i]));
    }
  }
  const A* operator[](size_t r) const { return pointers[r / 3] + r % 3 * stride; }
  [[gnu::always_inline]] void advance(size_t elements) {
#pragma GCC unroll 16
    for (size_t i = 0; i < kPointers; ++i) pointers[i] += elements;
  }

  static constexpr size_t kPointers = (kRows + 2) / 3;
  const A* pointers[kPointers];
  size_t stride;
};

template <class Ops, size_t kRows>
struct TileSums {
  using Input = typename Ops::Input;
  using W = typename Ops::W;
  using C = typename Ops::C;

  [[gnu::always_inline]] void read(const C* c) {
#pragma GCC unroll 16
    for (size_t r = 0; r < kRows; ++r) {
      sums[r][0] = Ops::load_sums(c + r * kPanel);
      sums[r][1] = Ops::load_sums(c + r * kPanel + kLanes);
    }
  }

  [[gnu::always_inline]] void write(C* c) const {
#pragma GCC unroll 16
    for (size_t r = 0; r < kRows; ++r) {
      __builtin_memcpy(c + r * kPanel, &sums[r][0], sizeof sums[r][0]);
      __builtin_memcpy(c + r * kPanel + kLanes, &sums[r][1], sizeof sums[r][1]);
    }
  }

  template <size_t kPart>
  [[gnu::always_inline]] void add(const RowPointers<Input, kRows>& a, size_t i, const W* w) {
    const auto w0 = Ops::template weights<kPart>(w);
    const auto w1 = Ops::template weights<kPart>(w + kLanes * Ops::kGroup);
#pragma GCC unroll 16
    for (size_t r = 0; r < kRows; ++r) {
      const auto x = Ops::template input<kPart>(a[r] + i);
      sums[r][0] = Ops::add(sums[r][0], x, w0);
      sums[r][1] = Ops::add(sums[r][1], x, w1);
    }
  }

  [[gnu::always_inline]] void add_step(const RowPointers<Input, kRows>& a, size_t i, const W* w) {
    add<0>(a, i, w);
    if constexpr (Ops::kParts == 2) add<1>(a, i, w);
  }

  decltype(Ops::load_sums(nullptr)) sums[kRows][2] = {};
};

template <class Ops, size_t kRows>
[[gnu::noinline]] void multiply_tile(const Tile<Ops>& tile) {
  TileSums<Ops, kRows> sums;
  if (!tile.first) sums.read(tile.c);
  RowPointers<typename Ops::Input, kRows> a(tile.a, tile.stride);
  const auto* w = tile.w;
  const char* ahead = tile.ahead;
  size_t step = 0;
  for (; step + kUnroll <= tile.steps; step += kUnroll) {
    for (size_t i = 0; i < tile.lines; ++i, ahead += kLine) __builtin_prefetch(ahead, 0, 2);
#pragma GCC unroll 4
    for (size_t u = 0; u < kUnroll; ++u) {
      sums.add_step(a, u * Ops::kInputs, w + u * Ops::kGroup * kPanel);
    }
    a.advance(kUnroll * Ops::kInputs);
    w += kUnroll * Ops::kGroup * kPanel;
  }
  for (; step < tile.steps; ++step) {
    sums.add_step(a, 0, w);
    a.advance(Ops::kInputs);
    w += Ops::kGroup * kPanel;
  }
  sums.write(tile.c);
}

// multiply_tile with `rows`, 1 to kRows, as a constant.
template <class Ops, size_t kRows = kTileRows>
void multiply_rows(const Tile<Ops>& tile, size_t rows) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return multiply_rows<Ops, kRows - 1>(tile, rows);
  }
  multiply_tile<Ops, kRows>(tile);
}

}  // namespace nestvec::NESTVEC_ISA
