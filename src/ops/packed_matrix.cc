// SPDX-License-Identifier: Apache-2.0
#include "ops/packed_matrix.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>

#include "ops/kernels/table.h"

namespace nestvec {
namespace {

constexpr std::size_t kScaleBytes = sizeof(std::uint16_t);

std::size_t element_bytes(WeightType type) {
  return type == WeightType::kF32 ? 4 : type == WeightType::kBf16 ? 2 : 1;
}

std::uint16_t to_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if (std::isnan(x)) return static_cast<std::uint16_t>(bits >> 16 | 0x40);
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

float from_bf16(std::uint16_t upper) { return std::bit_cast<float>(std::uint32_t{upper} << 16); }

template <class T>
T load_as(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
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

// The scale of w8 for some inputs of a row: rounded up, so that no byte is over 127.
std::uint16_t w8_scale_of(std::span<const float> inputs) {
  const float scale = scale_of(inputs);
  if (std::isnan(scale)) return to_bf16(scale);
  const auto bits = std::bit_cast<std::uint32_t>(scale);
  return static_cast<std::uint16_t>((bits + 0xffff) >> 16);
}

// Calls place(scale, first, inputs) for each group of a row.
template <class Place>
void for_w8_groups(std::span<const float> row, const Place& place) {
  for (std::size_t first = 0; first < row.size(); first += kW8Inputs) {
    const auto inputs = row.subspan(first, std::min(kW8Inputs, row.size() - first));
    place(w8_scale_of(inputs), first, inputs);
  }
}

// Where a panel has the scale of a column for the inputs from `first` on, and the byte of an input
// of that column behind it.
std::size_t w8_scale_place(std::size_t first, std::size_t column) {
  return first / kW8Inputs * kW8GroupBytes + column * kScaleBytes;
}
std::size_t w8_byte_place(std::size_t k, std::size_t column) {
  const std::size_t i = k % kW8Inputs;
  return k / kW8Inputs * kW8GroupBytes + kPanel * kScaleBytes + (i / 4 * kPanel + column) * 4 +
         i % 4;
}

}  // namespace

std::size_t PackedShape::group() const noexcept { return 4 / element_bytes(type); }

std::size_t PackedShape::padded_inputs() const noexcept {
  return type == WeightType::kF32 ? inputs : (inputs + 63) / 64 * 64;
}

std::size_t PackedShape::panels() const noexcept { return (outputs + kPanel - 1) / kPanel; }

std::size_t PackedShape::panel_bytes() const noexcept {
  if (type == WeightType::kW8) return padded_inputs() / kW8Inputs * kW8GroupBytes;
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

void pack_w8(const PackedShape& shape, std::span<const float> rows, std::span<std::byte> out) {
  assert(shape.type == WeightType::kW8 && rows.size() % shape.inputs == 0);
  std::fill(out.begin(), out.end(), std::byte{0});
  for (std::size_t n = 0; n * shape.inputs < rows.size(); ++n) {
    std::byte* panel = out.data() + n / kPanel * shape.panel_bytes();
    for_w8_groups(rows.subspan(n * shape.inputs, shape.inputs),
                  [&](std::uint16_t scale, std::size_t first, std::span<const float> inputs) {
                    std::memcpy(panel + w8_scale_place(first, n % kPanel), &scale, kScaleBytes);
                    for (std::size_t i = 0; i < inputs.size(); ++i) {
                      panel[w8_byte_place(first + i, n % kPanel)] =
                          static_cast<std::byte>(quantise(inputs[i], from_bf16(scale)));
                    }
                  });
  }
}

std::size_t w8_row_bytes(std::size_t width) {
  return (width + kW8Inputs - 1) / kW8Inputs * (kScaleBytes + kW8Inputs);
}

void pack_w8_row(std::span<const float> row, std::span<std::byte> out) {
  assert(out.size() == w8_row_bytes(row.size()));
  std::fill(out.begin(), out.end(), std::byte{0});
  std::byte* group = out.data();
  for_w8_groups(row, [&](std::uint16_t scale, std::size_t, std::span<const float> inputs) {
    std::memcpy(group, &scale, kScaleBytes);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      group[kScaleBytes + i] = static_cast<std::byte>(quantise(inputs[i], from_bf16(scale)));
    }
    group += kScaleBytes + kW8Inputs;
  });
}

void unpack_w8_row(const std::byte* bytes, std::span<float> out) {
  for (std::size_t first = 0; first < out.size(); first += kW8Inputs) {
    const float scale = from_bf16(load_as<std::uint16_t>(bytes));
    const auto* q = reinterpret_cast<const std::int8_t*>(bytes + kScaleBytes);
    const std::size_t count = std::min(kW8Inputs, out.size() - first);
    for (std::size_t i = 0; i < count; ++i) out[first + i] = static_cast<float>(q[i]) * scale;
    bytes += kScaleBytes + kW8Inputs;
  }
}

void unpack_row(const PackedShape& shape, const void* panels, std::size_t row,
                std::span<float> out) {
  assert(shape.type != WeightType::kS8 && row < shape.outputs && out.size() == shape.inputs);
  if (shape.type == WeightType::kW8) {
    const auto* panel = static_cast<const std::byte*>(panels) + row / kPanel * shape.panel_bytes();
    for (std::size_t k = 0; k < out.size(); ++k) {
      const auto q = load_as<std::int8_t>(panel + w8_byte_place(k, row % kPanel));
      const auto scale = load_as<std::uint16_t>(panel + w8_scale_place(k, row % kPanel));
      out[k] = static_cast<float>(q) * from_bf16(scale);
    }
    return;
  }
  const std::size_t group = shape.group();
  const std::size_t bytes = element_bytes(shape.type);
  const auto* column = static_cast<const std::byte*>(panels) + row / kPanel * shape.panel_bytes() +
                       row % kPanel * group * bytes;
  for (std::size_t k = 0; k < out.size(); ++k) {
    const std::byte* element = column + (k / group * kPanel * group + k % group) * bytes;
    if (shape.type == WeightType::kF32) {
      std::memcpy(&out[k], element, sizeof(float));
    } else {
      out[k] = from_bf16(load_as<std::uint16_t>(element));
    }
  }
}

}  // namespace nestvec
