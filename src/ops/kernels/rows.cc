// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/halves.h"
#include "ops/kernels/instructions.h"
#include "ops/kernels/kernels.h"
#include "ops/kernels/lanes.h"
#include "ops/kernels/math.h"

namespace nestvec::NESTVEC_ISA {
namespace {

size_t rest(size_t n, size_t i) { return n - i < kLanes ? n - i : kLanes; }

// Four registers of sums, so that additions need not wait for each other.
template <class Term>
float sum_of(size_t n, Term term) {
  Floats sums[4] = {};
  size_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
#pragma GCC unroll 4
    for (size_t part = 0; part < 4; ++part) sums[part] += term(i + part * kLanes, kLanes);
  }
  for (; i + kLanes <= n; i += kLanes) sums[0] += term(i, kLanes);
  if (i < n) sums[0] += first_lanes(term(i, n - i), n - i);
  return sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

// The least and the greatest of x and 0; what is not finite makes them NaN.
struct Range {
  float least;
  float greatest;
};

// Of four registers side by side, so that none waits for the one before it.
template <class T>
Range range_of(const T* x, size_t n) {
  Floats least[4] = {};
  Floats greatest[4] = {};
  Floats zeros[4] = {};  // or NaN
  const auto take = [&](size_t part, Floats values) {
    least[part] = min(values, least[part]);
    greatest[part] = max(values, greatest[part]);
    zeros[part] += values * 0.0f;
  };
  size_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
#pragma GCC unroll 4
    for (size_t part = 0; part < 4; ++part) take(part, load_some(x + i + part * kLanes, kLanes));
  }
  for (; i < n; i += kLanes) take(0, load_some(x + i, rest(n, i)));
  const Floats lows = min(min(least[0], least[1]), min(least[2], least[3]));
  const Floats highs = max(max(greatest[0], greatest[1]), max(greatest[2], greatest[3]));
  const float zero = sum((zeros[0] + zeros[1]) + (zeros[2] + zeros[3]));
  return {-greatest_lane(-lows)[0] + zero, greatest_lane(highs)[0] + zero};
}

template <class T>
RowScale quantise(const T* x, size_t n, uint8_t* out) {
  constexpr float kLeast = 1e-30f;  // below it the inverse is out of range, and nothing is lost
  const Range range = range_of(x, n);
  float scale = range.greatest / 255.0f - range.least / 255.0f;
  if (scale < kLeast) scale = 1.0f;
  const float zero = -range.least / scale + kRound - kRound;
  const float inverse = 1.0f / scale;
  for (size_t i = 0; i < n; i += kLanes) {
    const size_t count = rest(n, i);
    const Floats place = load_some(x + i, count) * inverse + zero;
    const Floats shifted = min(max(place, Floats{}), broadcast(255.0f)) + kRound;
    const Words integers = __builtin_bit_cast(Words, shifted) & 0xffu;
    store_some(out + i, __builtin_convertvector(integers, Bytes), count);
  }
  return {scale, zero >= 0 && zero <= 255 ? static_cast<int32_t>(zero) : 0};
}

// Dot products of kRows rows of x with kVectors of down, which pass together.
template <size_t kRows, size_t kVectors, class T>
struct ProjectionTile {
  // The products of `count` elements from i on.
  [[gnu::always_inline]] void add(const T* x, size_t stride, const float* down, size_t n, size_t i,
                                  size_t count) {
    Floats values[kRows];
#pragma GCC unroll 8
    for (size_t r = 0; r < kRows; ++r) values[r] = load_some(x + r * stride + i, count);
#pragma GCC unroll 4
    for (size_t v = 0; v < kVectors; ++v) {
      const Floats factors = load_some(down + v * n + i, count);
#pragma GCC unroll 8
      for (size_t r = 0; r < kRows; ++r) sums[r][v] += values[r] * factors;
    }
  }

  Floats sums[kRows][kVectors] = {};
};

// The order of a sum depends on n alone.
template <size_t kRows, size_t kVectors, class T>
void project_tile(const Projection<T>& p, size_t row, size_t vector) {
  const T* x = p.x + row * p.stride;
  const float* down = p.down + vector * p.n;
  ProjectionTile<kRows, kVectors, T> tile;
  size_t i = 0;
  for (; i + kLanes <= p.n; i += kLanes) tile.add(x, p.stride, down, p.n, i, kLanes);
  if (i < p.n) tile.add(x, p.stride, down, p.n, i, p.n - i);
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t v = 0; v < kVectors; ++v) {
      p.h[(row + r) * p.rank + vector + v] = sum(tile.sums[r][v]);
    }
  }
}

template <size_t kRows, class T>
void project_rows(const Projection<T>& p, size_t row) {
  size_t vector = 0;
  for (; vector + 4 <= p.rank; vector += 4) project_tile<kRows, 4>(p, row, vector);
  for (; vector < p.rank; ++vector) project_tile<kRows, 1>(p, row, vector);
}

// A tile's sums and rows fill the registers.
template <class T>
void project_all(const Projection<T>& p) {
  constexpr size_t kRows = kLanes == 16 ? 6 : 2;
  size_t row = 0;
  for (; row + kRows <= p.rows; row += kRows) project_rows<kRows>(p, row);
  for (; row < p.rows; ++row) project_rows<1>(p, row);
}

}  // namespace

void to_bf16(const float* x, size_t n, uint16_t* out) {
  for (size_t i = 0; i < n; i += kLanes) {
    const size_t count = rest(n, i);
    store_some(out + i, narrow(load_some(x + i, count)), count);
  }
}

void from_bf16(const uint16_t* x, size_t n, float* out) {
  for (size_t i = 0; i < n; i += kLanes) {
    const size_t count = rest(n, i);
    store_some(out + i, load_some(x + i, count), count);
  }
}

RowScale to_u8(const float* x, size_t n, uint8_t* out) { return quantise(x, n, out); }
RowScale bf16_to_u8(const uint16_t* x, size_t n, uint8_t* out) { return quantise(x, n, out); }

void project(const Projection<float>& p) { project_all(p); }
void project_bf16(const Projection<uint16_t>& p) { project_all(p); }

void layer_norm(const LayerNorm& norm) {
  const auto n = static_cast<float>(norm.n);
  const float* x = norm.x;
  const float mean =
      sum_of(norm.n, [=](size_t i, size_t count) { return load_some(x + i, count); }) / n;
  const Floats center = broadcast(mean);
  const float squares = sum_of(norm.n, [=](size_t i, size_t count) {
    const Floats d = load_some(x + i, count) - center;
    return d * d;
  });
  const Floats factor = broadcast(1.0f / __builtin_sqrtf(squares / n + norm.eps));
  for (size_t i = 0; i < norm.n; i += kLanes) {
    const size_t count = rest(norm.n, i);
    const Floats y = (load_some(x + i, count) - center) * factor;
    store_some(norm.out + i,
               y * load_some(norm.weight + i, count) + load_some(norm.bias + i, count), count);
  }
}

void rms_norm(const LayerNorm& norm) {
  const float* x = norm.x;
  const float squares = sum_of(norm.n, [=](size_t i, size_t count) {
    const Floats values = load_some(x + i, count);
    return values * values;
  });
  const Floats factor =
      broadcast(1.0f / __builtin_sqrtf(squares / static_cast<float>(norm.n) + norm.eps));
  for (size_t i = 0; i < norm.n; i += kLanes) {
    const size_t count = rest(norm.n, i);
    store_some(norm.out + i, load_some(x + i, count) * factor * load_some(norm.weight + i, count),
               count);
  }
}

void add(const float* x, size_t n, float* sum) {
  for (size_t i = 0; i < n; i += kLanes) {
    const size_t count = rest(n, i);
    store_some(sum + i, load_some(sum + i, count) + load_some(x + i, count), count);
  }
}

void add_scaled(float a, const float* x, size_t n, float* y) {
  const Floats factor = broadcast(a);
  for (size_t i = 0; i < n; i += kLanes) {
    const size_t count = rest(n, i);
    store_some(y + i, load_some(y + i, count) + factor * load_some(x + i, count), count);
  }
}

}  // namespace nestvec::NESTVEC_ISA
