// SPDX-License-Identifier: Apache-2.0
// Attention against plain sums in double: every instruction set, lengths around the kernels'
// blocks, with and without rotation, norms of heads, shared keys, and masks.
#include "ops/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "support/ops_test.h"

namespace nestvec {
namespace {

struct AttentionCase {
  std::size_t heads;
  std::size_t head_width;
  bool rotated;
  std::size_t kv_heads = 0;
  std::size_t before = SIZE_MAX;
  std::size_t behind = SIZE_MAX;
  bool normed = false;
  bool biased = false;
};

struct Problem {
  Problem(const AttentionCase& shape, const std::vector<std::size_t>& lengths,
          std::mt19937& random) {
    const std::size_t head_width = shape.head_width;
    layer.heads = shape.heads;
    layer.head_width = head_width;
    layer.kv_heads = shape.kv_heads;
    layer.before = shape.before;
    layer.behind = shape.behind;
    if (shape.normed) {
      query_norm = values(head_width, 1.0, random);
      key_norm = values(head_width, 1.0, random);
      layer.query_norm = {query_norm.data(), kNormEps};
      layer.key_norm = {key_norm.data(), kNormEps};
    }
    if (shape.biased) {
      // Longer than the texts by little, and unlike on both sides; far keys count as near ones do.
      layer.bias_positions = *std::max_element(lengths.begin(), lengths.end()) + 1;
      bias = values(shape.heads * (2 * layer.bias_positions - 1), 3.0, random);
      layer.bias = bias.data();
    }
    offsets = {0};
    for (const std::size_t length : lengths) {
      offsets.push_back(offsets.back() + static_cast<std::int64_t>(length));
    }
    qkv = values(tokens() * columns(), 1.5, random);
    if (!shape.rotated) return;
    const std::size_t longest = *std::max_element(lengths.begin(), lengths.end());
    for (std::size_t position = 0; position < longest; ++position) {
      for (std::size_t i = 0; i < head_width / 2; ++i) {
        const double angle =
            static_cast<double>(position) /
            std::pow(20000.0, 2.0 * static_cast<double>(i) / static_cast<double>(head_width));
        cos.push_back(static_cast<float>(std::cos(angle)));
        sin.push_back(static_cast<float>(std::sin(angle)));
      }
    }
    layer.cos = cos.data();
    layer.sin = sin.data();
  }

  std::size_t width() const { return layer.heads * layer.head_width; }
  std::size_t columns() const { return (layer.heads + 2 * layer.key_heads()) * layer.head_width; }
  std::size_t tokens() const { return static_cast<std::size_t>(offsets.back()); }

  // Element i of part 0 to 2 (query, key, value) of what a head of a token reads, normalised.
  double element(std::size_t part, std::size_t head, std::size_t token, std::size_t i) const {
    const std::size_t kv_head = head * layer.key_heads() / layer.heads;
    const std::size_t matrix =
        part == 0 ? head : layer.heads + (part - 1) * layer.key_heads() + kv_head;
    const float* row = qkv.data() + token * columns() + matrix * layer.head_width;
    const HeadNorm& norm = part == 0 ? layer.query_norm : layer.key_norm;
    if (part == 2 || norm.weight == nullptr) return static_cast<double>(row[i]);
    double squares = 0;
    for (std::size_t j = 0; j < layer.head_width; ++j) {
      squares += static_cast<double>(row[j]) * static_cast<double>(row[j]);
    }
    const double mean = squares / static_cast<double>(layer.head_width);
    return static_cast<double>(row[i]) * static_cast<double>(norm.weight[i]) /
           std::sqrt(mean + static_cast<double>(norm.eps));
  }

  // The same at its position, rotated.
  double element(std::size_t part, std::size_t head, std::size_t token, std::size_t position,
                 std::size_t i) const {
    const double value = element(part, head, token, i);
    if (part == 2 || layer.cos == nullptr) return value;
    const std::size_t half = layer.head_width / 2;
    const auto c = static_cast<double>(layer.cos[position * half + i % half]);
    const auto s = static_cast<double>(layer.sin[position * half + i % half]);
    return i < half ? value * c - element(part, head, token, i + half) * s
                    : value * c + element(part, head, token, i - half) * s;
  }

  // One head of one token of sequence n, [head_width].
  std::vector<double> reference(std::size_t n, std::size_t head, std::size_t position) const {
    const auto first = static_cast<std::size_t>(offsets[n]);
    const auto length = static_cast<std::size_t>(offsets[n + 1]) - first;
    const std::size_t d = layer.head_width;
    const std::size_t begin = position > layer.before ? position - layer.before : 0;
    const std::size_t end = length - position > layer.behind ? position + layer.behind + 1 : length;
    std::vector<double> weights(length, -1e300);
    for (std::size_t key = begin; key < end; ++key) {
      weights[key] = 0;
      for (std::size_t i = 0; i < d; ++i) {
        weights[key] += element(0, head, first + position, position, i) *
                        element(1, head, first + key, key, i) / std::sqrt(static_cast<double>(d));
      }
      if (layer.bias == nullptr) continue;
      const std::size_t distances = 2 * layer.bias_positions - 1;
      weights[key] += static_cast<double>(
          layer.bias[head * distances + key + layer.bias_positions - 1 - position]);
    }
    const double most = *std::max_element(weights.begin(), weights.end());
    for (double& w : weights) w = w > -1e300 ? std::exp(w - most) : 0;
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    std::vector<double> out(d);
    for (std::size_t key = begin; key < end; ++key) {
      for (std::size_t i = 0; i < d; ++i) {
        out[i] += weights[key] / sum * element(2, head, first + key, key, i);
      }
    }
    return out;
  }

  static constexpr float kNormEps = 1e-5f;
  AttentionLayer layer;
  std::vector<std::int64_t> offsets;
  std::vector<float> qkv, cos, sin, query_norm, key_norm, bias;
};

// As columns of one matrix, or as a matrix for each head.
enum class Layout { kColumns, kMatrices };

template <class T>
HeadMatrices<T> arranged(const Problem& p, std::vector<T>& qkv, Layout layout) {
  const std::size_t d = p.layer.head_width;
  const std::size_t all = p.columns();
  if (layout == Layout::kColumns) return {qkv.data(), d, all};
  std::vector<T> matrices;
  for (std::size_t column = 0; column < all; column += d) {
    for (std::size_t token = 0; token < p.tokens(); ++token) {
      const T* row = qkv.data() + token * all + column;
      matrices.insert(matrices.end(), row, row + d);
    }
  }
  qkv = matrices;
  return {qkv.data(), p.tokens() * d, d};
}

std::vector<float> run(const Problem& p, Isa isa, bool narrow, Layout layout = Layout::kMatrices) {
  EngineContext context(2, isa);
  const ThreadPool::Hot hot(context.pool);
  const std::size_t size = p.tokens() * p.width();
  std::vector<float> out(size + 1, 77.0f);
  if (narrow) {
    std::vector<std::uint16_t> qkv(p.qkv.size());
    context.kernels.to_bf16(p.qkv.data(), p.qkv.size(), qkv.data());
    std::vector<std::uint16_t> halves(size + 1, 0x429a);  // 77
    attention(p.layer, arranged(p, qkv, layout), p.offsets, halves.data(), context);
    context.kernels.from_bf16(halves.data(), out.size(), out.data());
  } else {
    std::vector<float> qkv = p.qkv;
    attention(p.layer, arranged(p, qkv, layout), p.offsets, out.data(), context);
  }
  EXPECT_EQ(out.back(), 77.0f);
  out.pop_back();
  return out;
}

void expect_near_reference(const Problem& p, const std::vector<float>& out, double tolerance,
                           std::size_t stride) {
  for (std::size_t n = 0; n + 1 < p.offsets.size(); ++n) {
    const auto first = static_cast<std::size_t>(p.offsets[n]);
    const auto length = static_cast<std::size_t>(p.offsets[n + 1]) - first;
    for (std::size_t position = 0; position < length; position += stride) {
      for (std::size_t head = 0; head < p.layer.heads; ++head) {
        const std::vector<double> expected = p.reference(n, head, position);
        const float* row = out.data() + (first + position) * p.width() + head * p.layer.head_width;
        for (std::size_t i = 0; i < expected.size(); ++i) {
          ASSERT_NEAR(static_cast<double>(row[i]), expected[i], tolerance)
              << "sequence " << n << " head " << head << " position " << position << " " << i;
        }
      }
    }
  }
}

std::string name_of(const AttentionCase& shape) {
  const auto reach = [](std::size_t tokens) {
    return tokens == SIZE_MAX ? std::string("all") : std::to_string(tokens);
  };
  std::string name = std::to_string(shape.heads) + "x" + std::to_string(shape.head_width);
  if (shape.rotated) name += "_rotated";
  if (shape.kv_heads > 0) name += "_keys" + std::to_string(shape.kv_heads);
  if (shape.before != SIZE_MAX || shape.behind != SIZE_MAX) {
    name += "_before_" + reach(shape.before) + "_behind_" + reach(shape.behind);
  }
  if (shape.biased) name += "_biased";
  return shape.normed ? name + "_normed" : name;
}

class AttentionOp : public testing::TestWithParam<AttentionCase> {
 protected:
  // Around the blocks of 32, 64 and 128 keys, and of 64 queries.
  Problem problem(const std::vector<std::size_t>& lengths = {1, 2, 31, 32, 33, 64, 65, 127, 129,
                                                             200, 5}) {
    std::mt19937 random(11);
    return Problem(GetParam(), lengths, random);
  }
};

TEST_P(AttentionOp, EqualsThePlainSum) {
  const Problem p = problem();
  for (const Isa isa : machine_isas()) {
    SCOPED_TRACE(isa_name(isa));
    expect_near_reference(p, run(p, isa, false), 1e-5, 3);
  }
}

TEST_P(AttentionOp, HeadsMayBeMatricesOrColumns) {
  const Problem p = problem({70, 1100});
  for (const Isa isa : machine_isas()) {
    SCOPED_TRACE(isa_name(isa));
    for (const bool narrow : {false, true}) {
      EXPECT_EQ(run(p, isa, narrow, Layout::kMatrices), run(p, isa, narrow, Layout::kColumns));
    }
  }
}

// Values are weighed sums of operands that are off by 2^-9, of magnitudes up to 6.
TEST_P(AttentionOp, NearInBf16) {
  Problem p = problem();
  for (float& x : p.qkv) x = rounded_to_bf16(x);
  for (const Isa isa : machine_isas()) {
    SCOPED_TRACE(isa_name(isa));
    expect_near_reference(p, run(p, isa, true), 6e-2, 7);
  }
}

// Long sequences are shared among threads; their bits are those of a thread alone.
TEST_P(AttentionOp, ASequenceIsTheSameInAnyCompany) {
  const Problem together = problem({70, 1300, 128});
  for (const Isa isa : machine_isas()) {
    SCOPED_TRACE(isa_name(isa));
    for (const bool narrow : {false, true}) {
      const std::vector<float> all = run(together, isa, narrow);
      Problem alone = together;
      alone.offsets = {0, 1300};
      alone.qkv.erase(alone.qkv.begin(),
                      alone.qkv.begin() + 70 * static_cast<long>(alone.columns()));
      const std::vector<float> one = run(alone, isa, narrow);
      EXPECT_EQ(
          0, std::memcmp(one.data(), all.data() + 70 * alone.width(), one.size() * sizeof(float)));
      if (!narrow) expect_near_reference(alone, one, 1e-5, 431);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, AttentionOp,
    testing::Values(AttentionCase{2, 64, true}, AttentionCase{3, 32, false},
                    AttentionCase{2, 20, true}, AttentionCase{1, 100, false},
                    // one more mask, or a group of queries for a key, each
                    AttentionCase{2, 32, true, 0, SIZE_MAX, 0},
                    AttentionCase{4, 64, true, 2, SIZE_MAX, 0, true},
                    AttentionCase{6, 20, false, 2, SIZE_MAX, SIZE_MAX, true},
                    AttentionCase{2, 32, true, 1, 0, 0}, AttentionCase{2, 64, true, 0, 64, 64},
                    AttentionCase{1, 32, false, 0, 3, 1}, AttentionCase{2, 32, true, 0, 130, 200},
                    // what is added to scores by distance
                    AttentionCase{3, 32, false, 0, SIZE_MAX, SIZE_MAX, false, true},
                    AttentionCase{4, 20, true, 2, 70, 9, true, true}),
    [](const auto& suite) { return name_of(suite.param); });

// Scores of later steps far above all before them: little, much, and as much as leaves nothing of
// what was weighed before.
TEST(AttentionOp, TheGreatestScoreComesLast) {
  for (const float factor : {3.0f, 8.0f, 60.0f}) {
    std::mt19937 random(12);
    Problem p({1, 32, false}, {600}, random);
    for (const std::size_t key : {150u, 299u, 599u}) {
      for (std::size_t i = 0; i < 32; ++i) {
        p.qkv[key * 96 + 32 + i] = factor * static_cast<float>(key) / 300.0f * p.qkv[i];
      }
    }
    for (const Isa isa : machine_isas()) {
      SCOPED_TRACE(testing::Message() << isa_name(isa) << " " << factor);
      expect_near_reference(p, run(p, isa, false), 1e-5, 50);
      Problem narrow = p;
      for (float& x : narrow.qkv) x = rounded_to_bf16(x);
      expect_near_reference(narrow, run(narrow, isa, true), 6e-2, 50);
    }
  }
}

// As ALiBi does: the nearest keys have by far the greatest scores, and come last, between, first.
TEST(AttentionOp, FarKeysMayCountNothing) {
  std::mt19937 random(15);
  Problem p({2, 32, false, 0, SIZE_MAX, SIZE_MAX, false, true}, {600}, random);
  const std::size_t distances = 2 * p.layer.bias_positions - 1;
  for (std::size_t i = 0; i < p.bias.size(); ++i) {
    const double distance =
        static_cast<double>(i % distances) - static_cast<double>(p.layer.bias_positions - 1);
    p.bias[i] = static_cast<float>(-std::abs(distance) * (i < distances ? 0.5 : 0.00390625));
  }
  for (const Isa isa : machine_isas()) {
    SCOPED_TRACE(isa_name(isa));
    expect_near_reference(p, run(p, isa, false), 1e-5, 41);
    Problem narrow = p;
    for (float& x : narrow.qkv) x = rounded_to_bf16(x);
    expect_near_reference(narrow, run(narrow, isa, true), 6e-2, 41);
  }
}

TEST(AttentionOp, WhatIsNotANumberIsNotHidden) {
  std::mt19937 random(13);
  Problem p({1, 32, false}, {20, 20}, random);
  p.qkv[3 * 96 + 64] = std::nanf("");  // a value
  for (const Isa isa : machine_isas()) {
    SCOPED_TRACE(isa_name(isa));
    const std::vector<float> out = run(p, isa, false);
    for (std::size_t token = 0; token < 40; ++token) {
      EXPECT_EQ(std::isnan(out[token * 32]), token < 20) << token;
    }
  }
}

}  // namespace
}  // namespace nestvec
