// SPDX-License-Identifier: Apache-2.0
// Half precision: every half is itself, and every float goes to the nearest half, ties to even.
#include "output/pack.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace nestvec {
namespace {

// What binary16 says, by the definition of the format.
double value_of(std::uint16_t half) {
  const double sign = half >> 15 == 0 ? 1 : -1;
  const int exponent = half >> 10 & 31;
  const int fraction = half & 1023;
  if (exponent == 31) {
    return fraction == 0 ? sign * std::numeric_limits<double>::infinity() : std::nan("");
  }
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

std::uint16_t half_of(float value) { return pack_float16(std::vector<float>{value})[0]; }

TEST(PackFloat16, EveryHalfIsItself) {
  for (std::uint32_t half = 0; half < 65536; ++half) {
    const double value = value_of(static_cast<std::uint16_t>(half));
    const std::uint16_t packed = half_of(static_cast<float>(value));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(value_of(packed)));
    } else {
      ASSERT_EQ(packed, half);
    }
  }
}

TEST(PackFloat16, HalfWayGoesToTheEvenOne) {
  for (std::uint16_t half = 0; half < 0x7BFF; ++half) {
    const double low = value_of(half);
    const double high = value_of(static_cast<std::uint16_t>(half + 1));
    const auto middle = static_cast<float>((low + high) / 2);  // exact: a float has more bits
    const std::uint16_t even = half % 2 == 0 ? half : static_cast<std::uint16_t>(half + 1);
    ASSERT_EQ(half_of(middle), even);
    ASSERT_EQ(half_of(std::nextafterf(middle, 0)), half);
    ASSERT_EQ(half_of(std::nextafterf(middle, 1e9F)), half + 1);
    ASSERT_EQ(half_of(-middle), even | 0x8000);
  }
}

TEST(PackFloat16, BeyondTheRange) {
  EXPECT_EQ(half_of(65519.9F), 0x7BFF);
  EXPECT_EQ(half_of(65520), 0x7C00);
  EXPECT_EQ(half_of(-1e30F), 0xFC00);
  EXPECT_EQ(half_of(std::numeric_limits<float>::infinity()), 0x7C00);
  EXPECT_EQ(half_of(std::numeric_limits<float>::denorm_min()), 0);
}

}  // namespace
}  // namespace nestvec
