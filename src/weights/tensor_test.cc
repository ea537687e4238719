// SPDX-License-Identifier: Apache-2.0
#include "weights/tensor.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "nestvec/error.h"

namespace nestvec {
namespace {

TensorView view(DataType type, std::vector<std::int64_t> shape,
                std::span<const std::uint16_t> data) {
  return {"t", type, std::move(shape), std::as_bytes(data)};
}

std::vector<std::uint16_t> all_halves() {
  std::vector<std::uint16_t> halves(65536);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<std::uint16_t>(i);
  return halves;
}

// IEEE 754-2019 binary16, from its definition.
double half_value(std::uint32_t bits) {
  const double sign = (bits & 0x8000u) != 0 ? -1.0 : 1.0;
  const int exponent = static_cast<int>(bits >> 10 & 31u);
  const double fraction = static_cast<double>(bits & 1023u) / 1024.0;
  if (exponent == 31) return fraction == 0.0 ? sign * HUGE_VAL : NAN;
  if (exponent == 0) return sign * std::ldexp(fraction, -14);
  return sign * std::ldexp(1.0 + fraction, exponent - 15);
}

TEST(TensorTest, EveryHalfIsExact) {
  const std::vector<std::uint16_t> halves = all_halves();
  std::vector<float> values(halves.size());
  read_as_float(view(DataType::kF16, {65536}, halves), 0, values);
  for (std::uint32_t i = 0; i < halves.size(); ++i) {
    const double expected = half_value(i);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(values[i])) << i;
    } else {
      EXPECT_EQ(static_cast<double>(values[i]), expected) << i;
      EXPECT_EQ(std::signbit(values[i]), std::signbit(expected)) << i;
    }
  }
}

// Every range of a tensor that lies transposed reads as the same range of one that does not.
TEST(TensorTest, TransposedReadsInTheOrderOfItsShape) {
  constexpr std::size_t kRows = 67;
  constexpr std::size_t kColumns = 5;
  std::vector<std::uint16_t> straight(kRows * kColumns);
  std::vector<std::uint16_t> across(kRows * kColumns);
  for (std::size_t i = 0; i < straight.size(); ++i) {
    straight[i] = static_cast<std::uint16_t>(0x3c00 + i);  // different numbers near 1
    across[i % kColumns * kRows + i / kColumns] = straight[i];
  }
  for (const DataType type : {DataType::kF16, DataType::kBf16}) {
    TensorView transposed = view(type, {kRows, kColumns}, across);
    transposed.transposed = true;
    for (std::size_t begin = 0; begin < straight.size(); ++begin) {
      for (std::size_t size = 1; size <= straight.size() - begin; size += 1 + size / 8) {
        std::vector<float> expected(size);
        std::vector<float> values(size);
        read_as_float(view(type, {kRows, kColumns}, straight), begin, expected);
        read_as_float(transposed, begin, values);
        ASSERT_EQ(values, expected) << begin << " " << size;
      }
    }
    std::vector<float> beyond(2);
    EXPECT_THROW(read_as_float(transposed, straight.size() - 1, beyond), Error);
  }
}

TEST(TensorTest, EveryBf16IsTheUpperHalfOfAFloat) {
  const std::vector<std::uint16_t> halves = all_halves();
  std::vector<float> values(halves.size());
  read_as_float(view(DataType::kBf16, {65536}, halves), 0, values);
  for (std::uint32_t i = 0; i < halves.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(values[i]), i << 16);
  }
}

TEST(TensorTest, ReadsAPartOfUnalignedFloats) {
  std::vector<std::byte> bytes(17);
  const float source[] = {1.5f, -2.0f, 3.25f, std::numeric_limits<float>::denorm_min()};
  std::memcpy(bytes.data() + 1, source, sizeof(source));
  const TensorView tensor{"t", DataType::kF32, {4}, std::span(bytes).subspan(1)};
  std::vector<float> values(2);
  read_as_float(tensor, 2, values);
  EXPECT_EQ(values[0], 3.25f);
  EXPECT_EQ(values[1], std::numeric_limits<float>::denorm_min());
}

TEST(TensorTest, RefusesWhatIsOutsideAndWhatIsNoFloat) {
  const std::vector<std::uint16_t> data = {1, 2, 3};
  std::vector<float> values(2);
  EXPECT_THROW(read_as_float(view(DataType::kBf16, {3}, data), 2, values), Error);
  EXPECT_THROW(read_as_float(view(DataType::kBf16, {3}, data), SIZE_MAX, values), Error);
  EXPECT_THROW(read_as_float(view(DataType::kI16, {3}, data), 0, values), Error);
}

TEST(TensorTest, SlicesAlongTheFirstAxis) {
  const std::vector<std::uint16_t> data = {0, 1, 2, 3, 4, 5};
  const TensorView part = slice(view(DataType::kBf16, {3, 2}, data), 1);
  EXPECT_EQ(part.shape_text(), "[2]");
  EXPECT_EQ(part.elements(), 2u);
  EXPECT_EQ(part.bytes.data(), std::as_bytes(std::span(data)).data() + 4);
}

}  // namespace
}  // namespace nestvec
