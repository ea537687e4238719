// SPDX-License-Identifier: Apache-2.0
// Every instruction set's kernels over rows against plain arithmetic in double.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "ops/kernels/table.h"
#include "support/ops_test.h"
#include "support/test_layer.h"

namespace nestvec {
namespace {

// Shorter than a register, whole registers, and both.
constexpr std::array<std::size_t, 7> kWidths = {1, 7, 16, 33, 100, 384, 1027};

std::uint16_t bf16_bits(float x) {
  return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(rounded_to_bf16(x)) >> 16);
}

template <class Body>
void on_every_isa(Body body) {
  std::mt19937 random(3);
  for (const Isa isa : machine_isas()) {
    for (const std::size_t n : kWidths) {
      SCOPED_TRACE(testing::Message() << isa_name(isa) << " " << n);
      body(kernels(isa), n, random);
    }
  }
}

TEST(Rows, Bf16RoundsToNearestEvenAndComesBack) {
  on_every_isa([](const Kernels& k, std::size_t n, std::mt19937& random) {
    std::vector<float> x = values(n, 3.0, random);
    x[0] = std::bit_cast<float>(0x3f808000u);  // a tie, to the even 0x3f80
    std::vector<std::uint16_t> narrow(n + 1, 77);
    k.to_bf16(x.data(), n, narrow.data());
    std::vector<float> back(n + 1, 77.0f);
    k.from_bf16(narrow.data(), n, back.data());
    EXPECT_EQ(narrow[0], 0x3f80);
    for (std::size_t i = 0; i < n; ++i) {
      ASSERT_EQ(narrow[i], bf16_bits(x[i])) << i;
      ASSERT_EQ(back[i], rounded_to_bf16(x[i])) << i;
    }
    EXPECT_EQ(narrow[n], 77);
    EXPECT_EQ(back[n], 77.0f);
  });
}

TEST(Rows, Bf16KeepsWhatIsNotANumber) {
  on_every_isa([](const Kernels& k, std::size_t n, std::mt19937&) {
    // A payload in the lower half alone would be cut to infinity.
    std::vector<float> x(n, std::bit_cast<float>(0x7f800001u));
    std::vector<std::uint16_t> narrow(n);
    k.to_bf16(x.data(), n, narrow.data());
    std::vector<float> back(n);
    k.from_bf16(narrow.data(), n, back.data());
    EXPECT_TRUE(std::all_of(back.begin(), back.end(), [](float v) { return std::isnan(v); }));
  });
}

TEST(Rows, U8CoversTheRangeOfTheRow) {
  on_every_isa([](const Kernels& k, std::size_t n, std::mt19937& random) {
    for (const float shift : {0.0f, 4.0f, -40.0f}) {
      std::vector<float> x = values(n, 3.0, random);
      for (float& v : x) v += shift;
      std::vector<std::uint8_t> q(n + 1, 77);
      const RowScale row = k.to_u8(x.data(), n, q.data());
      const float least = std::min(0.0f, *std::min_element(x.begin(), x.end()));
      const float greatest = std::max(0.0f, *std::max_element(x.begin(), x.end()));
      EXPECT_FLOAT_EQ(row.scale, (greatest - least) / 255.0f);
      EXPECT_NEAR(row.zero, -least / row.scale, 0.51f);
      for (std::size_t i = 0; i < n; ++i) {
        // Half a step for the value; at the ends another half for the zero point.
        ASSERT_NEAR(x[i], row.scale * static_cast<float>(q[i] - row.zero), 1.001f * row.scale) << i;
      }
      EXPECT_EQ(q[n], 77);
    }
  });
}

TEST(Rows, U8OfBf16IsThatOfTheSameNumbers) {
  on_every_isa([](const Kernels& k, std::size_t n, std::mt19937& random) {
    const std::vector<float> x = values(n, 3.0, random);
    std::vector<std::uint16_t> narrow(n);
    k.to_bf16(x.data(), n, narrow.data());
    std::vector<float> wide(n);
    k.from_bf16(narrow.data(), n, wide.data());
    std::vector<std::uint8_t> expected(n + 1, 77);
    std::vector<std::uint8_t> q(n + 1, 77);
    const RowScale a = k.to_u8(wide.data(), n, expected.data());
    const RowScale b = k.bf16_to_u8(narrow.data(), n, q.data());
    EXPECT_EQ(a.scale, b.scale);
    EXPECT_EQ(a.zero, b.zero);
    EXPECT_EQ(expected, q);
  });
}

TEST(Rows, U8OfZerosAndOfWhatIsNotANumber) {
  on_every_isa([](const Kernels& k, std::size_t n, std::mt19937&) {
    std::vector<float> x(n, 0.0f);
    std::vector<std::uint8_t> q(n);
    const auto expect_zeros = [&] {
      const RowScale row = k.to_u8(x.data(), n, q.data());
      EXPECT_EQ(row.scale, 1.0f);
      EXPECT_TRUE(std::all_of(q.begin(), q.end(), [&](int v) { return v == row.zero; }));
    };
    expect_zeros();
    for (float& v : x) v = 1e-39f;  // its inverse is no number
    expect_zeros();
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
          -std::numeric_limits<float>::infinity()}) {
      x[n - 1] = bad;
      EXPECT_TRUE(std::isnan(k.to_u8(x.data(), n, q.data()).scale)) << bad;
    }
  });
}

TEST(Rows, ProjectIsDotProducts) {
  constexpr std::size_t kRows = 7;
  on_every_isa([](const Kernels& k, std::size_t n, std::mt19937& random) {
    const std::size_t stride = n + 3;
    for (const std::size_t rank : {std::size_t{1}, std::size_t{4}, std::size_t{6}}) {
      std::vector<float> x = values(kRows * stride, 1.0, random);
      for (float& value : x) value = rounded_to_bf16(value);
      const std::vector<float> down = values(n * rank, 1.0, random);
      std::vector<float> h(kRows * rank + 1, 77.0f);
      k.project({x.data(), stride, kRows, n, down.data(), rank, h.data()});
      EXPECT_EQ(h.back(), 77.0f);
      for (std::size_t i = 0; i < kRows * rank; ++i) {
        const float* row = x.data() + i / rank * stride;
        double expected = 0;
        for (std::size_t j = 0; j < n; ++j) {
          expected += static_cast<double>(row[j]) * static_cast<double>(down[i % rank * n + j]);
        }
        ASSERT_NEAR(static_cast<double>(h[i]), expected, 1e-6 * static_cast<double>(n) + 1e-6) << i;
      }
      // The same bits for a row alone, and for bf16 of the same numbers.
      std::vector<float> alone(kRows * rank + 1, 77.0f);
      for (std::size_t r = 0; r < kRows; ++r) {
        k.project(
            {x.data() + r * stride, stride, 1, n, down.data(), rank, alone.data() + r * rank});
      }
      EXPECT_EQ(alone, h);
      std::vector<std::uint16_t> narrow(x.size());
      k.to_bf16(x.data(), x.size(), narrow.data());
      std::vector<float> of_narrow(kRows * rank + 1, 77.0f);
      k.project_bf16({narrow.data(), stride, kRows, n, down.data(), rank, of_narrow.data()});
      EXPECT_EQ(of_narrow, h);
    }
  });
}

TEST(Rows, LayerNormOfARowFarFromZero) {
  on_every_isa([](const Kernels& k, std::size_t n, std::mt19937& random) {
    std::vector<float> x = values(n, 1.0, random);
    for (float& v : x) v += 50.0f;
    const std::vector<float> weight = values(n, 1.0, random);
    const std::vector<float> bias = values(n, 1.0, random);
    double mean = 0;
    for (const float v : x) mean += static_cast<double>(v) / static_cast<double>(n);
    double variance = 0;
    for (const float v : x) {
      const double d = static_cast<double>(v) - mean;
      variance += d * d / static_cast<double>(n);
    }
    const std::vector<float> before = x;
    k.layer_norm({x.data(), weight.data(), bias.data(), 1e-5f, n, x.data()});
    for (std::size_t i = 0; i < n; ++i) {
      const double expected = (static_cast<double>(before[i]) - mean) / std::sqrt(variance + 1e-5) *
                                  static_cast<double>(weight[i]) +
                              static_cast<double>(bias[i]);
      ASSERT_NEAR(static_cast<double>(x[i]), expected, 3e-5) << i;
    }
  });
}

TEST(Rows, RmsNorm) {
  on_every_isa([](const Kernels& k, std::size_t n, std::mt19937& random) {
    std::vector<float> x = values(n, 30.0, random);
    const std::vector<float> weight = values(n, 1.0, random);
    const std::vector<float> expected = rms_normalised(x, weight);
    k.rms_norm({x.data(), weight.data(), nullptr, 1e-5f, n, x.data()});
    for (std::size_t i = 0; i < n; ++i) ASSERT_NEAR(x[i], expected[i], 1e-5f) << i;
  });
}

TEST(Rows, Sums) {
  on_every_isa([](const Kernels& k, std::size_t n, std::mt19937& random) {
    const std::vector<float> x = values(n, 1.0, random);
    const std::vector<float> start = values(n, 1.0, random);
    std::vector<float> y = start;
    k.add(x.data(), n, y.data());
    k.add_scaled(-2.5f, x.data(), n, y.data());
    for (std::size_t i = 0; i < n; ++i) ASSERT_NEAR(y[i], start[i] - 1.5f * x[i], 2e-6f) << i;
  });
}

}  // namespace
}  // namespace nestvec
