// SPDX-License-Identifier: Apache-2.0
#include "ops/packed_matrix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "support/ops_test.h"

namespace nestvec {
namespace {

struct Size {
  std::size_t outputs;
  std::size_t inputs;
};

const std::vector<Size> kSizes = {{1, 1}, {5, 3}, {31, 64}, {32, 65}, {33, 63}, {70, 130}};

std::vector<float> random_weight(const Size& size) {
  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  std::vector<float> weight(size.outputs * size.inputs);
  for (float& x : weight) x = normal(random);
  return weight;
}

std::size_t rounded_up(std::size_t x, std::size_t multiple) {
  return (x + multiple - 1) / multiple * multiple;
}

// Calls check(n, k, packed element) for all elements, padding too, in the order of the formula.
template <class T, class Check>
void for_each_element(const PackedShape& shape, const std::vector<std::byte>& packed,
                      const Check& check) {
  const std::size_t group = 4 / sizeof(T);
  const T* element = reinterpret_cast<const T*>(packed.data());
  for (std::size_t panel = 0; panel < rounded_up(shape.outputs, 32) / 32; ++panel) {
    const std::size_t inputs = sizeof(T) == 4 ? shape.inputs : rounded_up(shape.inputs, 64);
    for (std::size_t k = 0; k < inputs; k += group) {
      for (std::size_t n = 0; n < 32; ++n) {
        for (std::size_t i = 0; i < group; ++i) check(panel * 32 + n, k + i, *element++);
      }
    }
  }
  EXPECT_EQ(reinterpret_cast<const std::byte*>(element), packed.data() + packed.size());
}

TEST(PackedShape, CountsPanelsAndPadding) {
  const PackedShape f32{WeightType::kF32, 33, 65};
  EXPECT_EQ(f32.group(), 1u);
  EXPECT_EQ(f32.panels(), 2u);
  EXPECT_EQ(f32.padded_outputs(), 64u);
  EXPECT_EQ(f32.padded_inputs(), 65u);
  EXPECT_EQ(f32.bytes(), 64u * 65 * 4);
  const PackedShape bf16{WeightType::kBf16, 32, 65};
  EXPECT_EQ(bf16.group(), 2u);
  EXPECT_EQ(bf16.panels(), 1u);
  EXPECT_EQ(bf16.padded_inputs(), 128u);
  EXPECT_EQ(bf16.bytes(), 32u * 128 * 2);
  const PackedShape s8{WeightType::kS8, 1, 64};
  EXPECT_EQ(s8.group(), 4u);
  EXPECT_EQ(s8.panels(), 1u);
  EXPECT_EQ(s8.padded_inputs(), 64u);
  EXPECT_EQ(s8.panel_bytes(), 32u * 64);
  const PackedShape w8{WeightType::kW8, 33, 65};
  EXPECT_EQ(w8.padded_inputs(), 128u);
  EXPECT_EQ(w8.panel_bytes(), 32u * 128 + 2u * 32 * 128 / 32);
  EXPECT_EQ(w8.bytes(), 2 * w8.panel_bytes());
}

TEST(PackF32, PutsEachElementInItsPlace) {
  for (const Size& size : kSizes) {
    const PackedShape shape{WeightType::kF32, size.outputs, size.inputs};
    const std::vector<float> weight = random_weight(size);
    std::vector<std::byte> packed(shape.bytes(), std::byte{0xff});
    pack_f32(shape, weight, packed);
    for_each_element<float>(shape, packed, [&](std::size_t n, std::size_t k, float x) {
      const bool exists = n < size.outputs && k < size.inputs;
      ASSERT_EQ(x, exists ? weight[n * size.inputs + k] : 0.0f) << n << ", " << k;
    });
  }
}

float from_bf16(std::uint16_t x) { return std::bit_cast<float>(std::uint32_t{x} << 16); }

// The nearest bfloat16 of a normal number, by arithmetic: 8 significant bits, ties to even.
float nearest_bf16(float x) {
  int exponent = 0;
  const float mantissa = std::frexp(x, &exponent);
  return std::ldexp(std::nearbyint(mantissa * 256.0f), exponent - 8);
}

TEST(PackBf16, PutsEachElementInItsPlace) {
  for (const Size& size : kSizes) {
    const PackedShape shape{WeightType::kBf16, size.outputs, size.inputs};
    const std::vector<float> weight = random_weight(size);
    std::vector<std::byte> packed(shape.bytes(), std::byte{0xff});
    pack_bf16(shape, weight, packed);
    for_each_element<std::uint16_t>(shape, packed, [&](std::size_t n, std::size_t k, auto x) {
      const bool exists = n < size.outputs && k < size.inputs;
      ASSERT_EQ(from_bf16(x), exists ? nearest_bf16(weight[n * size.inputs + k]) : 0.0f)
          << n << ", " << k;
    });
  }
}

TEST(UnpackRow, GivesARowBack) {
  for (const Size& size : kSizes) {
    const std::vector<float> weight = random_weight(size);
    for (const WeightType type : {WeightType::kF32, WeightType::kBf16}) {
      const PackedShape shape{type, size.outputs, size.inputs};
      std::vector<std::byte> packed(shape.bytes());
      type == WeightType::kF32 ? pack_f32(shape, weight, packed) : pack_bf16(shape, weight, packed);
      for (std::size_t n = 0; n < size.outputs; ++n) {
        std::vector<float> row(size.inputs);
        unpack_row(shape, packed.data(), n, row);
        for (std::size_t k = 0; k < size.inputs; ++k) {
          const float x = weight[n * size.inputs + k];
          ASSERT_EQ(row[k], type == WeightType::kF32 ? x : nearest_bf16(x)) << n << ", " << k;
        }
      }
    }
  }
}

TEST(PackBf16, RoundsTiesToEvenAndKeepsNan) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<std::pair<std::uint32_t, std::uint16_t>> cases = {
      {0x3f808000, 0x3f80}, {0x3f818000, 0x3f82}, {0x3f808001, 0x3f81}, {0x3f807fff, 0x3f80},
      {0x7f7fffff, 0x7f80}, {0xff800000, 0xff80}, {0x00008001, 0x0001}, {0x80000000, 0x8000}};
  const PackedShape shape{WeightType::kBf16, 1, 1};
  std::vector<std::byte> packed(shape.bytes());
  const auto* first = reinterpret_cast<const std::uint16_t*>(packed.data());
  for (const auto& [bits, expected] : cases) {
    pack_bf16(shape, std::vector<float>{std::bit_cast<float>(bits)}, packed);
    EXPECT_EQ(*first, expected) << std::hex << bits;
  }
  for (const std::uint32_t nan : {0x7f800001u, 0xffffffffu}) {
    pack_bf16(shape, std::vector<float>{std::bit_cast<float>(nan)}, packed);
    EXPECT_TRUE(std::isnan(from_bf16(*first))) << std::hex << nan;
  }
  pack_bf16(shape, std::vector<float>{kInfinity}, packed);
  EXPECT_EQ(from_bf16(*first), kInfinity);
}

struct PackedS8 {
  explicit PackedS8(const PackedShape& shape, const std::vector<float>& weight)
      : packed(shape.bytes(), std::byte{0xff}),
        scales(shape.padded_outputs(), -1.0f),
        sums(shape.padded_outputs(), -1) {
    pack_s8(shape, weight, packed, scales, sums);
  }
  std::vector<std::byte> packed;
  std::vector<float> scales;
  std::vector<std::int32_t> sums;
};

TEST(PackS8, PutsEachElementInItsPlaceWithScaleAndSum) {
  for (const Size& size : kSizes) {
    const PackedShape shape{WeightType::kS8, size.outputs, size.inputs};
    const std::vector<float> weight = random_weight(size);
    const PackedS8 result(shape, weight);
    std::vector<double> largest(shape.padded_outputs());
    for (std::size_t i = 0; i < weight.size(); ++i) {
      double& row = largest[i / size.inputs];
      row = std::max(row, std::abs(static_cast<double>(weight[i])));
    }
    std::vector<std::int32_t> sums(shape.padded_outputs());
    for_each_element<std::int8_t>(shape, result.packed, [&](std::size_t n, std::size_t k, int q) {
      sums[n] += q;
      const bool exists = n < size.outputs && k < size.inputs;
      const double x = exists ? static_cast<double>(weight[n * size.inputs + k]) : 0.0;
      // Half a step, and what two roundings of a quotient below 128 to fp32 may add.
      ASSERT_LE(std::abs(q - (exists ? x / (largest[n] / 127) : 0.0)), 0.5 + 128 * 0x1p-23)
          << n << ", " << k;
    });
    EXPECT_EQ(result.sums, sums);
    for (std::size_t n = 0; n < shape.padded_outputs(); ++n) {
      EXPECT_FLOAT_EQ(result.scales[n],
                      n < size.outputs ? static_cast<float>(largest[n] / 127) : 1.0f);
    }
  }
}

TEST(PackS8, RowsWithoutAScale) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const PackedShape shape{WeightType::kS8, 3, 2};
  const PackedS8 result(shape, {0.0f, 0.0f, 1e-45f, 0.0f, 1.0f, kNan});
  EXPECT_EQ(result.scales[0], 1.0f);
  EXPECT_EQ(result.scales[1], 1.0f);
  EXPECT_TRUE(std::isnan(result.scales[2]));
  EXPECT_EQ(result.sums, std::vector<std::int32_t>(32));
}

TEST(PackW8, PutsEachElementInItsPlaceBehindItsScale) {
  for (const Size& size : kSizes) {
    const PackedShape shape{WeightType::kW8, size.outputs, size.inputs};
    const std::vector<float> weight = random_weight(size);
    const std::vector<float> rounded = rounded_to_w8(weight, size.inputs);
    std::vector<std::byte> packed(shape.bytes(), std::byte{0xff});
    pack_w8(shape, weight, packed);
    const std::byte* at = packed.data();
    for (std::size_t panel = 0; panel < rounded_up(size.outputs, 32) / 32; ++panel) {
      for (std::size_t first = 0; first < rounded_up(size.inputs, 64); first += 32) {
        const auto* scales = reinterpret_cast<const std::uint16_t*>(at);
        const auto* q = reinterpret_cast<const std::int8_t*>(at + 64);
        for (std::size_t i = 0; i < 32 * 32; ++i) {
          const std::size_t k = first + i / 128 * 4 + i % 4;
          const std::size_t n = panel * 32 + i / 4 % 32;
          const bool exists = n < size.outputs && k < size.inputs;
          ASSERT_EQ(static_cast<float>(q[i]) * from_bf16(scales[i / 4 % 32]),
                    exists ? rounded[n * size.inputs + k] : 0.0f)
              << n << ", " << k;
        }
        at += 64 + 32 * 32;
      }
    }
    EXPECT_EQ(at, packed.data() + packed.size());
    for (std::size_t n = 0; n < size.outputs; ++n) {
      std::vector<float> row(size.inputs);
      unpack_row(shape, packed.data(), n, row);
      EXPECT_TRUE(std::equal(row.begin(), row.end(), &rounded[n * size.inputs])) << n;
    }
  }
}

// Half a step of at most a 127th of the largest of 32, which a scale's rounding makes longer.
TEST(PackW8, IsNearWhateverTheOthersAre) {
  std::vector<float> weight = random_weight({64, 96});
  for (std::size_t i = 0; i < weight.size(); i += 96) weight[i + i / 96] *= 1000;
  const std::vector<float> rounded = rounded_to_w8(weight, 96);
  for (std::size_t first = 0; first < weight.size(); first += 32) {
    float largest = 0;
    for (std::size_t i = first; i < first + 32; ++i) {
      largest = std::max(largest, std::abs(weight[i]));
    }
    for (std::size_t i = first; i < first + 32; ++i) {
      ASSERT_NEAR(rounded[i], weight[i], largest / 127 * (0.5f + 0x1p-7f)) << i;
    }
  }
}

TEST(PackW8, RowsWithoutAScale) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const PackedShape shape{WeightType::kW8, 3, 2};
  std::vector<std::byte> packed(shape.bytes());
  pack_w8(shape, std::vector<float>{0.0f, 0.0f, 1e-45f, 0.0f, 1.0f, kNan}, packed);
  std::vector<float> row(2);
  for (const std::size_t n : {0u, 1u}) {
    unpack_row(shape, packed.data(), n, row);
    EXPECT_EQ(row, std::vector<float>(2));
  }
  unpack_row(shape, packed.data(), 2, row);
  EXPECT_TRUE(std::isnan(row[0]) && std::isnan(row[1]));
}

TEST(Pack, PartsMakeTheWhole) {
  const Size size{70, 40};
  const PackedShape shape{WeightType::kF32, size.outputs, size.inputs};
  const std::vector<float> weight = random_weight(size);
  std::vector<std::byte> whole(shape.bytes());
  pack_f32(shape, weight, whole);
  std::vector<std::byte> parts(shape.bytes());
  const std::span<const float> rows(weight);
  const std::span<std::byte> out(parts);
  pack_f32(shape, rows.first(64 * size.inputs), out.first(2 * shape.panel_bytes()));
  pack_f32(shape, rows.subspan(64 * size.inputs), out.subspan(2 * shape.panel_bytes()));
  EXPECT_EQ(parts, whole);
}

}  // namespace
}  // namespace nestvec
