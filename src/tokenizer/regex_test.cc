// SPDX-License-Identifier: Apache-2.0
// What Hugging Face's engine finds with many expressions is in the goldens (split_expression_..,
// bpe_qwen_..); here are refusals and time.
#include "tokenizer/regex.h"

#include <gtest/gtest.h>

#include <string>

#include "nestvec/error.h"
#include "support/error_of.h"

namespace nestvec {
namespace {

const char* const kQwen =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)";

// `text` with "<" and ">" around every match.
std::string marked_by(const char* expression, const std::string& text) {
  const Regex regex(expression);
  Pace pace;
  Regex::Finder finder(regex, text, text.size(), pace);
  std::string out;
  std::size_t copied = 0;
  for (auto match = finder.find(0); match; match = finder.find(copied)) {
    out += text.substr(copied, match->begin - copied);
    out += "<" + text.substr(match->begin, match->end - match->begin) + ">";
    copied = match->end;
  }
  return out + text.substr(copied);
}

TEST(Regex, TakesTheFirstAlternativeThatMatches) {
  EXPECT_EQ(marked_by("a|ab|b", "ab"), "<a><b>");
  EXPECT_EQ(marked_by("ab|a", "aba"), "<ab><a>");
  EXPECT_EQ(marked_by("(?:a|ab)c", "abc ac"), "<abc> <ac>");
  EXPECT_EQ(marked_by("a{1,3}", "aaaaa"), "<aaa><aa>");
}

TEST(Regex, ReadsCharactersClassesAndRepetitions) {
  EXPECT_EQ(marked_by("\\s+", "a \t\u3000b"), "a< \t\u3000>b");
  EXPECT_EQ(marked_by("[a-c0-9]+", "xab1y-c"), "x<ab1>y-<c>");
  EXPECT_EQ(marked_by("[^a-c]", "ad\u00e9"), "a<d><\u00e9>");
  EXPECT_EQ(marked_by("a{2}b?", "aaab aab"), "<aa>ab <aab>");
  EXPECT_EQ(marked_by("``", "a``b`"), "a<``>b`");
  EXPECT_EQ(marked_by("a.c", "abc a\nc"), "<abc> a\nc");
  EXPECT_EQ(marked_by("\\.", "a.b"), "a<.>b");
  EXPECT_EQ(marked_by("[\\n\\t-]", "a\tb-c\n"), "a<\t>b<->c<\n>");
}

TEST(Regex, LooksAheadAtOneCharacter) {
  EXPECT_EQ(marked_by(R"(\s+(?!\S)|\s+)", "a   b  "), "a<  >< >b<  >");
  EXPECT_EQ(marked_by("a(?=b)", "ab aa"), "<a>b aa");
  EXPECT_EQ(marked_by("a(?!b)", "ab aa"), "ab <a><a>");
}

TEST(Regex, SeesNothingBehindTheEnd) {
  const Regex regex(R"(\s+(?!\S)|\s+)");
  Pace pace;
  Regex::Finder finder(regex, "  x", 2, pace);
  EXPECT_EQ(finder.find(0)->end, 2u);
}

TEST(Regex, FoldsAsciiOnly) {
  EXPECT_EQ(marked_by("(?i:'s)|x", "'s'S'\u017fX"), "<'s><'S><'\u017f>X");
  EXPECT_EQ(marked_by("(?i:[k])", "kK\u212a"), "<k><K><\u212a>");
}

TEST(Regex, RefusesWhatItCannotDo) {
  for (const char* expression :
       {"",          "a*",          "a?",      "(",       ")",
        "a|",        "(a",          "a)",      "^a",      "a$",
        "a+?",       "a++",         "a{2}{3}", "\\w",     "\\d",
        "\\b",       "\\1",         "\\p{Lu}", "\\pL",    "\\p",
        "[a[b]]",    "[a&&b]",      "[b-a]",   "[",       "[]",
        "a{",        "a{2",         "a{3,2}",  "a{1001}", "*",
        "\\",        "(?i)a",       "(?>a)",   "(?<=a)b", "(?!ab)c",
        "(?i:[^a])", "(?i:\u00e9)", "(?i:ss)", "(?i:fl)", "(?i:[a-c])",
        "(a*)+",     "[\\s-z]",     "(?#x)a",  "a**",     "((a{100}){100}){100}",
        "(?!a)*b",   "a{,3}"}) {
    EXPECT_THROW(Regex{expression}, Error) << expression;
  }
  std::string deep(100, '(');
  EXPECT_THROW(Regex{deep + "a" + std::string(100, ')')}, Error);
  EXPECT_THROW(Regex{std::string(5000, 'a')}, Error);
}

TEST(Regex, SaysWhereItGaveUp) {
  EXPECT_EQ(error_of([] { Regex("ab\\w"); }),
            "regular expression \"ab\\w\" is not supported: an unknown escape, at byte 4");
}

std::uint64_t steps_to_split(const char* expression, const std::string& text) {
  const Regex regex(expression);
  Pace pace;
  Regex::Finder finder(regex, text, text.size(), pace);
  for (auto match = finder.find(0); match; match = finder.find(match->end)) {
  }
  return pace.steps();
}

// One that goes back would read the rest again from each place.
TEST(Regex, TwiceTheTextTakesTwiceTheSteps) {
  for (const char* expression : {kQwen, "a*b", "a|a*b", "(?:a|b)*c|b", "a{1,50}b", "(?:aa)*b"}) {
    for (const char* part :
         {"a", "ab", "aaab", "\n   ", " ", "\n", "\r\n \u3000", "'", "'S", "\u0301"}) {
      std::string once;
      for (int i = 0; i < 5000; ++i) once += part;
      const std::uint64_t steps = steps_to_split(expression, once);
      EXPECT_LE(steps_to_split(expression, once + once), steps * 21 / 10 + 200)
          << expression << ", " << part;
      EXPECT_LE(steps, once.size() * 1100) << expression << ", " << part;
    }
  }
}

}  // namespace
}  // namespace nestvec
