// SPDX-License-Identifier: Apache-2.0
#include "dialects/side_vectors.h"

#include <gtest/gtest.h>

#include <string>

namespace nestvec {
namespace {

using enum EmbeddingFormat;

TEST(SideVectors, SparseRows) {
  const SparseVectors rows{{0, 2, 2}, {5, 90}, {0.5F, 0.25F}};
  const auto row = [&rows](std::size_t i) {
    std::string out;
    Pace pace;
    append_sparse_vector(rows, i, out, pace);
    return out;
  };
  EXPECT_EQ(row(0), R"({"indices":[5,90],"values":[0.5,0.25]})");
  EXPECT_EQ(row(1), R"({"indices":[],"values":[]})");
}

TEST(SideVectors, VectorsOfTokens) {
  const MultiVectors rows{1, {0, 2, 2, 3}, {1, -0.5F, 0.25F}};
  const auto row = [&rows](std::size_t i, EmbeddingFormat format) {
    std::string out;
    Pace pace;
    append_multi_vector(rows, i, format, out, pace);
    return out;
  };
  EXPECT_EQ(row(0, kFloat), "[[1],[-0.5]]");
  EXPECT_EQ(row(1, kFloat), "[]");
  EXPECT_EQ(row(2, kFloat), "[[0.25]]");
  // 00 00 80 3f
  EXPECT_EQ(row(0, kBase64).substr(0, 11), "[\"AACAPw==\"");
}

TEST(SideVectors, HaveTheFormOfDenseOnes) {
  const EmbeddingFormat coded[] = {kBinary, kBase64};
  EXPECT_EQ(token_vector_format(coded), kBase64);
  EXPECT_EQ(token_vector_format({}), kFloat);
  EXPECT_EQ(token_vector_format(std::span(coded).first(1)), kFloat);
}

}  // namespace
}  // namespace nestvec
