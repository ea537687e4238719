// SPDX-License-Identifier: Apache-2.0
// A masked language model's head against plain sums in double, and against the linear layer.
#include "ops/vocabulary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "support/ops_test.h"
#include "support/test_layer.h"

namespace nestvec {
namespace {

constexpr std::size_t kHidden = 64;

// A head over random weights.
struct TestHead {
  TestHead(WeightType type, std::size_t vocabulary, std::mt19937& random)
      : transform(type, kHidden, kHidden, 0, random),
        decoder(type, vocabulary, kHidden, 0, random),
        weight(values(kHidden, 1.0, random)),
        bias(values(kHidden, 1.0, random)) {
    layer.transform = transform.layer;
    layer.activation = Activation::kRelu;
    layer.norm = {weight.data(), bias.data(), 1e-5f, kHidden};
    layer.decoder = decoder.layer;
  }

  // The scores of a token.
  std::vector<double> scores(const float* x) const {
    std::vector<double> middle = transform.reference(x, -1);
    for (double& value : middle) value = std::max(value, 0.0);
    middle = normalised(middle, weight, bias);
    const std::vector<float> narrow(middle.begin(), middle.end());
    return decoder.reference(narrow.data(), -1);
  }

  TestLayer transform;
  TestLayer decoder;
  std::vector<float> weight, bias;
  VocabularyLayer layer;
};

std::vector<float> rows_of_head(const VocabularyLayer& layer, const std::vector<float>& x,
                                const std::vector<std::int64_t>& spans, EngineContext& context) {
  std::vector<float> out(spans.size() / 2 * layer.decoder.shape.outputs, -1.0f);
  vocabulary_rows(layer, {x, spans}, out.data(), context);
  return out;
}

TEST(Vocabulary, IsTheMaximumOverAllTokens) {
  std::mt19937 random(3);
  for (const Isa isa : machine_isas()) {
    EngineContext context(3, isa);
    for (const WeightType type :
         {WeightType::kF32, WeightType::kBf16, WeightType::kW8, WeightType::kS8}) {
      SCOPED_TRACE(testing::Message() << isa_name(isa) << " " << weight_type_name(type));
      const TestHead head(type, 70, random);
      const std::vector<float> x = values(40 * kHidden, 1.0, random);
      const std::vector<std::int64_t> spans = {0, 7, 7, 8, 20, 40};  // with a gap
      const std::vector<float> out = rows_of_head(head.layer, x, spans, context);
      for (std::size_t s = 0; s < 3; ++s) {
        std::vector<double> expected(70, 0.0);
        for (auto t = static_cast<std::size_t>(spans[2 * s]);
             t < static_cast<std::size_t>(spans[2 * s + 1]); ++t) {
          const std::vector<double> scores = head.scores(x.data() + t * kHidden);
          for (std::size_t i = 0; i < 70; ++i) expected[i] = std::max(expected[i], scores[i]);
        }
        for (std::size_t i = 0; i < 70; ++i) {
          ASSERT_NEAR(static_cast<double>(out[s * 70 + i]), std::log1p(expected[i]),
                      4 * tolerance(type, false))
              << s << " " << i;
        }
      }
    }
  }
}

TEST(Vocabulary, SumsAndScalesAsTheModelSays) {
  std::mt19937 random(4);
  EngineContext context(2, machine_isas().front());
  TestHead head(WeightType::kF32, 33, random);
  const std::vector<float> x = values(700 * kHidden, 1.0, random);  // more than a block
  for (const VocabularyPooling pooling : {VocabularyPooling::kMax, VocabularyPooling::kSum}) {
    for (const VocabularyScale scale : {VocabularyScale::kLog, VocabularyScale::kLogTwice}) {
      head.layer.pooling = pooling;
      head.layer.scale = scale;
      const std::vector<float> out = rows_of_head(head.layer, x, {0, 700}, context);
      std::vector<double> expected(33, 0.0);
      for (std::size_t t = 0; t < 700; ++t) {
        const std::vector<double> scores = head.scores(x.data() + t * kHidden);
        for (std::size_t i = 0; i < 33; ++i) {
          double value = std::log1p(std::max(scores[i], 0.0));
          if (scale == VocabularyScale::kLogTwice) value = std::log1p(value);
          expected[i] = pooling == VocabularyPooling::kMax ? std::max(expected[i], value)
                                                           : expected[i] + value;
        }
      }
      for (std::size_t i = 0; i < 33; ++i) {
        ASSERT_NEAR(static_cast<double>(out[i]), expected[i], 1e-4 * (1 + expected[i])) << i;
      }
    }
  }
}

// Texts of several blocks, and a vocabulary of several steps.
TEST(Vocabulary, ARowIsTheSameInAnyCompanyAndWithAnyThreads) {
  std::mt19937 random(5);
  for (const WeightType type :
       {WeightType::kF32, WeightType::kBf16, WeightType::kW8, WeightType::kS8}) {
    TestHead head(type, kVocabularyColumns + 100, random);
    for (const VocabularyPooling pooling : {VocabularyPooling::kMax, VocabularyPooling::kSum}) {
      head.layer.pooling = pooling;
      const std::vector<float> x = values(1200 * kHidden, 1.0, random);
      EngineContext three(3, machine_isas().back());
      EngineContext one(1, machine_isas().back());
      const std::vector<std::int64_t> spans = {3, 10, 10, 900, 900, 901, 1000, 1200};
      const std::vector<float> together = rows_of_head(head.layer, x, spans, three);
      const std::size_t width = head.layer.decoder.shape.outputs;
      for (std::size_t s = 0; s < 4; ++s) {
        const std::vector<float> alone =
            rows_of_head(head.layer, x, {spans[2 * s], spans[2 * s + 1]}, one);
        ASSERT_TRUE(std::equal(alone.begin(), alone.end(),
                               together.begin() + static_cast<std::ptrdiff_t>(s * width)))
            << s;
      }
    }
  }
}

TEST(Vocabulary, AStateThatIsNotFiniteSpoilsItsOwnSpanAlone) {
  std::mt19937 random(6);
  EngineContext context(2, machine_isas().front());
  TestHead head(WeightType::kF32, 40, random);
  std::vector<float> x = values(9 * kHidden, 1.0, random);
  x[4 * kHidden + 5] = std::numeric_limits<float>::infinity();
  for (const VocabularyPooling pooling : {VocabularyPooling::kMax, VocabularyPooling::kSum}) {
    head.layer.pooling = pooling;
    const std::vector<float> out = rows_of_head(head.layer, x, {0, 3, 3, 6, 6, 9}, context);
    for (std::size_t i = 0; i < 120; ++i) {
      EXPECT_EQ(std::isnan(out[i]), i / 40 == 1) << i;
    }
  }
}

TEST(Vocabulary, NoSpansAndEmptyOnesTakeNothing) {
  std::mt19937 random(7);
  EngineContext context(2, machine_isas().front());
  const TestHead head(WeightType::kF32, 40, random);
  const std::vector<float> x = values(2 * kHidden, 1.0, random);
  EXPECT_TRUE(rows_of_head(head.layer, x, {}, context).empty());
  EXPECT_EQ(rows_of_head(head.layer, x, {1, 1}, context), std::vector<float>(40, 0.0f));
}

TEST(Vocabulary, SpanRowsAreTheLayerOverTheRowsOfTheSpans) {
  std::mt19937 random(8);
  EngineContext context(2, machine_isas().back());
  const TestLayer test(WeightType::kF32, 5, kHidden, 0, random);
  const std::vector<float> x = values(30 * kHidden, 1.0, random);
  std::vector<float> all(30 * 5);
  linear(test.layer, {.x = x.data(), .rows = 30}, {.out = all.data()}, context);
  const std::vector<std::int64_t> spans = {1, 4, 4, 9, 25, 30};
  std::vector<float> out(13 * 5);
  span_rows(test.layer, {x, spans}, out.data(), context);
  std::vector<float> expected(all.begin() + 5, all.begin() + 45);
  expected.insert(expected.end(), all.begin() + 125, all.end());
  EXPECT_EQ(out, expected);
}

}  // namespace
}  // namespace nestvec
