// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/instructions.h"
#include "ops/kernels/kernels.h"
#include "ops/kernels/lanes.h"
#include "ops/kernels/math.h"

namespace nestvec::NESTVEC_ISA {
namespace {

// kLanes columns of a row of sums from column j on; int8's as the numbers they stand for.
Floats scaled_sums(const PanelFinish& f, size_t row, size_t j) {
  const float* c = f.c + j / kPanel * f.c_stride + row * kPanel + j % kPanel;
  if (f.row_scales == nullptr) return load(c);
  Ints sums;
  Ints weights;
  __builtin_memcpy(&sums, c, sizeof sums);
  __builtin_memcpy(&weights, f.column_sums + j, sizeof weights);
  const RowScale& scale = f.row_scales[row];
  return __builtin_convertvector(sums - weights * scale.zero, Floats) * load(f.column_scales + j) *
         scale.scale;
}

template <Activation kActivation>
void finish_row(const PanelFinish& f, size_t row) {
  const float* up = f.up_rows == nullptr ? nullptr : f.up_rows[row];
  for (size_t j = 0; j < f.columns; j += kLanes) {
    Floats y = scaled_sums(f, row, j) + load(f.bias + j);
    if (up != nullptr) {
      for (size_t r = 0; r < f.rank; ++r) {
        y += f.h[row * f.rank + r] * load(up + r * f.up_stride + j);
      }
    }
    y = activate<kActivation>(y);
    const size_t place = row * f.out_stride + j;
    const size_t count = f.columns - j;
    if (f.residual != nullptr) y += load_some(f.residual + place, count);
    if (f.out != nullptr) store_some(f.out + place, y, count);
    if (f.out_bf16 != nullptr) store_some(f.out_bf16 + place, to_halves(y), count);
  }
}

// Rows from `row` on of what is read and written.
void fetch_rows(const PanelFinish& f, size_t row, size_t count) {
  for (const size_t end = row + count; row < end; ++row) {
    const size_t place = row * f.out_stride;
    if (f.residual != nullptr) fetch(f.residual + place, f.columns * sizeof *f.residual);
    if (f.out != nullptr) fetch_to_write(f.out + place, f.columns * sizeof *f.out);
    if (f.out_bf16 != nullptr) fetch_to_write(f.out_bf16 + place, f.columns * sizeof *f.out_bf16);
  }
}

// A copy, which no store through the output can change.
template <Activation kActivation>
void finish_rows(const PanelFinish f) {
  constexpr size_t kAhead = 4;
  fetch_rows(f, 0, f.rows < kAhead ? f.rows : kAhead);
  for (size_t row = 0; row < f.rows; ++row) {
    if (row + kAhead < f.rows) fetch_rows(f, row + kAhead, 1);
    finish_row<kActivation>(f, row);
  }
}

}  // namespace

void finish(const PanelFinish& f) {
  switch (f.activation) {
    case Activation::kGelu:
      return finish_rows<Activation::kGelu>(f);
    case Activation::kGeluTanh:
      return finish_rows<Activation::kGeluTanh>(f);
    case Activation::kRelu:
      return finish_rows<Activation::kRelu>(f);
    case Activation::kNone:
      return finish_rows<Activation::kNone>(f);
  }
}

}  // namespace nestvec::NESTVEC_ISA
