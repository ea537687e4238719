// SPDX-License-Identifier: Apache-2.0
// What follows a product, on every instruction set: activations over their whole range, partial
// panels, int8 sums. Adapters and residuals are tested with whole layers in linear_test.cc.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include "ops/kernels/table.h"
#include "support/ops_test.h"

namespace nestvec {
namespace {

double exact(Activation activation, double x) {
  switch (activation) {
    case Activation::kGelu:
      return x / 2 * std::erfc(-x / std::sqrt(2.0));
    case Activation::kGeluTanh:
      return x / 2 * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
    case Activation::kRelu:
      return std::max(x, 0.0);
    case Activation::kNone:
      return x;
    case Activation::kSilu:
      return x / (1 + std::exp(-x));
    case Activation::kTanh:
      return std::tanh(x);
  }
  return 0;
}

// `x` through the kernel, 32 at a time.
std::vector<float> activated(const Kernels& k, Activation activation, const std::vector<float>& x) {
  const std::vector<float> bias(kPanel, 0.0f);
  std::vector<float> out(x.size());
  PanelFinish finish;
  finish.c = x.data();
  finish.rows = x.size() / kPanel;
  finish.bias = bias.data();
  finish.activation = activation;
  finish.out = out.data();
  finish.out_stride = kPanel;
  k.finish(finish);
  return out;
}

TEST(Finish, ActivationsOverTheirWholeRange) {
  std::vector<float> x;
  for (double v = -12; v < 12; v += 1.0 / 2048) x.push_back(static_cast<float>(v));
  for (const float v : {-1e30f, -100.0f, -1e-20f, 0.0f, 1e-20f, 100.0f, 1e30f}) x.push_back(v);
  x.resize((x.size() + kPanel - 1) / kPanel * kPanel);
  for (const Isa isa : machine_isas()) {
    for (const Activation activation : {Activation::kGelu, Activation::kGeluTanh, Activation::kRelu,
                                        Activation::kNone, Activation::kTanh, Activation::kSilu}) {
      SCOPED_TRACE(testing::Message() << isa_name(isa) << " " << static_cast<int>(activation));
      const std::vector<float> out = activated(kernels(isa), activation, x);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const auto v = static_cast<double>(x[i]);
        ASSERT_NEAR(static_cast<double>(out[i]), exact(activation, v), 2e-7 * (1 + std::abs(v)))
            << x[i];
      }
    }
  }
}

// What goes into bfloat16 is computed with less: an eighth of what rounding, 2^-8, may take beside
// it.
TEST(Finish, GeluForBf16) {
  std::vector<float> x;
  for (double v = -12; v < 12; v += 1.0 / 2048) x.push_back(static_cast<float>(v));
  const std::vector<float> bias(kPanel, 0.0f);
  std::vector<std::uint16_t> out(x.size());
  PanelFinish finish;
  finish.c = x.data();
  finish.rows = x.size() / kPanel;
  finish.bias = bias.data();
  finish.activation = Activation::kGelu;
  finish.out_bf16 = out.data();
  finish.out_stride = kPanel;
  for (const Isa isa : machine_isas()) {
    SCOPED_TRACE(isa_name(isa));
    kernels(isa).finish(finish);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double expected = exact(Activation::kGelu, static_cast<double>(x[i]));
      const float y = std::bit_cast<float>(std::uint32_t{out[i]} << 16);
      ASSERT_NEAR(static_cast<double>(y), expected, 1.125 / 256 * std::abs(expected) + 3e-7)
          << x[i];
    }
  }
}

TEST(Finish, WhatIsNotANumberStaysSo) {
  std::vector<float> x(kPanel, std::nanf(""));
  for (const Isa isa : machine_isas()) {
    for (const Activation activation : {Activation::kGelu, Activation::kGeluTanh, Activation::kRelu,
                                        Activation::kSilu, Activation::kNone}) {
      SCOPED_TRACE(testing::Message() << isa_name(isa) << " " << static_cast<int>(activation));
      for (const float y : activated(kernels(isa), activation, x)) EXPECT_TRUE(std::isnan(y));
    }
  }
}

// Pairs of panels, the last of them partial: the first lets the second through.
TEST(Finish, AGateLetsItsNeighboursThrough) {
  std::mt19937 random(6);
  constexpr std::size_t kRows = 3;
  constexpr std::size_t kPanels = 4;
  const std::vector<float> c = values(kPanels * kRows * kPanel, 1.0, random);
  const std::vector<float> bias = values(kPanels * kPanel, 1.0, random);
  for (const Isa isa : machine_isas()) {
    for (const std::size_t columns : {std::size_t{1}, std::size_t{32}, std::size_t{57}}) {
      SCOPED_TRACE(testing::Message() << isa_name(isa) << " " << columns);
      std::vector<float> out(kRows * 2 * kPanel, 77.0f);
      PanelFinish finish;
      finish.c = c.data();
      finish.c_stride = kRows * kPanel;
      finish.rows = kRows;
      finish.columns = columns;
      finish.gated = true;
      finish.bias = bias.data();
      finish.activation = Activation::kSilu;
      finish.out = out.data();
      finish.out_stride = 2 * kPanel;
      kernels(isa).finish(finish);
      const auto value = [&](std::size_t row, std::size_t panel, std::size_t column) {
        return static_cast<double>(c[(panel * kRows + row) * kPanel + column]) +
               static_cast<double>(bias[panel * kPanel + column]);
      };
      for (std::size_t i = 0; i < out.size(); ++i) {
        const std::size_t row = i / (2 * kPanel);
        const std::size_t column = i % (2 * kPanel);
        const std::size_t gate = column / kPanel * 2;
        const double expected = column >= columns
                                    ? 77.0
                                    : exact(Activation::kSilu, value(row, gate, column % kPanel)) *
                                          value(row, gate + 1, column % kPanel);
        ASSERT_NEAR(static_cast<double>(out[i]), expected, 2e-6) << i;
      }
    }
  }
}

// Columns that end within a panel: nothing is written behind them, in either type.
TEST(Finish, PartialPanels) {
  std::mt19937 random(5);
  constexpr std::size_t kRows = 3;
  constexpr std::size_t kPanels = 3;
  constexpr std::size_t kStride = kPanels * kPanel - 1;
  const std::vector<float> c = values(kPanels * kRows * kPanel, 1.0, random);
  const std::vector<float> bias = values(kPanels * kPanel, 1.0, random);
  for (const Isa isa : machine_isas()) {
    for (std::size_t columns = 1; columns <= kStride; ++columns) {
      SCOPED_TRACE(testing::Message() << isa_name(isa) << " " << columns);
      std::vector<float> out(kRows * kStride, 77.0f);
      std::vector<std::uint16_t> narrow(kRows * kStride, 77);
      PanelFinish finish;
      finish.c = c.data();
      finish.c_stride = kRows * kPanel;
      finish.rows = kRows;
      finish.columns = columns;
      finish.bias = bias.data();
      finish.out_stride = kStride;
      finish.out = out.data();
      kernels(isa).finish(finish);
      finish.out = nullptr;
      finish.out_bf16 = narrow.data();
      kernels(isa).finish(finish);
      for (std::size_t i = 0; i < out.size(); ++i) {
        const bool there = i % kStride < columns;
        const std::size_t column = i % kStride;
        const std::size_t place =
            column / kPanel * kRows * kPanel + i / kStride * kPanel + column % kPanel;
        const float expected = c[place] + bias[column];
        ASSERT_EQ(out[i], there ? expected : 77.0f) << i;
        ASSERT_EQ(narrow[i],
                  there ? std::bit_cast<std::uint32_t>(rounded_to_bf16(expected)) >> 16 : 77u)
            << i;
      }
    }
  }
}

TEST(Finish, SumsOfInt8BecomeNumbers) {
  std::mt19937 random(6);
  std::array<std::int32_t, kPanel> sums{};
  std::array<std::int32_t, kPanel> weights{};
  for (std::size_t i = 0; i < kPanel; ++i) {
    sums[i] = static_cast<std::int32_t>(random() % 2000000) - 1000000;
    weights[i] = static_cast<std::int32_t>(random() % 20000) - 10000;
  }
  const std::vector<float> scales = values(kPanel, 0.01, random);
  const std::vector<float> bias = values(kPanel, 1.0, random);
  const RowScale row_scale{0.03f, 101};
  for (const Isa isa : machine_isas()) {
    SCOPED_TRACE(isa_name(isa));
    std::vector<float> out(kPanel);
    PanelFinish finish;
    finish.c = reinterpret_cast<const float*>(sums.data());
    finish.rows = 1;
    finish.bias = bias.data();
    finish.row_scales = &row_scale;
    finish.column_scales = scales.data();
    finish.column_sums = weights.data();
    finish.out = out.data();
    finish.out_stride = kPanel;
    kernels(isa).finish(finish);
    for (std::size_t i = 0; i < kPanel; ++i) {
      const double expected = static_cast<double>(row_scale.scale) *
                                  static_cast<double>(scales[i]) * (sums[i] - 101.0 * weights[i]) +
                              static_cast<double>(bias[i]);
      ASSERT_NEAR(static_cast<double>(out[i]), expected, 1e-6 * std::abs(expected) + 1e-4) << i;
    }
  }
}

}  // namespace
}  // namespace nestvec
