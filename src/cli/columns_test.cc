// SPDX-License-Identifier: Apache-2.0
#include "cli/columns.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

TEST(Fit, FillsAndCuts) {
  EXPECT_EQ(fit("", 4), "    ");
  EXPECT_EQ(fit("ab", 4), "ab  ");
  EXPECT_EQ(fit("abcd", 4), "abcd");
  EXPECT_EQ(fit("abcde", 4), "a...");
  EXPECT_EQ(fit("abcdef", 3), "...");
}

TEST(Fit, CountsColumnsNotBytes) {
  EXPECT_EQ(fit("\xC3\xA9t\xC3\xA9", 5), "\xC3\xA9t\xC3\xA9  ");
  // Two columns each; the cut leaves no half character.
  EXPECT_EQ(fit("\xE6\xBC\xA2\xE5\xAD\x97", 5), "\xE6\xBC\xA2\xE5\xAD\x97 ");
  EXPECT_EQ(fit("\xE6\xBC\xA2\xE5\xAD\x97\xE6\xBC\xA2", 5), "\xE6\xBC\xA2...");
  EXPECT_EQ(fit("\xE6\xBC\xA2\xE5\xAD\x97\xE6\xBC\xA2", 4), "... ");
  // e and a combining acute are one column.
  EXPECT_EQ(fit("e\xCC\x81", 3), "e\xCC\x81  ");
}

TEST(Fit, NothingInATextMovesTheCursor) {
  EXPECT_EQ(fit("a\nb\t\x1b[31m", 12), "a b  [31m   ");
  EXPECT_EQ(fit("\xFF", 3), "\xEF\xBF\xBD  ");
  EXPECT_EQ(fit("\xC2\x85x", 3), " x ");
}

}  // namespace
}  // namespace nestvec
