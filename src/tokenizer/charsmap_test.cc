// SPDX-License-Identifier: Apache-2.0
// The charsmap's fast path against the plain rule on random texts. What each rule of a map does is
// in the goldens.
#include "tokenizer/charsmap.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>

#include "base/utf8.h"
#include "nestvec/error.h"
#include "support/folders.h"
#include "support/read_xz.h"
#include "tokenizer/component_loader.h"
#include "tokenizer/unicode_segment.h"
#include "tokenizer/utf8_scan.h"

namespace nestvec {
namespace {

// The rule as it is stated: each cluster of less than 6 bytes as a whole, else each code point.
std::string apply_plainly(const Charsmap& map, std::string_view text) {
  Pace pace;
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = next_grapheme_boundary(text, i, pace);
    const auto whole = end - i < 6 ? map.find(text.substr(i, end - i)) : std::nullopt;
    if (whole) out += *whole;
    for (std::size_t k = i; k < end && !whole;) {
      const std::size_t start = k;
      next_code_point(text, k);
      const std::string_view character = text.substr(start, k - start);
      out += map.find(character).value_or(character);
    }
    i = end;
  }
  return out;
}

std::string random_text(std::mt19937& random) {
  static constexpr char32_t kBlocks[] = {0x20,   0xA0,   0x300,   0x400,   0x5D0,   0x900,  0xE00,
                                         0x1100, 0x11A8, 0x2000,  0x3040,  0x3090,  0xAC00, 0xFF00,
                                         0xFF70, 0xFE00, 0x1F1E6, 0x1F3FB, 0x1F440, 0x20D0, 0x0};
  std::string text;
  for (std::size_t n = 1 + random() % 20; n > 0; --n) {
    append_utf8(kBlocks[random() % std::size(kBlocks)] + static_cast<char32_t>(random() % 48),
                text);
    if (random() % 8 == 0) append_utf8(0x200D, text);
  }
  return text;
}

void check_map(const std::string& json) {
  const JsonDocument document = JsonDocument::parse(json, "tokenizer.json");
  const JsonValue root = document.root();
  const NormalizerPtr normalizer = load_changed_normalizer(root.at("normalizer"), {});
  const auto* const map = dynamic_cast<const Charsmap*>(normalizer.get());
  ASSERT_NE(map, nullptr);
  std::mt19937 random(5);
  MappedText mapped;
  MappedText scratch;
  for (int i = 0; i < 30000; ++i) {
    const std::string text = random_text(random);
    const bool track = i % 2 == 0;
    Pace pace;
    mapped.assign({text, 0, text.size()}, track, pace);
    map->apply(mapped, scratch, pace);
    ASSERT_EQ(mapped.bytes, apply_plainly(*map, text)) << text;
    ASSERT_EQ(mapped.origins.size(), track ? mapped.bytes.size() : 0U);
  }
}

TEST(Charsmap, AppliesXlmRobertasMapAsTheRuleSays) {
  check_map(read_xz(test_data() + "/tokenizer/xlm-roberta/tokenizer.json.xz"));
}

TEST(Charsmap, AppliesAMapOfOddRulesAsTheRuleSays) {
  const JsonDocument document =
      JsonDocument::load(test_data() + "/tokenizer/components/norm_charsmap_u.json");
  const JsonValue root = document.root();
  std::string json = R"({"normalizer":{"type":"Precompiled","precompiled_charsmap":)";
  append_json_string(root.at("normalizer").at("precompiled_charsmap").string(), json);
  check_map(json + "}}");
}

// A trie whose unit points far outside, a leaf behind the replacements: no rule, no crash.
TEST(Charsmap, SurvivesBrokenTries) {
  std::mt19937 random(6);
  for (int i = 0; i < 200; ++i) {
    std::string blob = {'\0', '\4', '\0', '\0'};  // 256 units
    for (int k = 0; k < 1024; ++k) blob.push_back(static_cast<char>(random() % 256));
    blob += "abc";
    const Charsmap map(blob);
    MappedText text;
    MappedText scratch;
    const std::string input = random_text(random);
    Pace pace;
    text.assign({input, 0, input.size()}, true, pace);
    map.apply(text, scratch, pace);
    EXPECT_TRUE(is_valid_utf8(text.bytes));
  }
}

}  // namespace
}  // namespace nestvec
