// SPDX-License-Identifier: Apache-2.0
#include "service/score_call.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

TEST(ScoreCall, BytesOfItsTexts) {
  ScoreCall ranking;
  ranking.query = "query";
  ranking.documents = {"a", "long", ""};
  EXPECT_EQ(ranking.size(), 3U);
  EXPECT_EQ(text_bytes(ranking), 10U);
  EXPECT_EQ(text_bytes_at_once(ranking), 9U) << "the query with the longest";
  ScoreCall pairs;
  pairs.pairs = {{"one"}, {"two", "three"}};
  EXPECT_EQ(pairs.size(), 2U);
  EXPECT_EQ(text_bytes(pairs), 11U);
  EXPECT_EQ(text_bytes_at_once(pairs), 8U);
}

// A request of some kilobytes may ask for a thousand pairs of the model's full length.
TEST(ScoreCall, AQueryIsPaidForWithEachDocument) {
  ModelInfo model;
  model.max_tokens = 8192;
  ScoreCall call;
  call.query = std::string(100000, 'q');
  call.documents.assign(1000, "d");
  EXPECT_GE(bytes_of_pairs(call, model), 1000U * 8192U * sizeof(std::uint32_t));
  EXPECT_LE(bytes_of_pairs(call, model), 1000U * (8192U * 8U + 1024U));
  call.query = "short";
  EXPECT_LE(bytes_of_pairs(call, model), 1000U * 1024U);
}

}  // namespace
}  // namespace nestvec
