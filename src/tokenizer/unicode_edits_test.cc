// SPDX-License-Identifier: Apache-2.0
// Chains of normalizers and the code point that each byte comes from, as Hugging Face tokenizers
// reports offsets (goldens of scripts/make_unicode_goldens.py).
#include "tokenizer/unicode_edits.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "base/utf8.h"
#include "support/folders.h"
#include "tokenizer/unicode_data.h"
#include "tokenizer/unicode_normalize.h"

namespace nestvec {
namespace {

struct Golden {
  std::string chain;   // NFD+STRIP+LOWER
  std::string input;   // UTF-8
  std::string output;  // code points with @ and the index they come from, where that is not theirs
};

std::vector<Golden> goldens() {
  std::ifstream file(test_data() + "/tokenizer/unicode/edits.txt");
  std::vector<Golden> all;
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(';');
    const std::size_t second = line.find(';', first + 1);
    Golden golden{line.substr(0, first), {}, line.substr(second + 1)};
    std::istringstream input(line.substr(first + 1, second - first - 1));
    for (std::string word; input >> word;) {
      append_utf8(static_cast<char32_t>(std::stoul(word, nullptr, 16)), golden.input);
    }
    all.push_back(golden);
  }
  return all;
}

void apply(const std::string& step, MappedText& text, MappedText& scratch) {
  Pace pace;
  if (step == "LOWER") return apply_lowercase(text, scratch, pace);
  if (step == "STRIP") {
    return remove_code_points(
        text, scratch, [](char32_t c) noexcept { return is_combining_mark(c); }, pace);
  }
  const auto form = step == "NFC"    ? NormalizationForm::kNfc
                    : step == "NFD"  ? NormalizationForm::kNfd
                    : step == "NFKC" ? NormalizationForm::kNfkc
                                     : NormalizationForm::kNfkd;
  apply_normalization_form(form, text, scratch, pace);
}

MappedText edited(const Golden& golden, bool track) {
  Pace pace;
  MappedText text;
  MappedText scratch;
  text.assign({golden.input, 0, golden.input.size()}, track, pace);
  std::istringstream steps(golden.chain);
  for (std::string step; std::getline(steps, step, '+');) apply(step, text, scratch);
  return text;
}

std::size_t count_code_points(std::string_view text) {
  std::size_t count = 0;
  for (const char byte : text) count += (static_cast<unsigned char>(byte) & 0xC0) != 0x80 ? 1U : 0U;
  return count;
}

std::string described(const MappedText& text, std::string_view input) {
  std::ostringstream out;
  std::size_t index = 0;
  for (std::size_t i = 0; i < text.bytes.size(); ++index) {
    const DecodedCodePoint c = decode_utf8(std::string_view(text.bytes).substr(i));
    const std::size_t place = count_code_points(input.substr(0, text.origins.at(i)));
    out << (i == 0 ? "" : " ") << std::hex << static_cast<std::uint32_t>(c.code_point) << std::dec;
    if (place != index) out << '@' << place;
    i += c.length;
  }
  return out.str();
}

TEST(UnicodeEdits, EqualHuggingFaceWithOffsets) {
  const std::vector<Golden> all = goldens();
  ASSERT_GT(all.size(), 2000U);
  for (const Golden& golden : all) {
    const MappedText text = edited(golden, true);
    ASSERT_EQ(text.origins.size(), text.bytes.size());
    EXPECT_EQ(described(text, golden.input), golden.output)
        << golden.chain << " of " << golden.input;
  }
}

TEST(UnicodeEdits, AreTheSameWithoutTracking) {
  for (const Golden& golden : goldens()) {
    const MappedText text = edited(golden, false);
    EXPECT_TRUE(text.origins.empty());
    EXPECT_EQ(text.bytes, edited(golden, true).bytes) << golden.chain << " of " << golden.input;
  }
}

}  // namespace
}  // namespace nestvec
