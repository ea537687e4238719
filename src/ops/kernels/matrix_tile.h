// SPDX-License-Identifier: Apache-2.0
// The arithmetic of one tile of a product on instructions that multiply small matrices. Ops are the
// arithmetic of the product's types, see matrices.h.
#pragma once

#if defined(NESTVEC_NEON)

#include "ops/kernels/instructions.h"
#include "ops/kernels/lanes.h"
#include "ops/kernels/table.h"
#include "ops/kernels/tile_rows.h"

namespace nestvec::NESTVEC_ISA {

// Pairs of rows by pairs of columns: with four registers of weights and one of inputs, their sums
// fill the register file.
inline constexpr size_t kTilePairs = 6;
inline constexpr size_t kColumnPairs = 4;

// Rows of a tile over a block of steps of eight bytes, in pairs: [pair][step][row of the pair].
class PairedRows {
 public:
  static constexpr size_t kSteps = kBlockSteps / 2;

  // Of the rows a[0, rows), `stride` bytes apart, an even number of steps. Where the last pair
  // lacks a row its other row stands in; that product is not used.
  void set(const char* a, size_t stride, size_t rows, size_t steps) {
    for (size_t pair = 0; 2 * pair < rows; ++pair) {
      const char* first = a + 2 * pair * stride;
      const char* second = 2 * pair + 1 < rows ? first + stride : first;
      for (size_t i = 0; i < steps; i += 2) {
        const Ints x = load_ints(first + 8 * i);
        const Ints y = load_ints(second + 8 * i);
        steps_[pair][i] = first_halves(x, y);
        steps_[pair][i + 1] = last_halves(x, y);
      }
    }
  }

  const Ints* begin() const { return steps_[0]; }

 private:
  Ints steps_[kTilePairs][kSteps];
};

template <class Ops>
struct PairTile {
  const Ints* a;
  const typename Ops::W* w;
  size_t steps;  // of eight bytes
  typename Ops::C* c;
  size_t rows;
  bool first;         // c has no sums yet
  const char* ahead;  // to prefetch, a line each step; or null
};

template <class Ops, size_t kPairs>
struct PairSums {
  using C = typename Ops::C;
  using Sums = typename Ops::Sums;

  static Sums load_sums(const C* c) { return __builtin_bit_cast(Sums, load_ints(c)); }

  [[gnu::always_inline]] void read(const C* c, size_t rows) {
#pragma GCC unroll 8
    for (size_t pair = 0; pair < kPairs; ++pair) {
      const C* one = c + 2 * pair * kPanel;
      const C* other = 2 * pair + 1 < rows ? one + kPanel : one;
#pragma GCC unroll 2
      for (size_t j = 0; j < kColumnPairs; j += 2) {
        const Sums x = load_sums(one + 2 * j);
        const Sums y = load_sums(other + 2 * j);
        sums[pair][j] = first_halves(x, y);
        sums[pair][j + 1] = last_halves(x, y);
      }
    }
  }

  [[gnu::always_inline]] void write(C* c, size_t rows) const {
#pragma GCC unroll 8
    for (size_t pair = 0; pair < kPairs; ++pair) {
      C* row = c + 2 * pair * kPanel;
#pragma GCC unroll 2
      for (size_t j = 0; j < kColumnPairs; j += 2) {
        const Sums x = first_halves(sums[pair][j], sums[pair][j + 1]);
        const Sums y = last_halves(sums[pair][j], sums[pair][j + 1]);
        __builtin_memcpy(row + 2 * j, &x, sizeof x);
        if (2 * pair + 1 < rows) __builtin_memcpy(row + kPanel + 2 * j, &y, sizeof y);
      }
    }
  }

  [[gnu::always_inline]] void add_step(const Ints* a, const typename Ops::W* w) {
    Ints columns[kColumnPairs];
#pragma GCC unroll 2
    for (size_t j = 0; j < kColumnPairs; j += 2) {
      const auto* group = reinterpret_cast<const Ints*>(w + 2 * j * Ops::kGroup);
      pair_columns(group, group + kPanel / kLanes, columns[j], columns[j + 1]);
    }
#pragma GCC unroll 8
    for (size_t pair = 0; pair < kPairs; ++pair) {
      Ops::add(sums[pair], a + pair * PairedRows::kSteps, columns);
    }
  }

  Sums sums[kPairs][kColumnPairs] = {};
};

template <class Ops, size_t kPairs>
[[gnu::noinline]] void multiply_pair_tile(const PairTile<Ops>& tile) {
  PairSums<Ops, kPairs> sums;
  if (!tile.first) sums.read(tile.c, tile.rows);
  const Ints* a = tile.a;
  const auto* w = tile.w;
  const char* ahead = tile.ahead;
  for (size_t step = 0; step < tile.steps; ++step) {
    if (ahead != nullptr) {
      __builtin_prefetch(ahead, 0, 2);
      ahead += kLine;
    }
    sums.add_step(a, w);
    ++a;
    w += 2 * kPanel * Ops::kGroup;
  }
  sums.write(tile.c, tile.rows);
}

// multiply_pair_tile with the number of pairs, 1 to kPairs, as a constant.
template <class Ops, size_t kPairs = kTilePairs>
void multiply_pairs(const PairTile<Ops>& tile, size_t pairs) {
  if constexpr (kPairs > 1) {
    if (pairs < kPairs) return multiply_pairs<Ops, kPairs - 1>(tile, pairs);
  }
  multiply_pair_tile<Ops, kPairs>(tile);
}

}  // namespace nestvec::NESTVEC_ISA

#endif
