// SPDX-License-Identifier: Apache-2.0
// The first half of a layer against plain sums in double, with heads that are matrices of their own
// and heads that are columns, for few rows (shared by the threads) and many.
#include "ops/self_attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "support/ops_test.h"
#include "support/test_layer.h"

namespace nestvec {
namespace {

constexpr std::size_t kH = 64;

// LayerNorms of all queries and of all keys together, or none.
struct HeadsNorms {
  std::vector<float> weight, bias;  // [2 H]
  void apply(std::vector<double>& row) const {
    if (weight.empty()) return;
    for (std::size_t first = 0; first < 2 * kH; first += kH) {
      const auto begin = static_cast<long>(first);
      const auto end = static_cast<long>(first + kH);
      const std::vector<double> part = normalised({row.begin() + begin, row.begin() + end},
                                                  {weight.begin() + begin, weight.begin() + end},
                                                  {bias.begin() + begin, bias.begin() + end});
      std::ranges::copy(part, row.begin() + begin);
    }
  }
};

// out = LayerNorm(x + Wo attention(Wqkv x)) of one sequence, without rotation.
std::vector<std::vector<double>> reference(const TestLayer& qkv, const TestLayer& out,
                                           const HeadsNorms& norms, std::size_t heads,
                                           const std::vector<float>& x, std::int32_t task) {
  const std::size_t rows = x.size() / kH;
  const std::size_t width = kH / heads;
  std::vector<std::vector<double>> projected;
  for (std::size_t r = 0; r < rows; ++r) {
    projected.push_back(qkv.reference(&x[r * kH], task));
    norms.apply(projected.back());
  }
  std::vector<std::vector<double>> results;
  for (std::size_t r = 0; r < rows; ++r) {
    std::vector<float> attended(kH);
    for (std::size_t head = 0; head < heads; ++head) {
      std::vector<double> weights(rows);
      for (std::size_t key = 0; key < rows; ++key) {
        for (std::size_t i = head * width; i < (head + 1) * width; ++i) {
          weights[key] += projected[r][i] * projected[key][kH + i];
        }
        weights[key] = std::exp(weights[key] / std::sqrt(static_cast<double>(width)));
      }
      const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
      for (std::size_t i = head * width; i < (head + 1) * width; ++i) {
        double value = 0;
        for (std::size_t key = 0; key < rows; ++key) {
          value += weights[key] / sum * projected[key][2 * kH + i];
        }
        attended[i] = static_cast<float>(value);
      }
    }
    results.push_back(out.reference(attended.data(), task));
    for (std::size_t i = 0; i < kH; ++i) {
      results.back()[i] += static_cast<double>(x[r * kH + i]);
    }
  }
  return results;
}

struct SelfAttentionCase {
  WeightType type;
  bool full_activations;
  std::size_t heads;
  bool normed_together = false;  // and another norm around all, as in jina-embeddings-v2-base-code
};

class SelfAttention : public testing::TestWithParam<SelfAttentionCase> {};

TEST_P(SelfAttention, EqualsThePlainSum) {
  const auto [type, full, heads, normed_together] = GetParam();
  std::mt19937 random(14);
  for (const Isa isa : machine_isas()) {
    SCOPED_TRACE(isa_name(isa));
    EngineContext context(2, isa);
    const ThreadPool::Hot hot(context.pool);
    TestLayer qkv(type, 3 * kH, kH, 2, random);
    TestLayer out(type, kH, kH, 2, random);
    qkv.layer.full_activations = out.layer.full_activations = full;
    const std::vector<float> weight = values(kH, 1.0, random);
    const std::vector<float> bias = values(kH, 1.0, random);
    SelfAttentionLayer layer{qkv.layer,
                             {.heads = heads, .head_width = kH / heads},
                             out.layer,
                             {weight.data(), bias.data(), 1e-5f, kH}};
    HeadsNorms norms;
    if (normed_together) {
      norms = {values(2 * kH, 1.0, random), values(2 * kH, 1.0, random)};
      layer.queries_norm = {norms.weight.data(), norms.bias.data(), 1e-5f, kH};
      layer.keys_norm = {norms.weight.data() + kH, norms.bias.data() + kH, 1e-5f, kH};
      layer.second_norm = {bias.data(), weight.data(), 1e-5f, kH};
    }
    for (const std::vector<std::int64_t>& offsets :
         {std::vector<std::int64_t>{0, 1, 21}, std::vector<std::int64_t>{0, 90, 95, 210}}) {
      const auto rows = static_cast<std::size_t>(offsets.back());
      const std::vector<float> x = values(rows * kH, 1.0, random);
      std::vector<std::int32_t> tasks(rows);
      for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
        std::fill(tasks.begin() + offsets[i], tasks.begin() + offsets[i + 1],
                  static_cast<std::int32_t>(i) - 1);
      }
      std::vector<float> y(rows * kH);
      self_attention(layer, {.x = x.data(), .rows = rows, .tasks = tasks.data()}, offsets, y.data(),
                     context);
      std::vector<float> in_place = x;
      self_attention(layer, {.x = in_place.data(), .rows = rows, .tasks = tasks.data()}, offsets,
                     in_place.data(), context);
      EXPECT_EQ(in_place, y);
      for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
        const auto first = static_cast<std::size_t>(offsets[i]);
        const auto sums = reference(qkv, out, norms, heads,
                                    {x.begin() + static_cast<long>(first * kH),
                                     x.begin() + offsets[i + 1] * static_cast<long>(kH)},
                                    static_cast<std::int32_t>(i) - 1);
        for (std::size_t r = 0; r < sums.size(); ++r) {
          std::vector<double> expected = normalised(sums[r], weight, bias);
          if (normed_together) {
            for (std::size_t j = 0; j < kH; ++j) {
              expected[j] += static_cast<double>(x[(first + r) * kH + j]);
            }
            expected = normalised(expected, bias, weight);
          }
          for (std::size_t j = 0; j < kH; ++j) {
            ASSERT_NEAR(static_cast<double>(y[(first + r) * kH + j]), expected[j],
                        3 * tolerance(type, full))
                << "sequence " << i << " row " << r << " " << j;
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, SelfAttention,
                         testing::Values(SelfAttentionCase{WeightType::kF32, true, 2},
                                         SelfAttentionCase{WeightType::kF32, true, 4},
                                         SelfAttentionCase{WeightType::kBf16, true, 2},
                                         SelfAttentionCase{WeightType::kBf16, false, 2},
                                         SelfAttentionCase{WeightType::kBf16, false, 4},
                                         SelfAttentionCase{WeightType::kS8, false, 2},
                                         SelfAttentionCase{WeightType::kF32, true, 2, true},
                                         SelfAttentionCase{WeightType::kBf16, false, 2, true}),
                         [](const auto& suite) {
                           return std::string(weight_type_name(suite.param.type)) +
                                  (suite.param.full_activations ? "_full_" : "_narrow_") +
                                  std::to_string(suite.param.heads) +
                                  (suite.param.normed_together ? "_normed" : "");
                         });

}  // namespace
}  // namespace nestvec
