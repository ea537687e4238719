// SPDX-License-Identifier: Apache-2.0
// The arithmetic of one tile of a product: rows times two registers of columns, summed in
// registers. Ops are the arithmetic of the product's types, see product.h.
#pragma once

#include "ops/kernels/lanes.h"
#include "ops/kernels/table.h"
#include "ops/kernels/tile_rows.h"

namespace nestvec::NESTVEC_ISA {

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
    if constexpr (Ops::kParts > 1) add<1>(a, i, w);
    if constexpr (Ops::kParts > 2) {
      add<2>(a, i, w);
      add<3>(a, i, w);
    }
  }

#if defined(NESTVEC_NEON)
  // Steps of one register of each row's inputs: weights meet a lane of it.
  template <size_t kLane = 0>
  [[gnu::always_inline]] void add_lanes(const Ints (&x)[kRows], const W* w) {
    constexpr size_t kPart = kLane % Ops::kParts;
    const auto w0 = Ops::template weights<kPart>(w);
    const auto w1 = Ops::template weights<kPart>(w + kLanes * Ops::kGroup);
#pragma GCC unroll 16
    for (size_t r = 0; r < kRows; ++r) {
      sums[r][0] = Ops::template add_lane<kLane>(sums[r][0], x[r], w0);
      sums[r][1] = Ops::template add_lane<kLane>(sums[r][1], x[r], w1);
    }
    if constexpr (kLane + 1 < kLanes) {
      add_lanes<kLane + 1>(x, kPart + 1 < Ops::kParts ? w : w + Ops::kGroup * kPanel);
    }
  }

  [[gnu::always_inline]] void add_steps(const RowPointers<Input, kRows>& a, const W* w) {
    constexpr size_t kSteps = kLanes / Ops::kParts;
#pragma GCC unroll 4
    for (size_t u = 0; u < kUnroll; u += kSteps) {
      Ints x[kRows];
#pragma GCC unroll 16
      for (size_t r = 0; r < kRows; ++r) x[r] = load_ints(a[r] + u * Ops::kInputs);
      add_lanes(x, w + u * Ops::kGroup * kPanel);
      asm(""
          :
          :
          : "memory");  // else the next inputs are loaded ahead, and sums are spilled for them
    }
  }
#else
  [[gnu::always_inline]] void add_steps(const RowPointers<Input, kRows>& a, const W* w) {
#pragma GCC unroll 4
    for (size_t u = 0; u < kUnroll; ++u) {
      add_step(a, u * Ops::kInputs, w + u * Ops::kGroup * kPanel);
    }
  }
#endif

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
    sums.add_steps(a, w);
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
