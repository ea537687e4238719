// SPDX-License-Identifier: Apache-2.0
#include "ops/packed_matrix.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>

namespace nestvec {
namespace {

constexpr std::size_t kPanel = 32;

std::size_t element_bytes(WeightType type) {
  return type == WeightType::kF32 ? 4 : type == WeightType::kBf16 ? 2 : 1;
}

std::uint16_t to_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if (std::isnan(x)) return static_cast<std::uint16_t>(bits >> 16 | 0x40);
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// Writes convert(row, value) of every element to its place, zeros elsewhere.
template <class T, class Convert>
void pack(const PackedShape& shape, std::span<const float> rows, std::span<std::byte> out,
          const Convert& convert) {
  assert(rows.size() % shape.inputs == 0);
  const std::size_t count = rows.size() / shape.inputs;
  assert(out.size() == (count + kPanel - 1) / kPanel * shape.panel_bytes());
  std::fill(out.begin(), out.end(), std::byte{0});
  const std::size_t group = shape.group();
  for (std::size_t n = 0; n < count; ++n) {
    const std::span<const float> row = rows.subspan(n * shape.inputs, shape.inputs);
    std::byte* column =
        out.data() + n / kPanel * shape.panel_bytes() + n % kPanel * group * sizeof(T);
    for (std::size_t k = 0; k < row.size(); ++k) {
      const T value = convert(n, row[k]);
      std::memcpy(column + (k / group * kPanel * group + k % group) * sizeof(T), &value, sizeof(T));
    }
  }
}

// The scale of a row, 1 where the row is zeros or too small to have one.
float scale_of(std::span<const float> row) {
  float largest = 0.0f;
  for (const float x : row) {
    if (std::isnan(x)) return x;
    largest = std::max(largest, std::abs(x));
  }
  const float scale = largest / 127.0f;
  return scale > 0.0f ? scale : 1.0f;
}

std::int8_t quantise(float x, float scale) {
  const float q = std::nearbyint(x / scale);
  if (std::isnan(q)) return 0;
  return static_cast<std::int8_t>(std::clamp(q, -127.0f, 127.0f));
}

}  // namespace

std::size_t PackedShape::group() const noexcept { return 4 / element_bytes(type); }

std::size_t PackedShape::padded_inputs() const noexcept {
  return type == WeightType::kF32 ? inputs : (inputs + 63) / 64 * 64;
}

std::size_t PackedShape::panels() const noexcept { return (outputs + kPanel - 1) / kPanel; }

std::size_t PackedShape::panel_bytes() const noexcept {
  return padded_inputs() * kPanel * element_bytes(type);
}

void pack_f32(const PackedShape& shape, std::span<const float> rows, std::span<std::byte> out) {
  assert(shape.type == WeightType::kF32);
  pack<float>(shape, rows, out, [](std::size_t, float x) { return x; });
}

void pack_bf16(const PackedShape& shape, std::span<const float> rows, std::span<std::byte> out) {
  assert(shape.type == WeightType::kBf16);
  pack<std::uint16_t>(shape, rows, out, [](std::size_t, float x) { return to_bf16(x); });
}

void pack_s8(const PackedShape& shape, std::span<const float> rows, std::span<std::byte> out,
             std::span<float> scales, std::span<std::int32_t> sums) {
  assert(shape.type == WeightType::kS8);
  const std::size_t count = rows.size() / shape.inputs;
  assert(scales.size() == (count + kPanel - 1) / kPanel * kPanel && sums.size() == scales.size());
  std::fill(scales.begin(), scales.end(), 1.0f);
  std::fill(sums.begin(), sums.end(), 0);
  for (std::size_t n = 0; n < count; ++n) {
    scales[n] = scale_of(rows.subspan(n * shape.inputs, shape.inputs));
  }
  pack<std::int8_t>(shape, rows, out, [&](std::size_t n, float x) {
    const std::int8_t q = quantise(x, scales[n]);
    sums[n] += q;
    return q;
  });
}

void unpack_row(const PackedShape& shape, const void* panels, std::size_t row,
                std::span<float> out) {
  assert(shape.type != WeightType::kS8 && row < shape.outputs && out.size() == shape.inputs);
  const std::size_t group = shape.group();
  const std::size_t bytes = element_bytes(shape.type);
  const auto* column = static_cast<const std::byte*>(panels) + row / kPanel * shape.panel_bytes() +
                       row % kPanel * group * bytes;
  for (std::size_t k = 0; k < out.size(); ++k) {
    const std::byte* element = column + (k / group * kPanel * group + k % group) * bytes;
    if (shape.type == WeightType::kF32) {
      std::memcpy(&out[k], element, sizeof(float));
    } else {
      std::uint16_t upper = 0;
      std::memcpy(&upper, element, sizeof(upper));
      out[k] = std::bit_cast<float>(std::uint32_t{upper} << 16);
    }
  }
}

}  // namespace nestvec
