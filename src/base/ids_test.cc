// SPDX-License-Identifier: Apache-2.0
#include "base/ids.h"

#include <gtest/gtest.h>

#include <set>

namespace nestvec {
namespace {

TEST(IdMaker, NoTwoAreTheSame) {
  IdMaker one;
  IdMaker other;
  std::set<std::string> ids;
  constexpr int kIds = 1000;
  for (int i = 0; i < kIds; ++i) {
    ids.insert(one.next());
    ids.insert(other.next());
  }
  EXPECT_EQ(ids.size(), 2U * kIds);
  for (const std::string& id : ids) {
    EXPECT_EQ(id.size(), 32U);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos) << id;
  }
}

TEST(IdMaker, MakesShortOnes) {
  IdMaker ids;
  std::set<std::string> made;
  constexpr std::size_t kIds = 1000;
  for (std::size_t i = 0; i < kIds; ++i) {
    const std::string id = ids.next_short();
    EXPECT_EQ(id.size(), 16U);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos) << id;
    made.insert(id);
    ids.next();
  }
  EXPECT_EQ(made.size(), kIds);
}

TEST(IdMaker, OneTellsNothingOfTheNext) {
  IdMaker ids;
  const std::string first = ids.next();
  const std::string second = ids.next();
  std::size_t same = 0;
  for (std::size_t i = 0; i < first.size(); ++i) same += first[i] == second[i] ? 1U : 0U;
  EXPECT_LT(same, first.size() / 2);
}

TEST(IsSaneId, IsVisibleAndShort) {
  EXPECT_TRUE(is_sane_id("request-1"));
  EXPECT_FALSE(is_sane_id(""));
  EXPECT_FALSE(is_sane_id("a b"));
  EXPECT_FALSE(is_sane_id("a\n"));
  EXPECT_FALSE(is_sane_id(std::string(129, 'a')));
}

}  // namespace
}  // namespace nestvec
