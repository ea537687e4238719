// SPDX-License-Identifier: Apache-2.0
// The product of rows with a panel of weights, as kernels are asked for it.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace nestvec {

// Columns of a weight panel, see ops/packed_matrix.h.
inline constexpr size_t kPanel = 32;
// Of w8: inputs that share a scale, and the bytes of so many of a panel.
inline constexpr size_t kW8Inputs = 32;
inline constexpr size_t kW8GroupBytes = kPanel * (2 + kW8Inputs);

// c[r][j] = sum over i of a[r][i] * panel column j, for one panel of 32 output columns.
template <class A, class W, class C>
struct PanelProduct {
  const A* a;       // [rows, k], row-major
  size_t a_stride;  // elements from row to row; multiples of 4 KiB are slow
  size_t rows;
  const W* panel;     // as ops/packed_matrix.h lays it out, k padded to its group
  size_t k;           // whole lines: a multiple of 32 for bf16, of 64 for s8, w8; any for f32
  C* c;               // [rows, 32], overwritten
  bool adds = false;  // instead of overwriting
};

}  // namespace nestvec
