// SPDX-License-Identifier: Apache-2.0
#include "engine/module_stack.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "nestvec/error.h"
#include "support/checkpoint.h"
#include "support/error_of.h"

namespace nestvec {
namespace {

std::vector<float> random_floats(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

double activated(Activation activation, double x) {
  if (activation == Activation::kTanh) return std::tanh(x);
  if (activation == Activation::kRelu) return std::max(x, 0.0);
  if (activation == Activation::kSilu) return x / (1 + std::exp(-x));
  if (activation == Activation::kGelu) return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
  return x;
}

// The plain sum in double.
std::vector<double> product(const std::vector<float>& weight, const std::vector<float>& x) {
  std::vector<double> out(weight.size() / x.size());
  for (std::size_t n = 0; n < out.size(); ++n) {
    for (std::size_t k = 0; k < x.size(); ++k) {
      out[n] += static_cast<double>(weight[n * x.size() + k]) * static_cast<double>(x[k]);
    }
  }
  return out;
}

class ModuleStackTest : public testing::Test {
 protected:
  // A Dense of those sizes, whose weights lie in a folder of that name.
  ModuleStep dense(const std::string& name, std::int64_t in, std::int64_t out,
                   Activation activation) {
    weight_ = random_floats(static_cast<std::size_t>(in * out), 1);
    bias_ = random_floats(static_cast<std::size_t>(out), 2);
    TestCheckpoint checkpoint;
    checkpoint.add("linear.weight", {out, in}, weight_);
    checkpoint.add("linear.bias", {out}, bias_);
    write_text(folder_ / name / "config.json", "{}");
    checkpoint.save(folder_ / name / "model.safetensors");
    return {ModuleKind::kDense,
            (folder_ / name).string(),
            static_cast<std::size_t>(in),
            static_cast<std::size_t>(out),
            true,
            false,
            activation};
  }

  TemporaryFolder folder_;
  std::vector<float> weight_;
  std::vector<float> bias_;
};

TEST_F(ModuleStackTest, DenseIsTheProductAndItsActivation) {
  for (const Isa isa : machine_isas()) {
    for (const Activation activation : {Activation::kNone, Activation::kTanh, Activation::kGelu,
                                        Activation::kRelu, Activation::kSilu}) {
      const std::vector<ModuleStep> steps = {dense("2_Dense", 37, 70, activation)};
      const ModuleStack stack(steps, 37, isa);
      EXPECT_EQ(stack.width(), 70u);
      std::vector<std::vector<float>> rows;
      for (unsigned i = 0; i < 131; ++i) rows.push_back(random_floats(37, 10 + i));
      const std::vector<std::vector<float>> inputs = rows;
      stack.run(rows);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const std::vector<double> expected = product(weight_, inputs[i]);
        ASSERT_EQ(rows[i].size(), expected.size());
        for (std::size_t n = 0; n < expected.size(); ++n) {
          const double value = activated(activation, expected[n] + static_cast<double>(bias_[n]));
          EXPECT_NEAR(rows[i][n], value, 2e-5) << isa_name(isa);
        }
      }
      std::vector<std::vector<float>> alone = {inputs[100]};
      stack.run(alone);
      EXPECT_EQ(alone[0], rows[100]) << "a row depends on its company";
    }
  }
}

TEST_F(ModuleStackTest, AResidualIsAddedBehindTheActivation) {
  ModuleStep step = dense("2_Dense", 32, 32, Activation::kTanh);
  step.residual = true;
  const std::vector<ModuleStep> steps = {step};
  std::vector<std::vector<float>> rows = {random_floats(32, 3)};
  const std::vector<float> x = rows[0];
  ModuleStack(steps, 32, machine_isa()).run(rows);
  const std::vector<double> expected = product(weight_, x);
  for (std::size_t n = 0; n < 32; ++n) {
    const double value = std::tanh(expected[n] + static_cast<double>(bias_[n]));
    EXPECT_NEAR(rows[0][n], value + static_cast<double>(x[n]), 2e-5);
  }
}

TEST_F(ModuleStackTest, StepsFollowOneAnother) {
  const std::vector<ModuleStep> steps = {ModuleStep{}, dense("3_Dense", 8, 5, Activation::kNone)};
  std::vector<std::vector<float>> rows = {random_floats(8, 3)};
  std::vector<float> unit = rows[0];
  double sum = 0;
  for (const float value : unit) sum += static_cast<double>(value) * static_cast<double>(value);
  for (float& value : unit) value /= static_cast<float>(std::sqrt(sum));
  ModuleStack(steps, 8, machine_isa()).run(rows);
  const std::vector<double> expected = product(weight_, unit);
  ASSERT_EQ(rows[0].size(), 5u);
  for (std::size_t n = 0; n < 5; ++n) {
    EXPECT_NEAR(rows[0][n], expected[n] + static_cast<double>(bias_[n]), 1e-5);
  }
}

TEST_F(ModuleStackTest, WhatDoesNotFitIsRefused) {
  const std::vector<ModuleStep> steps = {dense("2_Dense", 8, 5, Activation::kNone),
                                         dense("3_Dense", 6, 5, Activation::kNone)};
  const std::string error =
      error_of([&] { ModuleStack(steps, 8, machine_isa()); }, ErrorCode::kInvalidArgument);
  EXPECT_NE(error.find("3_Dense/config.json: takes 6 dimensions, the vector before it has 5"),
            std::string::npos)
      << error;
  std::vector<ModuleStep> wrong = {steps[0]};
  wrong[0].outputs = 7;
  const std::string shape =
      error_of([&] { ModuleStack(wrong, 8, machine_isa()); }, ErrorCode::kInvalidArgument);
  EXPECT_NE(shape.find("linear.weight"), std::string::npos) << shape;
}

TEST_F(ModuleStackTest, TheMemoryPlanCountsPanelsAndRows) {
  const std::vector<ModuleStep> steps = {dense("2_Dense", 64, 96, Activation::kNone)};
  const std::uint64_t panels = 64 * 96 * 4;
  EXPECT_GE(module_bytes(steps), panels + 2 * ModuleStack::kRows * 96 * 4);
  EXPECT_LT(module_bytes(steps), 8 * panels);
}

}  // namespace
}  // namespace nestvec
