// SPDX-License-Identifier: Apache-2.0
// Every code point against Hugging Face tokenizers (sums of scripts/make_unicode_goldens.py).
#include "tokenizer/unicode_data.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>

#include "base/utf8.h"
#include "support/folders.h"
#include "support/slow_run.h"
#include "tokenizer/unicode_normalize.h"
#include "tokenizer/unicode_segment.h"

namespace nestvec {
namespace {

constexpr char32_t kBlock = 4096;
constexpr std::size_t kBlockCount = 0x110000 / kBlock;

// CRC-32 of zlib; starts with 0.
std::uint32_t crc32(std::uint32_t sum, std::string_view bytes) {
  sum = ~sum;
  for (const char byte : bytes) {
    sum ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ ((sum & 1) != 0 ? 0xEDB88320U : 0U);
  }
  return ~sum;
}

// {function: sum of each block}.
std::map<std::string, std::vector<std::uint32_t>> golden_sums() {
  std::ifstream file(test_data() + "/tokenizer/unicode/code_points.txt");
  std::map<std::string, std::vector<std::uint32_t>> sums;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    std::vector<std::uint32_t>& blocks = sums[name];
    for (std::string word; words >> word;) {
      blocks.push_back(word == "=" ? blocks.at(blocks.size() - 1)
                                   : static_cast<std::uint32_t>(std::stoul(word, nullptr, 16)));
    }
  }
  return sums;
}

// Sanitizers want the kinds of code, not each code point: scripts that are near, Hangul, all
// planes.
bool is_checked(std::size_t block) { return !kSlowRun || block < 4 || block % 8 == 3; }

// Compares the sums of what `append` writes for each code point.
void expect_golden(const std::string& name,
                   const std::function<void(char32_t, std::string&)>& append) {
  const auto sums = golden_sums();
  ASSERT_TRUE(sums.contains(name)) << name;
  ASSERT_EQ(sums.at(name).size(), kBlockCount);
  for (std::size_t block = 0; block < kBlockCount; ++block) {
    if (!is_checked(block)) continue;
    std::string bytes;
    for (char32_t i = 0; i < kBlock; ++i) {
      const char32_t c = static_cast<char32_t>(block) * kBlock + i;
      if (c < 0xD800 || c > 0xDFFF) append(c, bytes);
    }
    EXPECT_EQ(crc32(0, bytes), sums.at(name)[block])
        << name << ": block " << block << " of 4096 code points";
  }
}

void expect_flag(const std::string& name, bool (*property)(char32_t)) {
  expect_golden(name,
                [&](char32_t c, std::string& out) { out.push_back(property(c) ? '1' : '0'); });
}

TEST(UnicodeData, FlagsOfEveryCodePoint) {
  expect_flag("whitespace", [](char32_t c) { return is_whitespace(c); });
  expect_flag("word", [](char32_t c) { return is_word(c); });
  expect_flag("punctuation", [](char32_t c) { return is_punctuation(c); });
  expect_flag("control", [](char32_t c) { return is_bert_control(c); });
  expect_flag("nonspacing_mark", [](char32_t c) { return is_nonspacing_mark(c); });
  expect_flag("combining_mark", [](char32_t c) { return is_combining_mark(c); });
  expect_flag("letter", [](char32_t c) { return is_letter(c); });
  expect_flag("number", [](char32_t c) { return is_number(c); });
  expect_flag("numeric", [](char32_t c) { return is_numeric(c); });
}

TEST(UnicodeData, LowercaseOfEveryCodePoint) {
  expect_golden("lowercase", [](char32_t c, std::string& out) {
    const CaseMapping lower = to_lowercase(c);
    for (std::uint32_t i = 0; i < lower.length; ++i) append_utf8(lower.code_points[i], out);
    out.push_back('\n');
  });
}

TEST(UnicodeData, NormalFormsOfEveryCodePoint) {
  Pace pace;
  const std::map<std::string, NormalizationForm> forms = {{"nfc", NormalizationForm::kNfc},
                                                          {"nfd", NormalizationForm::kNfd},
                                                          {"nfkc", NormalizationForm::kNfkc},
                                                          {"nfkd", NormalizationForm::kNfkd}};
  for (const auto& [name, form] : forms) {
    std::vector<NormalizedCodePoint> normal;
    expect_golden(name, [&, form = form](char32_t c, std::string& out) {
      normalize(form, {&c, 1}, normal, pace);
      for (const NormalizedCodePoint& part : normal) append_utf8(part.code_point, out);
      out.push_back('\n');
    });
  }
}

// The normal form of `text`, "=" where it is `text` itself.
void append_changed(NormalizationForm form, std::u32string_view text, std::string& out) {
  Pace pace;
  std::vector<NormalizedCodePoint> normal;
  normalize(form, text, normal, pace);
  const bool same = std::equal(normal.begin(), normal.end(), text.begin(), text.end(),
                               [](const auto& part, char32_t c) { return part.code_point == c; });
  if (same) {
    out.push_back('=');
    return;
  }
  for (const NormalizedCodePoint& part : normal) append_utf8(part.code_point, out);
}

// The same lists as in the script: a mark of each combining class, which shows the class of what
// stands behind them; and what is second in a primary composite.
TEST(UnicodeData, CombiningClassOfEveryCodePoint) {
  const std::u32string ladder =
      U"\u0334\u093c\u3099\u094d\u05b0\u05b1\u05b2\u05b3\u05b4\u05b5\u05b6\u05b7\u05b8\u05b9\u05bb"
      U"\u05bc\u05bd\u05bf\u05c1\u05c2\ufb1e\u064b\u064c\u064d\u0618\u0619\u061a\u0651\u0652\u0670"
      U"\u0711\u0c55\u0c56\u0e38\u0e48\u0eb8\u0ec8\u0f71\u0f72\u0f74\u0321\u1dce\u031b\u302a\u0316"
      U"\u059a\u302e\U0001d16d\u05ae\u0300\u0315\u035c\u035d\u0345";
  expect_golden("order", [&](char32_t c, std::string& out) {
    append_changed(NormalizationForm::kNfd, ladder + c, out);
  });
}

TEST(UnicodeData, CompositionsWithEveryCodePoint) {
  const std::u32string seconds =
      U"\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u0309\u030a\u030b\u030c\u030f\u0311\u0313"
      U"\u0314\u031b\u0323\u0324\u0325\u0326\u0327\u0328\u032d\u032e\u0330\u0331\u0338\u0342\u0345"
      U"\u0653\u0654\u0655\u093c\u09be\u09d7\u0b3e\u0b56\u0b57\u0bbe\u0bd7\u0c56\u0cc2\u0cd5\u0cd6"
      U"\u0d3e\u0d57\u0dca\u0dcf\u0ddf\u102e\u1b35\u3099\u309a\U000110ba\U00011127\U0001133e"
      U"\U00011357\U000114b0\U000114ba\U000114bd\U000115af";
  expect_golden("compose", [&](char32_t c, std::string& out) {
    std::u32string text;
    for (const char32_t second : seconds) {
      text.push_back(c);
      text.push_back(second);
    }
    append_changed(NormalizationForm::kNfc, text, out);
  });
}

std::string encoded(std::u32string_view text) {
  std::string out;
  for (const char32_t c : text) append_utf8(c, out);
  return out;
}

char count_clusters(std::u32string_view text) {
  Pace pace;
  const std::string bytes = encoded(text);
  char count = '0';
  for (std::size_t i = 0; i < bytes.size(); i = next_grapheme_boundary(bytes, i, pace)) ++count;
  return count;
}

// The same neighbours as in the script.
TEST(UnicodeData, ClustersOfEveryCodePointWithEachKindOfNeighbour) {
  const std::vector<std::u32string> neighbours = {
      U"a",      U"\r",         U"\n",     U"\u0300",       U"\u200d",          U"\U0001f1e6",
      U"\u0600", U"\u0903",     U"\u1100", U"\u1161",       U"\u11a8",          U"\uac00",
      U"\uac01", U"\U0001f600", U"\u0915", U"\u0915\u094d", U"\U0001f600\u200d"};
  expect_golden("graphemes", [&](char32_t c, std::string& out) {
    const std::u32string self(1, c);
    for (const auto& neighbour : neighbours) out.push_back(count_clusters(neighbour + self));
    for (const auto& neighbour : neighbours) out.push_back(count_clusters(self + neighbour));
    out.push_back(count_clusters(U"\u0915\u094d" + self + U"\u0915"));
    out.push_back(count_clusters(U"\u0915" + self + U"\u0915"));
    out.push_back(count_clusters(U"\U0001f600" + self + U"\u200d\U0001f600"));
  });
}

// Values of the Unicode Character Database.
TEST(UnicodeData, SomeValuesAsTheStandardHasThem) {
  EXPECT_EQ(combining_class(U'\u0334'), 1);
  EXPECT_EQ(combining_class(U'\u093C'), 7);
  EXPECT_EQ(combining_class(U'\u0323'), 220);
  EXPECT_EQ(combining_class(U'\u0301'), 230);
  EXPECT_EQ(combining_class(U'\u0345'), 240);
  EXPECT_EQ(combining_class(U'a'), 0);
  EXPECT_EQ(compose_pair(U'A', U'\u030A'), U'\u00C5');
  EXPECT_EQ(compose_pair(U'A', U'\u0334'), 0U);
  EXPECT_EQ(compose_pair(U'\u1100', U'\u1161'), U'\uAC00');
  EXPECT_EQ(compose_pair(U'\uAC00', U'\u11A8'), U'\uAC01');
  EXPECT_EQ(compose_pair(U'\uAC01', U'\u11A8'), 0U);
  EXPECT_EQ(compose_pair(U'\u0915', U'\u093C'), 0U);  // U+0958 is excluded from composition
  DecompositionBuffer buffer;
  const auto ligature = compatibility_decomposition(U'\uFB03', buffer);
  EXPECT_EQ(std::u32string(ligature.begin(), ligature.end()), U"ffi");
  EXPECT_TRUE(canonical_decomposition(U'\uFB03', buffer).empty());
  const auto syllable = canonical_decomposition(U'\uAC01', buffer);
  EXPECT_EQ(std::u32string(syllable.begin(), syllable.end()), U"\u1100\u1161\u11A8");
}

TEST(UnicodeData, ValuesOutsideUnicodeHaveNoProperty) {
  DecompositionBuffer buffer;
  for (const char32_t c : {0xD800U, 0xDFFFU, 0x110000U, 0xFFFFFFFFU}) {
    EXPECT_FALSE(is_whitespace(c) || is_word(c) || is_punctuation(c) || is_bert_control(c));
    EXPECT_FALSE(is_nonspacing_mark(c) || is_combining_mark(c));
    EXPECT_EQ(combining_class(c), 0);
    EXPECT_EQ(to_lowercase(c).code_points[0], c);
    EXPECT_TRUE(canonical_decomposition(c, buffer).empty());
    EXPECT_TRUE(compatibility_decomposition(c, buffer).empty());
    EXPECT_EQ(compose_pair(U'a', c), 0U);
    EXPECT_EQ(compose_pair(c, U'\u0301'), 0U);
  }
}

}  // namespace
}  // namespace nestvec
