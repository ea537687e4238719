// SPDX-License-Identifier: Apache-2.0
// The layout in which weights lie in an artefact, are mapped, and are read by every instruction
// set's kernels: panels of 32 outputs, the inputs in groups of as many as one dot product takes.
//
//   element (n, k) of panel p = n / 32:  [p][k / group][n % 32][k % group]
//
// Outputs are padded with zeros to 32, inputs to 64 (bf16, s8, w8) or not at all (f32).
//
// Of w8 each 32 inputs of a panel begin with the bf16 scales of its 32 columns; the bytes of s8's
// layout follow. A weight is its byte times its scale.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace nestvec {

// Both kS8 and kW8 are bytes. What kS8 multiplies becomes bytes, too; what kW8 multiplies is as it
// would be for bf16.
enum class WeightType { kF32, kBf16, kS8, kW8 };

// "f32", "bf16", "s8", "w8", as compiled graphs name them.
constexpr std::string_view weight_type_name(WeightType type) {
  switch (type) {
    case WeightType::kF32:
      return "f32";
    case WeightType::kBf16:
      return "bf16";
    case WeightType::kS8:
      return "s8";
    case WeightType::kW8:
      break;
  }
  return "w8";
}

struct PackedShape {
  WeightType type = WeightType::kF32;
  std::size_t outputs = 0;  // N
  std::size_t inputs = 0;   // K

  std::size_t group() const noexcept;          // 1, 2, 4, 4
  std::size_t padded_inputs() const noexcept;  // K as the kernels see it
  std::size_t panels() const noexcept;         // ceil(N / 32)
  std::size_t padded_outputs() const noexcept { return panels() * 32; }
  std::size_t panel_bytes() const noexcept;
  std::size_t bytes() const noexcept { return panels() * panel_bytes(); }
};

// Packs the rows [first, first + rows) of a row-major [N, K] fp32 weight, whole panels of them (the
// last may be short). `out` is those panels, panel_bytes() each. bf16 rounds to nearest even.
void pack_f32(const PackedShape& shape, std::span<const float> rows, std::span<std::byte> out);
void pack_bf16(const PackedShape& shape, std::span<const float> rows, std::span<std::byte> out);

// The same for s8 per output channel: q = round(w / scale), scale = max |w| of the row / 127 (1 for
// a row of zeros). scales and sums (of q, a row each) are [rows rounded up to 32], padding 1 and 0.
void pack_s8(const PackedShape& shape, std::span<const float> rows, std::span<std::byte> out,
             std::span<float> scales, std::span<std::int32_t> sums);

// The same for w8: q = round(w / scale), where the scale of 32 inputs of a row is the least bf16
// from max |w| / 127 on (1 for zeros).
void pack_w8(const PackedShape& shape, std::span<const float> rows, std::span<std::byte> out);

// A row of a packed f32, bf16 or w8 weight as fp32, [K]. Precondition: there are such panels, and
// the row is one of them.
void unpack_row(const PackedShape& shape, const void* panels, std::size_t row,
                std::span<float> out);

// The numbers of w8 for a table whose rows are read one by one: each 32 are a bf16 scale and their
// bytes, the last padded with zeros.
std::size_t w8_row_bytes(std::size_t width);
void pack_w8_row(std::span<const float> row, std::span<std::byte> out);
void unpack_w8_row(const std::byte* bytes, std::span<float> out);

}  // namespace nestvec
