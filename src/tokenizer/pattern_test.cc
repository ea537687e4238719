// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pattern.h"

#include <gtest/gtest.h>

#include <string>

#include "nestvec/error.h"

namespace nestvec {
namespace {

// `text` with "<" and ">" around every match.
std::string marked(const Pattern& pattern, const std::string& text) {
  Pace pace;
  std::string out;
  std::size_t copied = 0;
  for (auto match = pattern.find(text, 0, pace); match; match = pattern.find(text, copied, pace)) {
    out += text.substr(copied, match->begin - copied);
    out += "<" + text.substr(match->begin, match->end - match->begin) + ">";
    copied = match->end;
  }
  return out + text.substr(copied);
}

TEST(Pattern, FindsLiterals) {
  EXPECT_EQ(marked(Pattern::literal("aa"), "aaaab"), "<aa><aa>b");
  EXPECT_EQ(marked(Pattern::literal("."), "a.b"), "a<.>b");
}

TEST(Pattern, FindsRegularExpressions) {
  EXPECT_EQ(marked(Pattern::regex(" {2,}"), "a b  c    "), "a b<  >c<    >");
  EXPECT_EQ(marked(Pattern::regex("\\s+"), "a \t\u3000b"), "a< \t\u3000>b");
  EXPECT_EQ(marked(Pattern::regex("[a-c0-9]+"), "xab1y-c"), "x<ab1>y-<c>");
  EXPECT_EQ(marked(Pattern::regex("[^a-c]"), "ad\u00e9"), "a<d><\u00e9>");
  EXPECT_EQ(marked(Pattern::regex("a{2}b?"), "aaab aab"), "<aa>ab <aab>");
  EXPECT_EQ(marked(Pattern::regex("a{1,2}"), "aaa"), "<aa><a>");
  EXPECT_EQ(marked(Pattern::regex("``"), "a``b`"), "a<``>b`");
  EXPECT_EQ(marked(Pattern::regex("a.c"), "abc a\nc"), "<abc> a\nc");
  EXPECT_EQ(marked(Pattern::regex("\\."), "a.b"), "a<.>b");
  EXPECT_EQ(marked(Pattern::regex("[\\n\\t-]"), "a\tb-c\n"), "a<\t>b<->c<\n>");
}

TEST(Pattern, RefusesWhatItCannotDo) {
  for (const char* expression :
       {"",    "a*",  "a?",  "(a)",    "a|b",       "^a",     "a$",    "a+b",
        "a+?", "a++", "\\w", "\\p{L}", "[a[b]]",    "[a&&b]", "[b-a]", "[",
        "[]",  "a{",  "a{2", "a{3,2}", "a{999999}", "*",      "\\",    "(?i)a"}) {
    EXPECT_THROW(Pattern::regex(expression), Error) << expression;
  }
  EXPECT_THROW(Pattern::literal(""), Error);
}

}  // namespace
}  // namespace nestvec
