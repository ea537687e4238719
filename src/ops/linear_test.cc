// SPDX-License-Identifier: Apache-2.0
// Linear layers and feed-forward layers against plain sums in double.
#include "ops/linear.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <span>
#include <vector>

#include "support/ops_test.h"
#include "support/test_layer.h"

namespace nestvec {
namespace {

struct LinearCase {
  WeightType type;
  bool full_activations;
};

class Linear : public testing::TestWithParam<LinearCase> {};

// Tasks -1 and on in turn up to row `mixed`, then task 0 alone: kernels treat such blocks of rows
// in another way.
std::int32_t mixed_then_one(std::size_t row, std::size_t mixed, std::size_t tasks) {
  return row < mixed ? static_cast<std::int32_t>(row % tasks) - 1 : 0;
}

TEST_P(Linear, EqualsThePlainSum) {
  std::mt19937 random(7);
  for (const Isa isa : machine_isas()) {
    EngineContext context(3, isa);
    const ThreadPool::Hot hot(context.pool);
    for (const auto& [rows, n, k] :
         {std::array<std::size_t, 3>{1, 32, 64}, {17, 70, 100}, {97, 128, 64}, {1100, 33, 36}}) {
      SCOPED_TRACE(testing::Message() << isa_name(isa) << " " << rows << " " << n << " " << k);
      TestLayer test(GetParam().type, n, k, 3, random);
      test.layer.full_activations = GetParam().full_activations;
      const std::vector<float> x = values(rows * k, 1.0, random);
      const std::vector<float> residual = values(rows * n, 1.0, random);
      std::vector<std::int32_t> tasks(rows);
      for (std::size_t r = 0; r < rows; ++r) tasks[r] = mixed_then_one(r, 50, 4);
      std::vector<float> out(rows * n);
      linear(test.layer, {.x = x.data(), .rows = rows, .tasks = tasks.data()},
             {.out = out.data(), .residual = residual.data()}, context);
      for (std::size_t r = 0; r < rows; ++r) {
        const std::vector<double> expected = test.reference(x.data() + r * k, tasks[r]);
        for (std::size_t i = 0; i < n; ++i) {
          ASSERT_NEAR(static_cast<double>(out[r * n + i]),
                      expected[i] + static_cast<double>(residual[r * n + i]),
                      tolerance(GetParam().type, GetParam().full_activations))
              << r << " " << i;
        }
      }
    }
  }
}

TEST_P(Linear, ARowIsTheSameInAnyCompany) {
  std::mt19937 random(8);
  constexpr std::size_t kRows = 150;
  constexpr std::size_t kN = 96;
  constexpr std::size_t kK = 320;
  for (const Isa isa : machine_isas()) {
    SCOPED_TRACE(isa_name(isa));
    EngineContext context(2, isa);
    TestLayer test(GetParam().type, kN, kK, 2, random);
    test.layer.full_activations = GetParam().full_activations;
    const std::vector<float> x = values(kRows * kK, 1.0, random);
    std::vector<std::int32_t> tasks(kRows);
    for (std::size_t r = 0; r < kRows; ++r) tasks[r] = mixed_then_one(r, 70, 3);
    std::vector<float> together(kRows * kN);
    linear(test.layer, {.x = x.data(), .rows = kRows, .tasks = tasks.data()},
           {.out = together.data()}, context);
    std::vector<float> alone(kN);
    for (std::size_t r = 0; r < kRows; r += 7) {
      linear(test.layer, {.x = x.data() + r * kK, .rows = 1, .tasks = tasks.data() + r},
             {.out = alone.data()}, context);
      const auto row = std::span(together).subspan(r * kN, kN);
      ASSERT_TRUE(std::ranges::equal(std::as_bytes(std::span(alone)), std::as_bytes(row))) << r;
    }
  }
}

// Columns as matrices of their own, and rows of bf16 in and out.
TEST_P(Linear, WritesMatricesAsTheColumnsThatTheyAre) {
  std::mt19937 random(11);
  constexpr std::size_t kRows = 130;
  constexpr std::size_t kN = 384;
  constexpr std::size_t kK = 64;
  for (const Isa isa : machine_isas()) {
    EngineContext context(2, isa);
    TestLayer test(GetParam().type, kN, kK, 0, random);
    test.layer.full_activations = GetParam().full_activations;
    const std::vector<float> x = values(kRows * kK, 1.0, random);
    std::vector<std::uint16_t> narrow(x.size());
    context.kernels.to_bf16(x.data(), x.size(), narrow.data());
    const LinearInput in{.bf16 = narrow.data(), .rows = kRows};
    std::vector<float> plain(kRows * kN);
    linear(test.layer, in, {.out = plain.data()}, context);
    std::vector<float> first_row(kK);
    context.kernels.from_bf16(narrow.data(), kK, first_row.data());
    const std::vector<double> expected = test.reference(first_row.data(), -1);
    for (std::size_t i = 0; i < kN; ++i) {
      ASSERT_NEAR(static_cast<double>(plain[i]), expected[i],
                  tolerance(GetParam().type, GetParam().full_activations))
          << isa_name(isa) << " " << i;
    }
    for (const std::size_t width : {std::size_t{32}, std::size_t{96}, std::size_t{128}}) {
      SCOPED_TRACE(testing::Message() << isa_name(isa) << " " << width);
      std::vector<float> matrices(kRows * kN);
      linear(test.layer, in,
             {.out = matrices.data(), .stride = width, .matrix_stride = kRows * width}, context);
      for (std::size_t r = 0; r < kRows; ++r) {
        for (std::size_t i = 0; i < kN; ++i) {
          ASSERT_EQ(matrices[i / width * kRows * width + r * width + i % width], plain[r * kN + i])
              << r << " " << i;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Types, Linear,
    testing::Values(LinearCase{WeightType::kF32, false}, LinearCase{WeightType::kBf16, false},
                    LinearCase{WeightType::kBf16, true}, LinearCase{WeightType::kW8, false},
                    LinearCase{WeightType::kW8, true}, LinearCase{WeightType::kS8, false}),
    [](const auto& suite) {
      return std::string(weight_type_name(suite.param.type)) +
             (suite.param.full_activations ? "_full" : "");
    });

// A row of an infinite sum has no LayerNorm; what bf16 or s8 cannot carry fp32 can.
TEST(Linear, FullPrecisionOverridesTheGraph) {
  std::mt19937 random(9);
  EngineContext context(1, machine_isa());
  TestLayer test(WeightType::kBf16, 32, 64, 0, random);
  const std::vector<float> x = values(64, 1.0, random);
  std::vector<float> narrow(32);
  std::vector<float> wide(32);
  linear(test.layer, {.x = x.data(), .rows = 1}, {.out = narrow.data()}, context);
  context.full_precision = true;
  linear(test.layer, {.x = x.data(), .rows = 1}, {.out = wide.data()}, context);
  const std::vector<double> expected = test.reference(x.data(), -1);
  for (std::size_t i = 0; i < 32; ++i) {
    EXPECT_NEAR(static_cast<double>(wide[i]), expected[i], 2e-5);
  }
}

// Runs `layer` over rows on its own and in place, which must be the same, and compares every 11th
// row with `expected` of its input and task.
template <typename Expected>
void expect_feed_forward(const FeedForwardLayer& layer, const std::vector<float>& x,
                         const std::vector<std::int32_t>& tasks, EngineContext& context,
                         double tolerance, Expected expected) {
  const std::size_t rows = tasks.size();
  const std::size_t width = x.size() / rows;
  std::vector<float> y(x.size());
  feed_forward(layer, {.x = x.data(), .rows = rows, .tasks = tasks.data()}, y.data(), context);
  std::vector<float> in_place = x;
  feed_forward(layer, {.x = in_place.data(), .rows = rows, .tasks = tasks.data()}, in_place.data(),
               context);
  EXPECT_EQ(in_place, y);
  for (std::size_t r = 0; r < rows; r += 11) {
    const std::vector<double> sums = expected(x.data() + r * width, tasks[r]);
    for (std::size_t i = 0; i < width; ++i) {
      ASSERT_NEAR(static_cast<double>(y[r * width + i]), sums[i], tolerance) << r << " " << i;
    }
  }
}

// `test` of each instruction set of the machine and each type of weights.
template <typename Test>
void for_each_kind(Test test) {
  for (const Isa isa : machine_isas()) {
    for (const WeightType type :
         {WeightType::kF32, WeightType::kBf16, WeightType::kW8, WeightType::kS8}) {
      SCOPED_TRACE(testing::Message() << isa_name(isa) << " " << weight_type_name(type));
      EngineContext context(2, isa);
      test(type, context);
    }
  }
}

TEST(FeedForward, EqualsThePlainSum) {
  std::mt19937 random(10);
  constexpr std::size_t kH = 64;
  constexpr std::size_t kI = 256;
  constexpr std::size_t kRows = 530;  // more than one block
  for_each_kind([&](WeightType type, EngineContext& context) {
    TestLayer in(type, kI, kH, 1, random);
    TestLayer out(type, kH, kI, 1, random);
    const std::vector<float> norm_weight = values(kH, 1.0, random);
    const std::vector<float> norm_bias = values(kH, 1.0, random);
    const FeedForwardLayer layer{
        in.layer, out.layer, Activation::kGelu, {norm_weight.data(), norm_bias.data(), 1e-5f, kH}};
    const std::vector<float> x = values(kRows * kH, 1.0, random);
    std::vector<std::int32_t> tasks(kRows);
    for (std::size_t r = 0; r < kRows; ++r) tasks[r] = static_cast<std::int32_t>(r % 2) - 1;
    const auto expected = [&](const float* row, std::int32_t task) {
      std::vector<float> middle;
      for (const double m : in.reference(row, task)) {
        middle.push_back(static_cast<float>(m / 2 * (1 + std::erf(m / std::sqrt(2.0)))));
      }
      std::vector<double> sum = out.reference(middle.data(), task);
      for (std::size_t i = 0; i < kH; ++i) sum[i] += static_cast<double>(row[i]);
      return normalised(sum, norm_weight, norm_bias);
    };
    expect_feed_forward(layer, x, tasks, context, 3 * tolerance(type, false), expected);
  });
}

// RMSNorm first, a gate whose two halves end within a panel, and but for int8 a norm behind.
TEST(FeedForward, NormFirstAndGatedEqualsThePlainSum) {
  std::mt19937 random(12);
  constexpr std::size_t kH = 64;
  constexpr std::size_t kI = 240;
  constexpr std::size_t kPadded = 512;  // outputs of both halves
  constexpr std::size_t kRows = 530;
  for_each_kind([&](WeightType type, EngineContext& context) {
    TestLayer in(type, kPadded, kH, 1, random);
    in.layer.gated_outputs = kI;
    TestLayer out(type, kH, kI, 1, random);
    const std::vector<float> norm_weight = values(kH, 1.0, random);
    const std::vector<float> second_weight = values(kH, 1.0, random);
    const NormLayer second{second_weight.data(), nullptr, 1e-5f, kH, true};
    const bool twice = type != WeightType::kS8;
    const FeedForwardLayer layer{in.layer,
                                 out.layer,
                                 Activation::kSilu,
                                 {norm_weight.data(), nullptr, 1e-5f, kH, true},
                                 true,
                                 twice ? second : NormLayer{}};
    const std::vector<float> x = values(kRows * kH, 1.0, random);
    std::vector<std::int32_t> tasks(kRows);
    for (std::size_t r = 0; r < kRows; ++r) tasks[r] = mixed_then_one(r, 300, 2);
    const auto expected = [&](const float* row, std::int32_t task) {
      const std::vector<float> normed = rms_normalised({row, row + kH}, norm_weight);
      const std::vector<double> both = in.reference(normed.data(), task);
      std::vector<float> middle;
      for (std::size_t i = 0; i < kI; ++i) {
        const double gate = both[i / kPanel * 2 * kPanel + i % kPanel];
        middle.push_back(static_cast<float>(gate / (1 + std::exp(-gate)) *
                                            both[(i / kPanel * 2 + 1) * kPanel + i % kPanel]));
      }
      std::vector<double> sum = out.reference(middle.data(), task);
      if (twice) {
        const std::vector<float> again = rms_normalised({sum.begin(), sum.end()}, second_weight);
        sum.assign(again.begin(), again.end());
      }
      for (std::size_t i = 0; i < kH; ++i) sum[i] += static_cast<double>(row[i]);
      return sum;
    };
    // Both halves are off, by more where the other one is of several units.
    expect_feed_forward(layer, x, tasks, context, 6 * tolerance(type, false), expected);
  });
}

}  // namespace
}  // namespace nestvec
