// SPDX-License-Identifier: Apache-2.0
// A PanelProduct on instructions that multiply small matrices (Arm's matrix products of int8 and
// bfloat16): two rows of inputs by two columns of weights, eight bytes of each. Ops are:
//
//   A, W, C                   the types; kGroup inputs are four bytes
//   Sums                      a register of C: [2 rows, 2 columns]
//   add(Sums[4], inputs, Ints[4])   two rows of inputs by four pairs of columns
//
// Two neighbouring groups of a panel, their lanes in turns, are columns of eight bytes; so the
// layout is the one that all others read. Rows are brought together in pairs first.
#pragma once

#if defined(NESTVEC_NEON)

#include "ops/kernels/matrix_tile.h"
#include "ops/kernels/table.h"

namespace nestvec::NESTVEC_ISA {

// p.k fills an even number of steps.
template <class Ops>
void multiply_matrices(const PanelProduct<typename Ops::A, typename Ops::W, typename Ops::C>& p) {
  constexpr size_t kInputs = 2 * Ops::kGroup;        // of a step
  constexpr size_t kColumns = 2 * kColumnPairs;      // of a tile
  constexpr size_t kStepLines = 8 * kPanel / kLine;  // of weights
  const size_t pairs = (p.rows + 1) / 2;
  const size_t tiles = (pairs + kTilePairs - 1) / kTilePairs;
  const size_t steps = p.k / kInputs;
  static_assert(kStepLines == kPanel / kColumns);
  PairedRows rows;
  for (size_t begin = 0; begin < steps; begin += PairedRows::kSteps) {
    const size_t count = steps - begin < PairedRows::kSteps ? steps - begin : PairedRows::kSteps;
    const auto* w = p.panel + begin * kInputs * kPanel;
    const char* ahead = reinterpret_cast<const char*>(w + count * kInputs * kPanel);
    size_t pass = 0;
    for (size_t t = 0; t < tiles; ++t) {
      const size_t pair = pairs * t / tiles;
      const size_t end = pairs * (t + 1) / tiles;
      const size_t row = 2 * pair;
      const size_t tile_rows = (2 * end < p.rows ? 2 * end : p.rows) - row;
      rows.set(reinterpret_cast<const char*>(p.a + row * p.a_stride + begin * kInputs),
               p.a_stride * sizeof(*p.a), tile_rows, count);
      for (size_t column = 0; column < kPanel; column += kColumns, ++pass) {
        // Some passes over one block, spread evenly, fetch the next one, which is the next panel's
        // after the last.
        const bool fetches = pass % tiles == 0;
        multiply_pairs<Ops>(
            {rows.begin(), w + column * Ops::kGroup, count, p.c + row * kPanel + column, tile_rows,
             begin == 0 && !p.adds, fetches ? ahead : nullptr},
            end - pair);
        if (fetches) ahead += count * kLine;
      }
    }
  }
}

}  // namespace nestvec::NESTVEC_ISA

#endif
