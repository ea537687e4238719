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
  EXPECT_EQ(text_bytes_at_once(ranking), 9U) << "the query with the longest";
  ScoreCall pairs;
  pairs.pairs = {{"one"}, {"two", "three"}};
  EXPECT_EQ(pairs.size(), 2U);
  EXPECT_EQ(text_bytes_at_once(pairs), 8U);
}

}  // namespace
}  // namespace nestvec
