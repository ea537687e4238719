// SPDX-License-Identifier: Apache-2.0
#include "engine/side_outputs.h"

#include <gtest/gtest.h>

#include <limits>

#include "support/error_of.h"

namespace nestvec {
namespace {

constexpr std::size_t kPlaces = 2 * sizeof(std::size_t);  // of a text in the lists

Sequence sequence_of(const EmbedOptions& options) {
  Sequence sequence{{5, 6, 7, 8}, kNoTask, {{0, 4}}};
  choose_kinds(options, sequence);
  return sequence;
}

TEST(SideOutputsTest, ASequenceSaysWhatIsWanted) {
  const Sequence dense = sequence_of({});
  EXPECT_EQ(dense.spans.size(), 1u);
  EXPECT_EQ(dense.sparse.end, 0u);
  EXPECT_EQ(dense.vectors.end, 0u);
  const Sequence others = sequence_of({.dense = false, .sparse = true, .multi_vector = true});
  EXPECT_TRUE(others.spans.empty());
  EXPECT_EQ(others.sparse.begin, 0u);
  EXPECT_EQ(others.sparse.end, 4u);
  EXPECT_EQ(others.vectors.begin, 1u);  // the first token stands for the text
  EXPECT_EQ(others.vectors.end, 4u);
}

TEST(SideOutputsTest, TheMostThatAnAnswerTakes) {
  const std::vector<Sequence> sequences = {
      sequence_of({.dense = false, .sparse = true, .multi_vector = true}), sequence_of({})};
  EXPECT_EQ(most_side_bytes({.vocabulary = 100}, sequences), 100 * 8 + 2 * kPlaces);
  EXPECT_EQ(most_side_bytes({.token_weights = true, .token_vectors = 3}, sequences),
            4 * 8 + 3 * 3 * sizeof(float) + 2 * kPlaces);
}

TEST(SideOutputsTest, ResultsStandInOneAnswerInTheirOrder) {
  std::vector<SequenceOutput> outputs(3);
  outputs[0].sparse = {{4, 9}, {0.5f, 1}};
  outputs[2].sparse = {{1}, {2}};
  outputs[0].vectors = {1, 0};
  outputs[2].vectors = {0, 1, 0.6f, 0.8f};
  Embeddings out;
  take_sides({.sparse = true, .multi_vector = true}, {.token_weights = true, .token_vectors = 2},
             outputs, out);
  EXPECT_EQ(out.sparse.starts, (std::vector<std::size_t>{0, 2, 2, 3}));
  EXPECT_EQ(out.sparse.indices, (std::vector<std::uint32_t>{4, 9, 1}));
  EXPECT_EQ(out.sparse.weights, (std::vector<float>{0.5f, 1, 2}));
  EXPECT_EQ(out.multi.width, 2u);
  EXPECT_EQ(out.multi.starts, (std::vector<std::size_t>{0, 1, 1, 3}));
  EXPECT_EQ(out.multi.values, (std::vector<float>{1, 0, 0, 1, 0.6f, 0.8f}));
  EXPECT_EQ(side_bytes(out), 3 * 8 + 6 * sizeof(float) + 8 * sizeof(std::size_t));
}

TEST(SideOutputsTest, WhatIsNotFiniteIsAnError) {
  std::vector<SequenceOutput> outputs(1);
  outputs[0].sparse = {{4}, {std::numeric_limits<float>::quiet_NaN()}};
  Embeddings out;
  EXPECT_NE(error_of([&] { take_sides({.sparse = true}, {.vocabulary = 9}, outputs, out); },
                     ErrorCode::kInternal),
            "");
}

TEST(SideOutputsTest, AModelWithAVocabularyHeadHasNoDenseVector) {
  ModelInfo info;
  info.dimensions = 64;
  HeadSpec head;
  describe_sides(head, info);
  EXPECT_TRUE(info.dense);
  EXPECT_FALSE(info.sparse);
  EXPECT_EQ(info.dimensions, 64u);
  head.token_weights = true;
  head.token_vectors = 8;
  describe_sides(head, info);
  EXPECT_TRUE(info.dense && info.sparse && info.multi_vector);
  head = {};
  head.vocabulary.emplace();
  describe_sides(head, info);
  EXPECT_FALSE(info.dense);
  EXPECT_TRUE(info.sparse);
  EXPECT_FALSE(info.multi_vector);
  EXPECT_EQ(info.dimensions, 0u);
}

TEST(SideOutputsTest, KindsThatAreNotThereAreRefused) {
  ModelInfo both;
  both.id = "m";
  both.sparse = true;
  const auto says = [&](const EmbedOptions& options) {
    return error_of([&] { check_kinds(options, both); });
  };
  EXPECT_EQ(says({}), "");
  EXPECT_EQ(says({.sparse = true}), "");
  EXPECT_EQ(says({.multi_vector = true}), "m has no vectors of tokens; it gives: dense, sparse");
  EXPECT_EQ(says({.late_chunking = true}), "");
  EXPECT_NE(says({.late_chunking = true, .sparse = true}), "");
  EXPECT_NE(says({.dense = false}), "");
}

}  // namespace
}  // namespace nestvec
