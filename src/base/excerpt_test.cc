// SPDX-License-Identifier: Apache-2.0
#include "base/excerpt.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

TEST(Excerpt, IsShortOneLineAndValid) {
  EXPECT_EQ(excerpt(""), "");
  EXPECT_EQ(excerpt("short"), "short");
  EXPECT_EQ(excerpt("a\nb\tc\x7F"), "a b c ");
  EXPECT_EQ(excerpt(std::string(60, 'a')), std::string(60, 'a'));
  EXPECT_EQ(excerpt(std::string(61, 'a')), std::string(60, 'a') + "...");
  EXPECT_EQ(excerpt("\xFFx"), "\xEF\xBF\xBDx");
}

TEST(Excerpt, KeepsCharactersWhole) {
  EXPECT_EQ(excerpt(std::string(59, 'a') + "\xC3\xA4" + "b"), std::string(59, 'a') + "...");
  EXPECT_EQ(excerpt(std::string(58, 'a') + "\xC3\xA4" + "b"), std::string(58, 'a') + "\xC3\xA4...");
}

TEST(Excerpt, AMessageIsOneLineAndItsMiddleMayGo) {
  EXPECT_EQ(one_line("a\nb\tc\x7f"
                     "d\xff"),
            "a b c d\xEF\xBF\xBD");
  EXPECT_EQ(one_line(std::string(1000, 'x')), std::string(1000, 'x'));
  const std::string cut = one_line(std::string(600, 'x') + std::string(600, 'y'));
  EXPECT_EQ(cut, std::string(490, 'x') + " [...] " + std::string(490, 'y'));
}

}  // namespace
}  // namespace nestvec
