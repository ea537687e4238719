// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pattern.h"

#include <gtest/gtest.h>

#include <string>

#include "nestvec/error.h"

namespace nestvec {
namespace {

// `text` with "<" and ">" around every match before `end`.
std::string marked(const Pattern& pattern, const std::string& text, std::size_t end) {
  Pace pace;
  Pattern::Finder finder(pattern, text, end, pace);
  std::string out;
  std::size_t copied = 0;
  for (auto match = finder.find(0); match; match = finder.find(copied)) {
    out += text.substr(copied, match->begin - copied);
    out += "<" + text.substr(match->begin, match->end - match->begin) + ">";
    copied = match->end;
  }
  return out + text.substr(copied);
}

TEST(Pattern, FindsLiterals) {
  EXPECT_EQ(marked(Pattern::literal("aa"), "aaaab", 5), "<aa><aa>b");
  EXPECT_EQ(marked(Pattern::literal("."), "a.b", 3), "a<.>b");
  EXPECT_EQ(marked(Pattern::literal("aa"), "aaaa", 3), "<aa>aa");
}

TEST(Pattern, FindsRegularExpressions) {
  EXPECT_EQ(marked(Pattern::regex(" {2,}"), "a b  c    ", 10), "a b<  >c<    >");
  EXPECT_EQ(marked(Pattern::regex(" {2,}"), "a    ", 4), "a<   > ");
}

TEST(Pattern, IsNotEmpty) {
  EXPECT_THROW(Pattern::literal(""), Error);
  EXPECT_THROW(Pattern::regex(""), Error);
}

}  // namespace
}  // namespace nestvec
