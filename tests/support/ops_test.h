// SPDX-License-Identifier: Apache-2.0
// What the tests of operators share.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "ops/isa.h"

namespace nestvec {

// Normally distributed values of that standard deviation.
inline std::vector<float> values(std::size_t count, double deviation, std::mt19937& random) {
  std::normal_distribution<double> normal(0.0, deviation);
  std::vector<float> all(count);
  for (float& value : all) value = static_cast<float>(normal(random));
  return all;
}

// The nearest bfloat16, of ties the even one.
inline float rounded_to_bf16(float x) {
  auto bits = std::bit_cast<std::uint32_t>(x);
  bits += 0x7fff + (bits >> 16 & 1);
  return std::bit_cast<float>(bits & 0xffff0000u);
}

// Rows of `width` values as w8 has them: of each 32 the nearest multiples of a 127th of the
// largest, which is a bfloat16 first, rounded up.
inline std::vector<float> rounded_to_w8(const std::vector<float>& rows, std::size_t width) {
  std::vector<float> out(rows.size());
  for (std::size_t row = 0; row < rows.size(); row += width) {
    for (std::size_t first = 0; first < width; first += 32) {
      const std::size_t end = row + std::min(first + 32, width);
      float largest = 0;
      for (std::size_t i = row + first; i < end; ++i) {
        largest = std::max(largest, std::abs(rows[i]));
      }
      // Up to 8 significant bits.
      int exponent = 0;
      const float mantissa = std::frexp(largest / 127, &exponent);
      const float scale = std::ldexp(std::ceil(mantissa * 256), exponent - 8);
      for (std::size_t i = row + first; i < end && largest > 0; ++i) {
        out[i] = std::nearbyint(rows[i] / scale) * scale;
      }
    }
  }
  return out;
}

// Rows of `width` values, each followed by zeros up to `padded`.
inline std::vector<float> padded_rows(const std::vector<float>& rows, std::size_t count,
                                      std::size_t width, std::size_t padded) {
  std::vector<float> out(count * padded, 0.0f);
  for (std::size_t i = 0; i < count * width; ++i) out[i / width * padded + i % width] = rows[i];
  return out;
}

}  // namespace nestvec
