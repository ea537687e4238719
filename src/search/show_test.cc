// SPDX-License-Identifier: Apache-2.0
// Foreign names and texts on a terminal.
#include "search/show.h"

#include <gtest/gtest.h>

#include <string>

#include "base/utf8.h"

namespace nestvec {
namespace {

std::string excerpt_of(const std::string& text, const std::string& query, std::size_t bytes) {
  Pace pace;
  return excerpt_around(text, count_words(query, pace), bytes, pace);
}

TEST(EscapePath, LeavesNothingThatATerminalActsOn) {
  EXPECT_EQ(escape_path("notes/a b.md"), "notes/a b.md");
  EXPECT_EQ(escape_path("\xE7\x8C\xAB.md"), "\xE7\x8C\xAB.md");
  EXPECT_EQ(escape_path("a\nb\x1b[2J\x7f\\"), "a\\x0ab\\x1b[2J\\x7f\\\\");
  EXPECT_EQ(escape_path("\xFF\xC3"), "\\xff\\xc3");
  EXPECT_EQ(escape_path("\xC2\x9B"), "\\xc2\\x9b");           // CSI in one character
  EXPECT_EQ(escape_path("\xE2\x80\xAE"), "\\xe2\\x80\\xae");  // from right to left
}

TEST(ExcerptAround, IsOnOneLineWithoutControls) {
  EXPECT_EQ(excerpt_of("one\n\n two\x1b[2J\tthree", "x", 100), "one two [2J three");
  EXPECT_EQ(excerpt_of("", "x", 100), "");
}

TEST(ExcerptAround, ShowsTheFirstWordThatIsSought) {
  const std::string text = std::string(300, 'a') + " " + std::string(300, 'b') + " the cat sat";
  const std::string shown = excerpt_of(text, "Cat", 60);
  EXPECT_NE(shown.find("cat"), std::string::npos) << shown;
  EXPECT_TRUE(shown.starts_with("... ")) << shown;
  EXPECT_LT(shown.size(), 70U);
  EXPECT_TRUE(excerpt_of(text, "absent", 60).starts_with("aaa"));
  EXPECT_TRUE(excerpt_of(text, "absent", 60).ends_with(" ..."));
}

TEST(ExcerptAround, CutsBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "\xE7\x8C\xAB";
  for (std::size_t bytes = 1; bytes < 40; ++bytes) {
    EXPECT_TRUE(is_valid_utf8(excerpt_of(text, "x", bytes)));
  }
}

}  // namespace
}  // namespace nestvec
