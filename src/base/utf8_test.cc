// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

std::string repaired(std::string_view text) {
  std::string storage;
  return std::string(repair_utf8(text, storage));
}

constexpr const char* kFffd = "\xEF\xBF\xBD";

TEST(RepairUtf8, ValidTextIsReturnedItself) {
  const std::string text = "a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80";
  std::string storage;
  EXPECT_EQ(repair_utf8(text, storage).data(), text.data());
}

// Expected values are Python's bytes.decode(errors="replace").
TEST(RepairUtf8, OneReplacementForEachMaximalSubpart) {
  const std::string r = kFffd;
  EXPECT_EQ(repaired("\x80"), r);
  EXPECT_EQ(repaired("a\xFF\xFE"), "a" + r + r);
  EXPECT_EQ(repaired("\xE4\xB8"), r);  // cut short: one subpart
  EXPECT_EQ(repaired("\xE4\xB8z"), r + "z");
  EXPECT_EQ(repaired("\xF0\x9F\x98"), r);
  EXPECT_EQ(repaired("\xC0\xAF"), r + r);                  // overlong
  EXPECT_EQ(repaired("\xE0\x80\xAF"), r + r + r);          // overlong
  EXPECT_EQ(repaired("\xED\xA0\x80"), r + r + r);          // surrogate
  EXPECT_EQ(repaired("\xF4\x90\x80\x80"), r + r + r + r);  // over U+10FFFF
  EXPECT_EQ(repaired("\xF1\x80\x80\xE1\x80\xC2z"), r + r + r + "z");
}

TEST(Utf8, DecodesWhatItAppends) {
  for (char32_t code_point = 0; code_point <= 0x10FFFF; ++code_point) {
    if (code_point >= 0xD800 && code_point <= 0xDFFF) continue;
    std::string text;
    append_utf8(code_point, text);
    const DecodedCodePoint decoded = decode_utf8(text);
    ASSERT_EQ(decoded.code_point, code_point);
    ASSERT_EQ(decoded.length, text.size());
    ASSERT_TRUE(is_valid_utf8(text));
  }
}

}  // namespace
}  // namespace nestvec
