// SPDX-License-Identifier: Apache-2.0
// Every instruction set's products against sums in double, which are exact for int8.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "ops/isa.h"
#include "ops/kernels/table.h"

namespace nestvec {
namespace {

template <class T>
double value(T x) {
  return static_cast<double>(x);
}
template <>
double value(std::uint16_t x) {  // bfloat16
  return static_cast<double>(std::bit_cast<float>(std::uint32_t{x} << 16));
}

template <class T>
std::vector<T> random_values(std::size_t count, std::mt19937& random) {
  std::vector<T> values(count);
  std::normal_distribution<float> normal;
  for (T& x : values) {
    if constexpr (sizeof(T) == 1) {
      x = static_cast<T>(random() >> 24);
    } else if constexpr (sizeof(T) == 2) {
      x = static_cast<T>(std::bit_cast<std::uint32_t>(normal(random)) >> 16);
    } else {
      x = normal(random);
    }
  }
  return values;
}

template <class A, class W, class C>
using Kernel = void (*)(const PanelProduct<A, W, C>&);

template <class A, class W, class C>
struct Problem {
  Problem(std::size_t row_count, std::size_t inputs, std::size_t padding, std::mt19937& random)
      : rows(row_count), k(inputs), stride(inputs + padding) {
    a = random_values<A>(rows * stride, random);
    panel = random_values<W>(k * kPanel, random);
  }

  double weight(std::size_t i, std::size_t column) const {
    constexpr std::size_t kGroup = 4 / sizeof(W);
    return value(panel[i / kGroup * kGroup * kPanel + column * kGroup + i % kGroup]);
  }

  // Runs rows [first, first + count); fails if the kernel writes outside its [count, 32].
  std::vector<C> run(Kernel<A, W, C> kernel, std::size_t first, std::size_t count) const {
    constexpr std::size_t kGuard = 16 * kPanel;
    std::vector<C> c(count * kPanel + 2 * kGuard, C{77});
    kernel({a.data() + first * stride, stride, count, panel.data(), k, c.data() + kGuard});
    EXPECT_EQ(std::count(c.begin(), c.begin() + kGuard, C{77}), static_cast<long>(kGuard));
    EXPECT_EQ(std::count(c.end() - kGuard, c.end(), C{77}), static_cast<long>(kGuard));
    return {c.begin() + kGuard, c.end() - kGuard};
  }

  // The same in two calls, the second of which adds inputs [half, k).
  std::vector<C> run_in_two(Kernel<A, W, C> kernel, std::size_t half) const {
    std::vector<C> c(rows * kPanel, C{77});
    kernel({a.data(), stride, rows, panel.data(), half, c.data()});
    kernel({a.data() + half, stride, rows, panel.data() + half * kPanel, k - half, c.data(), true});
    return c;
  }

  void check(const std::vector<C>& c) const {
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t column = 0; column < kPanel; ++column) {
        double sum = 0;
        double absolute = 0;
        for (std::size_t i = 0; i < k; ++i) {
          const double term = value(a[r * stride + i]) * weight(i, column);
          sum += term;
          absolute += std::abs(term);
        }
        // Each of k products and k sums is rounded once at most, whatever their order.
        const double unit = std::is_integral_v<C> ? 0.0 : 0x1p-24 * (1 + 0x1p-8);
        const double bound = static_cast<double>(k + 1) * unit * absolute;
        ASSERT_LE(std::abs(value(c[r * kPanel + column]) - sum), bound)
            << "row " << r << ", column " << column;
      }
    }
  }

  std::size_t rows;
  std::size_t k;
  std::size_t stride;
  std::vector<A> a;
  std::vector<W> panel;
};

template <class A, class W, class C>
void expect_products(Kernel<A, W, C> kernel, std::size_t multiple) {
  std::mt19937 random(5);
  for (std::size_t rows = 1; rows <= 40; ++rows) {
    const std::size_t k = multiple * (1 + random() % (320 / multiple));
    SCOPED_TRACE(std::to_string(rows) + " rows, k " + std::to_string(k));
    const Problem<A, W, C> problem(rows, k, random() % 3 * 16, random);
    problem.check(problem.run(kernel, 0, rows));
    const std::size_t half = k / 2 / multiple * multiple;
    if (half > 0) problem.check(problem.run_in_two(kernel, half));
  }
  // Rows a power of two apart, and not.
  for (const std::size_t k : {1024u, 1088u, 4096u}) {
    SCOPED_TRACE("k " + std::to_string(k));
    const Problem<A, W, C> problem(27, k, 0, random);
    problem.check(problem.run(kernel, 0, 27));
  }
}

// A row's bits stay the same whatever rows stand beside it.
template <class A, class W, class C>
void expect_rows_alone(Kernel<A, W, C> kernel) {
  std::mt19937 random(6);
  const Problem<A, W, C> problem(128, 2048, 0, random);
  const std::vector<C> all = problem.run(kernel, 0, problem.rows);
  for (std::size_t count = 1; count <= 40; ++count) {
    const std::size_t first = random() % (problem.rows - count);
    const std::vector<C> part = problem.run(kernel, first, count);
    EXPECT_EQ(std::memcmp(part.data(), all.data() + first * kPanel, part.size() * sizeof(C)), 0)
        << "rows " << first << " + " << count;
  }
}

class Gemm : public testing::TestWithParam<Isa> {
 protected:
  const Kernels& table() const { return kernels(GetParam()); }
};

TEST_P(Gemm, F32) {
  expect_products(table().gemm_f32, 1);
  expect_rows_alone(table().gemm_f32);
}

TEST_P(Gemm, Bf16) {
  expect_products(table().gemm_bf16, 64);
  expect_rows_alone(table().gemm_bf16);
}

TEST_P(Gemm, F32Bf16) {
  expect_products(table().gemm_f32_bf16, 64);
  expect_rows_alone(table().gemm_f32_bf16);
}

TEST_P(Gemm, S8) {
  expect_products(table().gemm_s8, 64);
  expect_rows_alone(table().gemm_s8);
}

INSTANTIATE_TEST_SUITE_P(, Gemm, testing::ValuesIn(machine_isas()),
                         [](const auto& isa) { return std::string(isa_name(isa.param)); });

}  // namespace
}  // namespace nestvec
