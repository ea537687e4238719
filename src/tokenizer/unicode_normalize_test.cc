// SPDX-License-Identifier: Apache-2.0
// Normal forms and where each code point came from, as Hugging Face tokenizers reports offsets
// (goldens of scripts/make_unicode_goldens.py).
#include "tokenizer/unicode_normalize.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "base/utf8.h"
#include "support/folders.h"

namespace nestvec {
namespace {

const std::map<std::string, NormalizationForm>& forms() {
  static const std::map<std::string, NormalizationForm> kForms = {
      {"NFC", NormalizationForm::kNfc},
      {"NFD", NormalizationForm::kNfd},
      {"NFKC", NormalizationForm::kNfkc},
      {"NFKD", NormalizationForm::kNfkd}};
  return kForms;
}

struct Golden {
  NormalizationForm form;
  std::u32string input;
  std::string output;
};

std::vector<Golden> goldens() {
  std::ifstream file(test_data() + "/tokenizer/unicode/normalization.txt");
  std::vector<Golden> all;
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(';');
    const std::size_t second = line.find(';', first + 1);
    Golden golden{forms().at(line.substr(0, first)), {}, line.substr(second + 1)};
    std::istringstream input(line.substr(first + 1, second - first - 1));
    for (std::string word; input >> word;) {
      golden.input.push_back(static_cast<char32_t>(std::stoul(word, nullptr, 16)));
    }
    all.push_back(golden);
  }
  return all;
}

// The golden's notation, with the places that the changes mean: an inserted code point shares the
// place of what was read last.
std::string described(std::span<const NormalizedCodePoint> text) {
  std::ostringstream out;
  std::size_t read = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    out << (i == 0 ? "" : " ") << std::hex << static_cast<std::uint32_t>(text[i].code_point)
        << std::dec;
    const bool inserted = text[i].change > 0;
    if (inserted && read == 0) {
      out << "@-";
    } else if (const std::size_t place = inserted ? read - 1 : read; place != i) {
      out << '@' << place;
    }
    if (!inserted) read += 1 + static_cast<std::size_t>(-text[i].change);
  }
  return out.str();
}

std::string encoded(std::u32string_view text) {
  std::string out;
  for (const char32_t c : text) append_utf8(c, out);
  return out;
}

std::u32string decoded(std::string_view text) {
  std::u32string out;
  while (!text.empty()) {
    const DecodedCodePoint c = decode_utf8(text);
    out.push_back(c.code_point);
    text.remove_prefix(c.length);
  }
  return out;
}

TEST(Normalize, EqualsHuggingFaceWithOffsets) {
  Pace pace;
  const std::vector<Golden> all = goldens();
  ASSERT_GT(all.size(), 2800U);
  std::vector<NormalizedCodePoint> out;
  for (const Golden& golden : all) {
    normalize(golden.form, golden.input, out, pace);
    ASSERT_EQ(described(out), golden.output) << encoded(golden.input);
  }
}

TEST(Normalize, EveryInputCodePointIsConsumedOnce) {
  Pace pace;
  std::vector<NormalizedCodePoint> out;
  for (const Golden& golden : goldens()) {
    normalize(golden.form, golden.input, out, pace);
    std::int64_t read = 0;
    for (const NormalizedCodePoint& c : out) read += 1 - c.change;
    EXPECT_EQ(read, static_cast<std::int64_t>(golden.input.size())) << encoded(golden.input);
  }
}

TEST(Normalize, PrefixIsLeftAloneWhateverFollows) {
  Pace pace;
  std::vector<NormalizedCodePoint> whole;
  std::vector<NormalizedCodePoint> rest;
  std::size_t shortened = 0;
  for (const Golden& golden : goldens()) {
    const std::string text = encoded(golden.input);
    const std::size_t prefix = normalized_prefix(golden.form, text, pace);
    ASSERT_LE(prefix, text.size());
    const std::u32string head = decoded(std::string_view(text).substr(0, prefix));
    normalize(golden.form, golden.input, whole, pace);
    normalize(golden.form, std::u32string_view(golden.input).substr(head.size()), rest, pace);
    std::vector<NormalizedCodePoint> joined;
    for (const char32_t c : head) joined.push_back({c, 0});
    joined.insert(joined.end(), rest.begin(), rest.end());
    ASSERT_EQ(joined, whole) << text;
    if (prefix > 0 && prefix < text.size()) ++shortened;
  }
  EXPECT_GT(shortened, 300U);
}

TEST(Normalize, PrefixCoversNormalText) {
  Pace pace;
  const std::string text = encoded(
      U"Gr\u00FC\u00DFe, Vi\u1EC7t Nam \u2014 \u65E5\u672C\u8A9E \uD55C\uAD6D\uC5B4 "
      U"\u0939\u093F\u0928\u094D\u0926\u0940 \u05E2\u05D1\u05E8\u05D9\u05EA "
      U"\u0627\u0644\u0639\u0631\u0628\u064A\u0629 \U0001F600");
  EXPECT_EQ(normalized_prefix(NormalizationForm::kNfc, text, pace), text.size());
  EXPECT_EQ(normalized_prefix(NormalizationForm::kNfkc, text, pace), text.size());
  EXPECT_EQ(normalized_prefix(NormalizationForm::kNfd, text, pace),
            1U);  // stops at the starter before
  EXPECT_EQ(normalized_prefix(NormalizationForm::kNfc, encoded(U"abe\u0301"), pace), 2U);
  EXPECT_EQ(normalized_prefix(NormalizationForm::kNfd, encoded(U"abe\u0301\u0323"), pace), 2U);
  EXPECT_EQ(normalized_prefix(NormalizationForm::kNfd, encoded(U"abe\u0323\u0301"), pace), 7U);
  EXPECT_EQ(normalized_prefix(NormalizationForm::kNfc, "", pace), 0U);
}

TEST(Normalize, AMillionMarksTakeNoQuadraticTime) {
  Pace pace;
  std::u32string text = U"e";
  for (int i = 0; i < 500000; ++i) text += U"\u0301\u0323";
  std::vector<NormalizedCodePoint> out;
  const auto start = std::chrono::steady_clock::now();
  normalize(NormalizationForm::kNfc, text, out, pace);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  ASSERT_EQ(out.size(), text.size() - 1);  // the first dot below is composed
  EXPECT_EQ(out[0].code_point, U'\u1EB9');
  EXPECT_EQ(out[1].code_point, U'\u0323');
  EXPECT_EQ(out.back().code_point, U'\u0301');
}

}  // namespace
}  // namespace nestvec
