// SPDX-License-Identifier: Apache-2.0
#include "output/vector.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "nestvec/error.h"
#include "support/error_of.h"

namespace nestvec {
namespace {

TEST(FinishVector, CutsThenNormalises) {
  const std::vector<float> pooled = {3, 4, 12};
  std::vector<float> out(2);
  finish_vector(pooled, true, 0, out);
  EXPECT_FLOAT_EQ(out[0], 0.6f);
  EXPECT_FLOAT_EQ(out[1], 0.8f);
  finish_vector(pooled, false, 0, out);
  EXPECT_EQ(out, (std::vector<float>{3, 4}));
}

TEST(FinishVector, UnitNormAtEveryScale) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  for (const float scale : {1e-30f, 1e-3f, 1.0f, 1e30f}) {
    std::vector<float> pooled(1024);
    for (float& value : pooled) value = scale * normal(random);
    std::vector<float> out(1024);
    finish_vector(pooled, true, 0, out);
    double sum = 0;
    for (const float value : out) sum += static_cast<double>(value) * static_cast<double>(value);
    EXPECT_NEAR(std::sqrt(sum), 1.0, 1e-6);
  }
}

TEST(FinishVector, ZeroStaysZero) {
  std::vector<float> out(2, 1.0f);
  finish_vector(std::vector<float>{0, 0}, true, 0, out);
  EXPECT_EQ(out, (std::vector<float>{0, 0}));
}

TEST(FinishVector, WhatIsNotFiniteIsAnErrorNamingTheRow) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    std::vector<float> out(2);
    const std::string error = error_of(
        [&] { finish_vector(std::vector<float>{1, bad}, false, 17, out); }, ErrorCode::kInternal);
    EXPECT_NE(error.find("text 17"), std::string::npos) << error;
  }
}

TEST(CheckDimensions, AcceptsOneToWidth) {
  EXPECT_NO_THROW(check_dimensions(1, 8));
  EXPECT_NO_THROW(check_dimensions(8, 8));
  EXPECT_THROW(check_dimensions(0, 8), Error);
  EXPECT_THROW(check_dimensions(9, 8), Error);
}

TEST(CheckDimensions, ErrorsNameWhatIsAllowed) {
  const std::vector<std::size_t> trained = {32, 64};
  EXPECT_EQ(error_of([&] { check_dimensions(2000, 64, trained); }),
            "dimensions 2000 is not in 1..64; the model was trained for 32, 64");
}

}  // namespace
}  // namespace nestvec
