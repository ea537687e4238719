// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/instructions.h"
#include "ops/kernels/kernels.h"
#include "ops/kernels/lanes.h"
#include "ops/kernels/math.h"

namespace nestvec::NESTVEC_ISA {
namespace {

// What the numbers of one call have in common: the compiler makes a loop of each.
template <Activation kOf, bool kOfInt8, bool kToBf16, bool kOfPairs>
struct Kind {
  static constexpr Activation kActivation = kOf;
  static constexpr bool kInt8 = kOfInt8;
  static constexpr bool kNarrow = kToBf16;  // out_bf16 is written, and nothing else
  static constexpr bool kGated = kOfPairs;
};

// Of column j in c and what lies as it does.
size_t sum_place(const PanelFinish& f, size_t row, size_t j) {
  return j / kPanel * f.c_stride + row * kPanel + j % kPanel;
}

// kLanes columns of a row of sums from column j on; int8's as the numbers they stand for.
template <class K>
Floats sums_of(const PanelFinish& f, size_t row, size_t j) {
  const float* c = f.c + sum_place(f, row, j);
  if constexpr (!K::kInt8) {
    return load(c);
  } else {
    const Ints shift = load_ints(f.column_sums + j) * f.row_scales[row].zero;
    return __builtin_convertvector(load_ints(c) - shift, Floats) * load(f.column_scales + j) *
           f.row_scales[row].scale;
  }
}

// kLanes columns from column j of the panels on, before the activation.
template <class K>
[[gnu::always_inline]] inline Floats value_at(const PanelFinish& f, size_t row, size_t j) {
  const Floats y = sums_of<K>(f, row, j) + load(f.bias + j);
  if constexpr (K::kInt8) {
    if (f.update != nullptr) return y + load(f.update + sum_place(f, row, j));
  }
  return y;
}

// `count` columns of output from column j on, at most kLanes.
template <class K>
[[gnu::always_inline]] inline void finish_lanes(const PanelFinish& f, size_t row, size_t j,
                                                size_t count) {
  Floats y;
  if constexpr (K::kGated) {
    const size_t gate = j / kPanel * 2 * kPanel + j % kPanel;
    y = activate<K::kActivation, !K::kNarrow>(value_at<K>(f, row, gate)) *
        value_at<K>(f, row, gate + kPanel);
  } else {
    y = activate<K::kActivation, !K::kNarrow>(value_at<K>(f, row, j));
  }
  const size_t place = row * f.out_stride + j;
  if (f.residual != nullptr) y += load_some(f.residual + place, count);
  if constexpr (K::kNarrow) {
    store_some(f.out_bf16 + place, to_halves(y), count);
  } else {
    store_some(f.out + place, y, count);
  }
}

template <class K>
void finish_row(const PanelFinish& f, size_t row) {
  size_t j = 0;
  for (; j + kPanel <= f.columns; j += kPanel) {
#pragma GCC unroll 8
    for (size_t i = 0; i < kPanel; i += kLanes) finish_lanes<K>(f, row, j + i, kLanes);
  }
  for (; j + kLanes <= f.columns; j += kLanes) finish_lanes<K>(f, row, j, kLanes);
  if (j < f.columns) finish_lanes<K>(f, row, j, f.columns - j);
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
template <class K>
void finish_rows(const PanelFinish f) {
  constexpr size_t kAhead = 24;
  fetch_rows(f, 0, f.rows < kAhead ? f.rows : kAhead);
  for (size_t row = 0; row < f.rows; ++row) {
    if (row + kAhead < f.rows) fetch_rows(f, row + kAhead, 1);
    finish_row<K>(f, row);
  }
}

template <Activation kActivation, bool kGated>
void finish_kind(const PanelFinish& f) {
  const bool int8 = f.row_scales != nullptr;
  if (f.out == nullptr) {
    int8 ? finish_rows<Kind<kActivation, true, true, kGated>>(f)
         : finish_rows<Kind<kActivation, false, true, kGated>>(f);
  } else {
    int8 ? finish_rows<Kind<kActivation, true, false, kGated>>(f)
         : finish_rows<Kind<kActivation, false, false, kGated>>(f);
  }
}

template <Activation kActivation>
void finish_activated(const PanelFinish& f) {
  f.gated ? finish_kind<kActivation, true>(f) : finish_kind<kActivation, false>(f);
}

}  // namespace

void finish(const PanelFinish& f) {
  switch (f.activation) {
    case Activation::kGelu:
      return finish_activated<Activation::kGelu>(f);
    case Activation::kGeluTanh:
      return finish_activated<Activation::kGeluTanh>(f);
    case Activation::kRelu:
      return finish_activated<Activation::kRelu>(f);
    case Activation::kSilu:
      return finish_activated<Activation::kSilu>(f);
    case Activation::kNone:
      return finish_activated<Activation::kNone>(f);
    case Activation::kTanh:
      return finish_activated<Activation::kTanh>(f);
  }
}

}  // namespace nestvec::NESTVEC_ISA
