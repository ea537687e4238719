// SPDX-License-Identifier: Apache-2.0
// What is said of a loss, for rows made by hand, and for models whose precisions differ.
#include "cli/precision_loss.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "compile/artefact.h"
#include "support/checkpoint.h"
#include "support/folders.h"

namespace nestvec {
namespace {

TEST(PrecisionLoss, TheLeastAndTheMeanCosine) {
  const SampleRows exact{2, {1, 0, 0, 2, 3, 4}, false};
  const PrecisionLoss loss = compare_rows(exact, {2, {5, 0, 1, 1, 4, 3}, false});
  EXPECT_EQ(loss.texts, 3u);
  EXPECT_NEAR(loss.least_cosine, 0.70710678, 1e-8);
  EXPECT_NEAR(loss.mean_cosine, (1 + 0.70710678 + 0.96) / 3, 1e-8);
  EXPECT_EQ(loss.text(), "cosine to fp32: 0.7071 (lowest of 3 texts), 0.8890 on average");
}

TEST(PrecisionLoss, WhatHasNoDirectionIsTheSameOrLost) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(compare_rows({2, {0, 0}, false}, {2, {0, 0}, false}).least_cosine, 1);
  EXPECT_EQ(compare_rows({2, {0, 0}, false}, {2, {0, 1}, false}).least_cosine, 0);
  EXPECT_EQ(compare_rows({2, {0, 1}, false}, {2, {kNan, 1}, false}).least_cosine, 0);
}

TEST(PrecisionLoss, ScoresDifferByNumbers) {
  const PrecisionLoss loss =
      compare_rows({1, {1.0f, -2.0f, 3.0f}, true}, {1, {1.5f, -2.0f, 2.75f}, true});
  EXPECT_EQ(loss.least_cosine, 1);
  EXPECT_EQ(loss.text(), "scores before the activation: at most 0.5000 from fp32 (of 3 pairs)");
}

// Vectors with tasks, sparse weights, and outputs of a classifier.
TEST(PrecisionLoss, OfModelsOfEachKind) {
  for (const char* name : {"v3-tiny", "splade-tiny", "bert-classifier-tiny"}) {
    SCOPED_TRACE(name);
    const std::string model = test_data() + "/../models/" + name;
    TemporaryFolder folder;
    const auto loss = [&](const std::string& precision) {
      const std::string compiled = (folder / precision).string();
      compile_model(model, compiled, {.precision = precision, .with_companions = true});
      return measure_precision_loss(model, compiled, (folder / "scratch").string());
    };
    const PrecisionLoss same = loss("fp32");
    EXPECT_NEAR(same.least_cosine, 1, 1e-12);
    EXPECT_EQ(same.largest_difference, 0);
    const PrecisionLoss narrow = loss("int8-weights");
    EXPECT_EQ(narrow.texts, 24u);
    if (narrow.scores) {
      EXPECT_GT(narrow.largest_difference, 0);
      EXPECT_LT(narrow.largest_difference, 0.3);
    } else {
      EXPECT_LT(narrow.least_cosine, 0.999999);
      EXPECT_GT(narrow.least_cosine, 0.99);
    }
  }
}

}  // namespace
}  // namespace nestvec
