// SPDX-License-Identifier: Apache-2.0
// Token embeddings against plain sums in double, and what the tables do not have.
#include "ops/embedding.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "nestvec/error.h"
#include "support/error_of.h"
#include "support/ops_test.h"

namespace nestvec {
namespace {

constexpr std::size_t kWidth = 44;
constexpr std::size_t kVocabulary = 30;
constexpr std::size_t kTasks = 3;
constexpr std::size_t kRank = 4;
constexpr std::size_t kPositions = 40;

struct Tables {
  explicit Tables(std::mt19937& random)
      : words(values(kVocabulary * kWidth, 1.0, random)),
        types(values((1 + kTasks) * kWidth, 1.0, random)),
        positions(values(kPositions * kWidth, 1.0, random)),
        down(values(kVocabulary * kTasks * kRank, 0.5, random)),
        up(values(kTasks * kRank * kWidth, 0.5, random)),
        weight(values(kWidth, 1.0, random)),
        bias(values(kWidth, 1.0, random)) {
    for (float& w : words) w = rounded_to_bf16(w);
    for (const float w : words) {
      words_bf16.push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(w) >> 16));
    }
    layer.width = kWidth;
    layer.vocabulary = kVocabulary;
    layer.types = types.data();
    layer.type_rows = 1 + kTasks;
    layer.tasks = kTasks;
    layer.rank = kRank;
    layer.down = down.data();
    layer.up = up.data();
    layer.norm = {weight.data(), bias.data(), 1e-5f, kWidth};
    layer.words = words.data();
  }

  // Row of a token of that id, task and row of the position table (-1: none).
  std::vector<double> reference(std::size_t id, std::int64_t task, std::int64_t position) const {
    return reference(id, static_cast<std::size_t>(task + 1), task >= 0, position);
  }

  // The same for a row of the type table, with its update of the words or without.
  std::vector<double> reference(std::size_t id, std::size_t type, bool updated,
                                std::int64_t position) const {
    std::vector<double> x(kWidth);
    double mean = 0;
    for (std::size_t i = 0; i < kWidth; ++i) {
      x[i] = static_cast<double>(words[id * kWidth + i]);
      x[i] += static_cast<double>(types[type * kWidth + i]);
      for (std::size_t r = 0; updated && r < kRank; ++r) {
        const std::size_t vector = (type - 1) * kRank + r;
        x[i] += static_cast<double>(down[id * kTasks * kRank + vector]) *
                static_cast<double>(up[vector * kWidth + i]);
      }
      if (position >= 0) {
        x[i] += static_cast<double>(positions[static_cast<std::size_t>(position) * kWidth + i]);
      }
      mean += x[i] / kWidth;
    }
    double variance = 0;
    for (const double v : x) variance += (v - mean) * (v - mean) / kWidth;
    for (std::size_t i = 0; i < kWidth; ++i) {
      x[i] = (x[i] - mean) / std::sqrt(variance + 1e-5) * static_cast<double>(weight[i]) +
             static_cast<double>(bias[i]);
    }
    return x;
  }

  EmbeddingLayer layer;
  std::vector<float> words, types, positions, down, up, weight, bias;
  std::vector<std::uint16_t> words_bf16;
};

std::string message_of(const EmbeddingLayer& layer, const std::vector<std::int64_t>& ids,
                       std::int64_t task) {
  EngineContext context(1, Isa::kGeneric);
  std::vector<float> out(ids.size() * kWidth);
  const std::vector<std::int64_t> offsets = {0, static_cast<std::int64_t>(ids.size())};
  const std::vector<std::int64_t> tasks = {task};
  try {
    embedding(layer, {ids, offsets, tasks}, out.data(), context);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
  return "no error";
}

TEST(Embedding, EqualsThePlainSum) {
  std::mt19937 random(21);
  const Tables tables(random);
  const std::vector<std::int64_t> ids = {0, 7, 29, 7, 3, 3, 3, 12};
  const std::vector<std::int64_t> offsets = {0, 3, 4, 8};
  const std::vector<std::int64_t> tasks = {2, -1, 0};
  const std::vector<std::size_t> sequence = {0, 0, 0, 1, 2, 2, 2, 2};
  for (const Isa isa : machine_isas()) {
    for (const bool narrow : {false, true}) {
      SCOPED_TRACE(testing::Message() << isa_name(isa) << " " << narrow);
      EmbeddingLayer layer = tables.layer;
      if (narrow) {
        layer.words = nullptr;
        layer.words_bf16 = tables.words_bf16.data();
      }
      EngineContext context(2, isa);
      std::vector<float> out(ids.size() * kWidth);
      embedding(layer, {ids, offsets, tasks}, out.data(), context);
      for (std::size_t t = 0; t < ids.size(); ++t) {
        const std::vector<double> expected =
            tables.reference(static_cast<std::size_t>(ids[t]), tasks[sequence[t]], -1);
        for (std::size_t i = 0; i < kWidth; ++i) {
          ASSERT_NEAR(static_cast<double>(out[t * kWidth + i]), expected[i], 5e-6) << t << " " << i;
        }
      }
    }
  }
}

// A word table that is a decoder's panels gives the same bits.
TEST(Embedding, WordsMayLieInPanels) {
  std::mt19937 random(27);
  const Tables tables(random);
  const std::vector<std::int64_t> ids = {0, 7, 29, 12};
  const std::vector<std::int64_t> offsets = {0, 4};
  const std::vector<std::int64_t> tasks = {1};
  EngineContext context(2, machine_isas().back());
  std::vector<float> expected(ids.size() * kWidth);
  embedding(tables.layer, {ids, offsets, tasks}, expected.data(), context);
  for (const WeightType type : {WeightType::kF32, WeightType::kBf16}) {
    const PackedShape shape{type, kVocabulary, kWidth};
    std::vector<std::byte> panels(shape.bytes());
    type == WeightType::kF32 ? pack_f32(shape, tables.words, panels)
                             : pack_bf16(shape, tables.words, panels);
    EmbeddingLayer layer = tables.layer;
    layer.words = nullptr;
    layer.word_panels = panels.data();
    layer.word_type = type;
    std::vector<float> out(expected.size());
    embedding(layer, {ids, offsets, tasks}, out.data(), context);
    EXPECT_EQ(out, expected) << weight_type_name(type);
  }
}

// The words of w8, as rows and as a decoder's panels, are the rounded ones.
TEST(Embedding, WordsMayBeBytes) {
  std::mt19937 random(28);
  Tables tables(random);
  const PackedShape shape{WeightType::kW8, kVocabulary, kWidth};
  std::vector<std::byte> panels(shape.bytes());
  pack_w8(shape, tables.words, panels);
  const std::size_t row = w8_row_bytes(kWidth);
  EXPECT_EQ(row, 2 * 34u);
  std::vector<std::byte> rows(kVocabulary * row);
  for (std::size_t id = 0; id < kVocabulary; ++id) {
    pack_w8_row(std::span(tables.words).subspan(id * kWidth, kWidth),
                std::span(rows).subspan(id * row, row));
  }
  tables.words = rounded_to_w8(tables.words, kWidth);
  tables.layer.words = tables.words.data();
  const std::vector<std::int64_t> ids = {0, 7, 29, 12};
  const std::vector<std::int64_t> offsets = {0, 4};
  const std::vector<std::int64_t> tasks = {1};
  EngineContext context(2, machine_isas().back());
  std::vector<float> expected(ids.size() * kWidth);
  embedding(tables.layer, {ids, offsets, tasks}, expected.data(), context);
  for (const bool is_panels : {false, true}) {
    EmbeddingLayer layer = tables.layer;
    layer.words = nullptr;
    layer.words_w8 = is_panels ? nullptr : rows.data();
    layer.word_panels = is_panels ? panels.data() : nullptr;
    layer.word_type = WeightType::kW8;
    std::vector<float> out(expected.size());
    embedding(layer, {ids, offsets, tasks}, out.data(), context);
    EXPECT_EQ(out, expected) << is_panels;
  }
}

// As RoBERTa counts: padding has a row of its own and takes no place.
TEST(Embedding, PositionsStartAnewWithEachSequenceAndSkipPadding) {
  std::mt19937 random(22);
  const Tables tables(random);
  EmbeddingLayer layer = tables.layer;
  layer.positions = tables.positions.data();
  layer.position_rows = kPositions;
  layer.first_position = 2;
  layer.pad_id = 1;
  const std::vector<std::int64_t> ids = {5, 1, 6, 7, 8};
  const std::vector<std::int64_t> offsets = {0, 3, 5};
  const std::vector<std::int64_t> tasks = {-1, -1};
  const std::vector<std::int64_t> rows = {2, 1, 3, 2, 3};
  EngineContext context(1, machine_isa());
  std::vector<float> out(ids.size() * kWidth);
  embedding(layer, {ids, offsets, tasks}, out.data(), context);
  for (std::size_t t = 0; t < ids.size(); ++t) {
    const std::vector<double> expected =
        tables.reference(static_cast<std::size_t>(ids[t]), -1, rows[t]);
    for (std::size_t i = 0; i < kWidth; ++i) {
      ASSERT_NEAR(static_cast<double>(out[t * kWidth + i]), expected[i], 5e-6) << t << " " << i;
    }
  }
}

// Row 1 + t of the test's table is that of type 1 + t, too.
TEST(Embedding, TypesFollowThePlaceInTheSequence) {
  std::mt19937 random(24);
  const Tables tables(random);
  EmbeddingLayer layer = tables.layer;
  layer.tasks = 0;
  layer.rank = 0;
  layer.down = nullptr;
  layer.token_types = {{0, 3}, 1, {2}};
  const std::vector<std::int64_t> ids = {5, 1, 6, 7, 8, 4, 4, 9};
  const std::vector<std::int64_t> offsets = {0, 5, 8};
  const std::vector<std::int64_t> tasks = {-1, -1};
  const std::vector<std::size_t> types = {0, 3, 1, 1, 2, 0, 3, 2};
  EngineContext context(1, machine_isa());
  std::vector<float> out(ids.size() * kWidth);
  embedding(layer, {ids, offsets, tasks}, out.data(), context);
  for (std::size_t t = 0; t < ids.size(); ++t) {
    const std::vector<double> expected =
        tables.reference(static_cast<std::size_t>(ids[t]), types[t], false, -1);
    for (std::size_t i = 0; i < kWidth; ++i) {
      ASSERT_NEAR(static_cast<double>(out[t * kWidth + i]), expected[i], 5e-6) << t << " " << i;
    }
  }
}

// Of pairs of texts, on every instruction set: the input says which row each token has.
TEST(Embedding, TypesMayComeWithTheTokens) {
  std::mt19937 random(25);
  const Tables tables(random);
  EmbeddingLayer layer = tables.layer;
  layer.tasks = 0;
  layer.rank = 0;
  layer.down = nullptr;
  layer.token_types = {{1}, 1, {1}};  // of texts alone
  const std::vector<std::int64_t> ids = {5, 1, 6, 7, 8, 4, 4, 9};
  const std::vector<std::int64_t> offsets = {0, 5, 8};
  const std::vector<std::int64_t> tasks = {-1, -1};
  const std::vector<std::int64_t> types = {0, 3, 1, 1, 2, 0, 3, 2};
  for (const Isa isa : machine_isas()) {
    SCOPED_TRACE(isa_name(isa));
    EngineContext context(2, isa);
    std::vector<float> out(ids.size() * kWidth);
    embedding(layer, {ids, offsets, tasks, types}, out.data(), context);
    for (std::size_t t = 0; t < ids.size(); ++t) {
      const std::vector<double> expected = tables.reference(
          static_cast<std::size_t>(ids[t]), static_cast<std::size_t>(types[t]), false, -1);
      for (std::size_t i = 0; i < kWidth; ++i) {
        ASSERT_NEAR(static_cast<double>(out[t * kWidth + i]), expected[i], 5e-6) << t << " " << i;
      }
    }
  }
  for (const std::int64_t wrong : {-1, 4}) {
    EngineContext context(1, machine_isa());
    std::vector<float> out(ids.size() * kWidth);
    std::vector<std::int64_t> changed = types;
    changed[2] = wrong;
    EXPECT_EQ(
        coded_error_of(
            [&] { embedding(layer, {ids, offsets, tasks, changed}, out.data(), context); }),
        "INVALID_ARGUMENT token type " + std::to_string(wrong) + " at position 2 is not below 4");
  }
}

TEST(Embedding, WhatTheTablesDoNotHaveIsNamed) {
  std::mt19937 random(23);
  const Tables tables(random);
  EXPECT_NE(message_of(tables.layer, {1, 2, 30}, -1).find("token id 30 at position 2"),
            std::string::npos);
  EXPECT_NE(message_of(tables.layer, {-1}, -1).find("token id -1"), std::string::npos);
  EXPECT_NE(message_of(tables.layer, {1}, 3).find("task 3"), std::string::npos);
  EXPECT_NE(message_of(tables.layer, {1}, -2).find("task -2"), std::string::npos);
  EmbeddingLayer layer = tables.layer;
  layer.positions = tables.positions.data();
  layer.position_rows = 4;
  layer.first_position = 2;
  EXPECT_NE(message_of(layer, {1, 2, 3}, -1).find("3 tokens"), std::string::npos);
}

}  // namespace
}  // namespace nestvec
