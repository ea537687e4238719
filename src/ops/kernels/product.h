// SPDX-License-Identifier: Apache-2.0
// The loops of a PanelProduct around the arithmetic of its types, Ops:
//
//   A, W, C                   the types; kGroup inputs make a step
//   Input, kInputs            what a tile reads of a row: so many elements a step
//   kConverts                 whether convert(A*, steps, Input*) makes Input of A first
//   kParts                    a step is so many products
//   load_sums(C*)             kLanes sums as a register
//   weights<part>(W*)         kLanes columns' weights of a step
//   input<part>(Input*)       one row's inputs of a step, in every lane
//   add(sums, input, weights)
//   add_lane<lane>(sums, inputs, weights)   Arm: the same with a lane of 16 bytes of Input, which
//   are
//                                           the inputs of kLanes parts
//
// A tile of rows times two registers of columns is summed in registers over a block of inputs. The
// order of a sum depends on k alone.
#pragma once

#include "ops/kernels/lanes.h"
#include "ops/kernels/product_tile.h"
#include "ops/kernels/table.h"

namespace nestvec::NESTVEC_ISA {

// Steps [begin, begin + count) of a product's rows [row, row + rows), as a tile reads them.
template <class Ops>
class TileInput {
 public:
  using Product = PanelProduct<typename Ops::A, typename Ops::W, typename Ops::C>;

  void set(const Product& p, size_t row, size_t rows, size_t begin, size_t count) {
    const auto* first = p.a + row * p.a_stride + begin * Ops::kGroup;
    if constexpr (Ops::kConverts) {
      for (size_t r = 0; r < rows; ++r) Ops::convert(first + r * p.a_stride, count, copy_[r]);
      a = copy_[0];
      stride = kBlockSteps * Ops::kInputs;
    } else {
      a = first;
      stride = p.a_stride;
    }
  }

  const typename Ops::Input* a = nullptr;
  size_t stride = 0;

 private:
  // One row where nothing is converted: no array may be empty.
  typename Ops::Input copy_[Ops::kConverts ? kTileRows : 1][kBlockSteps * Ops::kInputs];
};

template <class Ops>
void multiply(const typename TileInput<Ops>::Product& p) {
  constexpr size_t kHalves = kPanel / kTileColumns;
  constexpr size_t kStep = kPanel * Ops::kGroup;  // weights
  const size_t tiles = (p.rows + kTileRows - 1) / kTileRows;
  const size_t steps = p.k / Ops::kGroup;
  // The passes over one block fetch the next one, which is the next panel's after the last.
  constexpr size_t kLines = kUnroll * kStep * sizeof(typename Ops::W) / kLine;
  const size_t lines = (kLines + tiles * kHalves - 1) / (tiles * kHalves);
  TileInput<Ops> input;
  for (size_t begin = 0; begin < steps; begin += kBlockSteps) {
    const size_t count = steps - begin < kBlockSteps ? steps - begin : kBlockSteps;
    const auto* w = p.panel + begin * kStep;
    const char* ahead = reinterpret_cast<const char*>(w + count * kStep);
    for (size_t t = 0; t < tiles; ++t) {
      // Tiles of even size: the weights' registers serve as many rows as can be.
      const size_t row = p.rows * t / tiles;
      const size_t rows = p.rows * (t + 1) / tiles - row;
      input.set(p, row, rows, begin, count);
      for (size_t column = 0; column < kPanel; column += kTileColumns) {
        multiply_rows<Ops>({input.a, input.stride, w + column * Ops::kGroup, count,
                            p.c + row * kPanel + column, begin == 0 && !p.adds, ahead, lines},
                           rows);
        ahead += lines * (count / kUnroll) * kLine;
      }
    }
  }
}

}  // namespace nestvec::NESTVEC_ISA
