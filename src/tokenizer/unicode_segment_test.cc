// SPDX-License-Identifier: Apache-2.0
// Grapheme clusters of hard sequences (goldens of scripts/make_unicode_goldens.py). Every code
// point with each kind of neighbour is in unicode_data_test.cc.
#include "tokenizer/unicode_segment.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <string>

#include "base/utf8.h"
#include "support/folders.h"

namespace nestvec {
namespace {

std::string described(std::string_view text) {
  Pace pace;
  std::ostringstream out;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = next_grapheme_boundary(text, begin, pace);
    if (begin > 0) out << '|';
    for (std::size_t i = begin; i < end;) {
      const DecodedCodePoint c = decode_utf8(text.substr(i));
      out << (i == begin ? "" : " ") << std::hex << static_cast<std::uint32_t>(c.code_point);
      i += c.length;
    }
    begin = end;
  }
  return out.str();
}

TEST(Graphemes, EqualTheGoldens) {
  std::ifstream file(test_data() + "/tokenizer/unicode/graphemes.txt");
  std::size_t count = 0;
  for (std::string line; std::getline(file, line); ++count) {
    std::string words = line;
    for (char& c : words) c = c == '|' ? ' ' : c;
    std::istringstream input(words);
    std::string text;
    for (std::string word; input >> word;) {
      append_utf8(static_cast<char32_t>(std::stoul(word, nullptr, 16)), text);
    }
    EXPECT_EQ(described(text), line);
  }
  EXPECT_GE(count, 1500U);
}

// UAX #29, the examples of its rules.
TEST(Graphemes, RulesOfTheStandard) {
  EXPECT_EQ(described("a\r\n\nb"), "61|d a|a|62");
  EXPECT_EQ(described("e\u0301\u0323x"), "65 301 323|78");
  EXPECT_EQ(described("\u1100\u1161\u11A8\uAC00\u11A8\u11A8"), "1100 1161 11a8|ac00 11a8 11a8");
  EXPECT_EQ(described("\U0001F1E6\U0001F1E7\U0001F1E8"), "1f1e6 1f1e7|1f1e8");
  EXPECT_EQ(described("\U0001F468\u200D\U0001F469"), "1f468 200d 1f469");
  EXPECT_EQ(described("a\u200D\U0001F469"), "61 200d|1f469");
  EXPECT_EQ(described("\u0915\u094D\u0924"), "915 94d 924");
  EXPECT_EQ(described("\u0915\u200C\u094D\u0924"), "915 200c 94d|924");
  EXPECT_EQ(described("\u0600a"), "600 61");
  EXPECT_EQ(described("\u0301\u0301"), "301 301");
}

// One cluster of a million code points, and a million flags, each read once.
TEST(Graphemes, LongRunsTakeLinearTime) {
  Pace pace;
  std::string marks = "a";
  std::string flags;
  std::string conjuncts;
  for (int i = 0; i < 1000000; ++i) {
    marks += "\u0301";
    flags += "\U0001F1E6";
    conjuncts += "\u0915\u094D";
  }
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(next_grapheme_boundary(marks, 0, pace), marks.size());
  EXPECT_EQ(next_grapheme_boundary(conjuncts, 0, pace), conjuncts.size());
  std::size_t count = 0;
  for (std::size_t i = 0; i < flags.size(); i = next_grapheme_boundary(flags, i, pace)) ++count;
  EXPECT_EQ(count, 500000U);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

}  // namespace
}  // namespace nestvec
