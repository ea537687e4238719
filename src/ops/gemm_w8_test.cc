// SPDX-License-Identifier: Apache-2.0
// Products with w8 weights, of every instruction set, against sums in double.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "ops/isa.h"
#include "ops/kernels/table.h"
#include "ops/packed_matrix.h"
#include "support/ops_test.h"

namespace nestvec {
namespace {

float number_of(float x) { return x; }
float number_of(std::uint16_t x) { return std::bit_cast<float>(std::uint32_t{x} << 16); }

// Row-major activations and a panel, whose weights are also there as numbers.
template <class A>
struct W8Problem {
  W8Problem(std::size_t row_count, std::size_t inputs, std::mt19937& random)
      : rows(row_count), k(inputs), stride(inputs + 16), a(rows * stride) {
    for (A& x : a) {
      const float value = values(1, 1.0, random)[0];
      if constexpr (sizeof(A) == 2) {
        x = static_cast<A>(std::bit_cast<std::uint32_t>(rounded_to_bf16(value)) >> 16);
      } else {
        x = value;
      }
    }
    const PackedShape shape{WeightType::kW8, kPanel, k};
    const std::vector<float> plain = values(kPanel * k, 0.05, random);
    panel.resize(shape.bytes());
    pack_w8(shape, plain, panel);
    weights = rounded_to_w8(plain, k);
    // Products with bf16 round the weights to it, too.
    for (float& w : weights) {
      if (sizeof(A) == 2) w = rounded_to_bf16(w);
    }
  }

  std::vector<float> run(void (*kernel)(const PanelProduct<A, std::uint8_t, float>&),
                         std::size_t first, std::size_t count) const {
    std::vector<float> c(count * kPanel + 64, 77.0f);
    kernel({a.data() + first * stride, stride, count,
            reinterpret_cast<const std::uint8_t*>(panel.data()), k, c.data()});
    for (std::size_t i = count * kPanel; i < c.size(); ++i) EXPECT_EQ(c[i], 77.0f);
    c.resize(count * kPanel);
    return c;
  }

  void check(const std::vector<float>& c) const {
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t n = 0; n < kPanel; ++n) {
        double sum = 0;
        double absolute = 0;
        for (std::size_t i = 0; i < k; ++i) {
          const double term = static_cast<double>(number_of(a[r * stride + i])) *
                              static_cast<double>(weights[n * k + i]);
          sum += term;
          absolute += std::abs(term);
        }
        // Each of k products and k sums is rounded once at most, whatever their order.
        const double bound = static_cast<double>(k + 1) * 0x1p-24 * (1 + 0x1p-8) * absolute;
        ASSERT_LE(std::abs(static_cast<double>(c[r * kPanel + n]) - sum), bound)
            << "row " << r << ", column " << n;
      }
    }
  }

  std::size_t rows;
  std::size_t k;
  std::size_t stride;
  std::vector<A> a;
  std::vector<float> weights;
  std::vector<std::byte> panel;
};

template <class A>
void expect_w8_products(void (*kernel)(const PanelProduct<A, std::uint8_t, float>&)) {
  std::mt19937 random(5);
  for (const std::size_t rows : {1u, 2u, 7u, 15u, 33u}) {
    // Less than is widened at once, whole parts of it, and a part that is not full.
    for (const std::size_t k : {64u, 128u, 320u, 1024u, 1088u, 2112u}) {
      SCOPED_TRACE(std::to_string(rows) + " rows, k " + std::to_string(k));
      const W8Problem<A> problem(rows, k, random);
      problem.check(problem.run(kernel, 0, rows));
    }
  }
}

// A row's bits stay the same whatever rows stand beside it.
template <class A>
void expect_w8_rows_alone(void (*kernel)(const PanelProduct<A, std::uint8_t, float>&)) {
  std::mt19937 random(6);
  const W8Problem<A> problem(128, 1216, random);
  const std::vector<float> all = problem.run(kernel, 0, problem.rows);
  for (std::size_t count = 1; count <= 40; ++count) {
    const std::size_t first = random() % (problem.rows - count);
    const std::vector<float> part = problem.run(kernel, first, count);
    EXPECT_EQ(std::memcmp(part.data(), all.data() + first * kPanel, part.size() * sizeof(float)), 0)
        << "rows " << first << " + " << count;
  }
}

class GemmW8 : public testing::TestWithParam<Isa> {
 protected:
  const Kernels& table() const { return kernels(GetParam()); }
};

TEST_P(GemmW8, F32) {
  expect_w8_products(table().gemm_f32_w8);
  expect_w8_rows_alone(table().gemm_f32_w8);
}

TEST_P(GemmW8, Bf16) {
  expect_w8_products(table().gemm_bf16_w8);
  expect_w8_rows_alone(table().gemm_bf16_w8);
}

// A scale that is not a number shows in its column, and in no other.
TEST_P(GemmW8, NanStaysSeen) {
  std::mt19937 random(7);
  W8Problem<float> problem(3, 64, random);
  constexpr std::uint16_t kNan = 0x7fc0;
  std::memcpy(problem.panel.data() + 2 * 5, &kNan, sizeof kNan);
  const std::vector<float> c = problem.run(table().gemm_f32_w8, 0, 3);
  W8Problem<std::uint16_t> narrow(3, 64, random);
  std::memcpy(narrow.panel.data() + 2 * 5, &kNan, sizeof kNan);
  const std::vector<float> d = narrow.run(table().gemm_bf16_w8, 0, 3);
  for (std::size_t i = 0; i < c.size(); ++i) {
    EXPECT_EQ(std::isnan(c[i]), i % kPanel == 5) << i;
    EXPECT_EQ(std::isnan(d[i]), i % kPanel == 5) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(, GemmW8, testing::ValuesIn(machine_isas()),
                         [](const auto& isa) { return std::string(isa_name(isa.param)); });

}  // namespace
}  // namespace nestvec
