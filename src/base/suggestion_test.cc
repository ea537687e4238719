// SPDX-License-Identifier: Apache-2.0
#include "base/suggestion.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

const std::vector<std::string> kWords = {"embed", "serve", "info", "retrieval.query",
                                         "text-matching"};

TEST(NearestWord, ForgivesAFewLettersAndTheirCase) {
  EXPECT_EQ(nearest_word("embedd", kWords), "embed");
  EXPECT_EQ(nearest_word("serv", kWords), "serve");
  EXPECT_EQ(nearest_word("retrieval.qurey", kWords), "retrieval.query");
  EXPECT_EQ(nearest_word("Text_Matching", kWords), "text-matching");
  EXPECT_EQ(nearest_word("text", kWords), "text-matching");
}

TEST(NearestWord, PrefersTheNearest) {
  EXPECT_EQ(nearest_word("aab", {"abb", "aab", "abc"}), "aab");
  EXPECT_EQ(nearest_word("thread", {"threads", "thread"}), "thread");
}

TEST(NearestWord, IsEmptyWhereNoneIsNear) {
  for (const char* word : {"", "x", "ls", "banana", "retrieval.nothing.at.all"}) {
    EXPECT_EQ(nearest_word(word, kWords), "") << word;
  }
  EXPECT_EQ(nearest_word(std::string(65, 'e'), {std::string(65, 'e')}), "");
  EXPECT_EQ(nearest_word("embed", {}), "");
}

TEST(Suggestion, NamesTheNearestOrAll) {
  EXPECT_EQ(suggestion("inof", kWords), "; did you mean \"info\"?");
  EXPECT_EQ(suggestion("banana", {"a", "bc"}), "; expected one of a, bc");
}

}  // namespace
}  // namespace nestvec
