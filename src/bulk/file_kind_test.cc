// SPDX-License-Identifier: Apache-2.0
// Files that are no text are named; texts, also broken and odd ones, are left alone.
#include "bulk/file_kind.h"

#include <gtest/gtest.h>

#include <string>

#include "nestvec/error.h"
#include "support/error_of.h"

namespace nestvec {
namespace {

// A literal with the NUL bytes in it.
template <std::size_t kSize>
std::string raw(const char (&literal)[kSize]) {
  return std::string(literal, kSize - 1);
}

std::string refusal_of(const std::string& head) {
  return error_of([&] { check_text(head, "file"); });
}

TEST(FileKind, NamesWhatIsNoText) {
  const std::pair<std::string, std::string> kinds[] = {
      {raw("PAR1\x15\x04"), "Parquet"},
      {raw("ARROW1\0\0"), "Arrow"},
      {raw("\xFD\x37zXZ\0\0\x04"), "xz"},
      {raw("BZh91AY&SY\x8F"), "bzip2"},
      {raw("BZh9\x17\x72\x45\x38\x50\x90"), "bzip2"},
      {raw("PK\x03\x04\x14\0"), "ZIP"},
      {raw("%PDF-1.7\n"), "PDF"},
      {raw("\x93NUMPY\x01\0"), "NumPy"},
      {raw("SQLite format 3\0"), "SQLite"},
      {raw("\xFF\xFE\0\0a\0\0\0"), "UTF-32"},
      {std::string(257, 'n') + raw("ustar\0"), "tar"},
  };
  for (const auto& [head, name] : kinds) {
    const std::string refusal = refusal_of(head);
    EXPECT_EQ(refusal.rfind("file is ", 0), 0u) << name;
    EXPECT_NE(refusal.find(name), std::string::npos) << refusal;
  }
}

TEST(FileKind, TextsPass) {
  for (const std::string& text :
       {raw(""), raw("a"), raw("PK"), raw("PAR"), raw("BZh9 is not how bzip2 goes on"), raw("Obj"),
        raw("\x1f"), raw("\xE5\x8C\x97\xE4\xBA\xAC"), raw("cut \xE5\x8C"),
        raw("one Latin-1 \xE9 among many")}) {
    EXPECT_EQ(refusal_of(text), "");
  }
}

TEST(FileKind, BytesThatAreNotUtf8AreNamedWithTheirPlace) {
  EXPECT_EQ(refusal_of(raw("a\0b")).rfind("file is not text: byte 1 is NUL", 0), 0u);
  std::string latin = "abc";
  for (int i = 0; i < 9; ++i) latin += "\xE9 ";
  const std::string refusal = refusal_of(latin);
  EXPECT_EQ(refusal.rfind("file is not UTF-8: byte 3 is 0xE9, and 8 more of the first 21", 0), 0u)
      << refusal;
  EXPECT_NE(refusal.find("--force-text"), std::string::npos);
  EXPECT_EQ(refusal_of(latin.substr(0, latin.size() - 2)), "");
}

TEST(FileKind, CodingsThatAreUndone) {
  EXPECT_EQ(find_coding(raw("\x1f\x8b\x08\0")), Coding::kGzip);
  EXPECT_EQ(find_coding(raw("\x28\xb5\x2f\xfd")), Coding::kZstd);
  for (char c = 0x50; c <= 0x5F; ++c) {
    EXPECT_EQ(find_coding(std::string(1, c) + "\x2a\x4d\x18"), Coding::kZstd);
  }
  EXPECT_EQ(find_coding(raw("\x60\x2a\x4d\x18")), Coding::kNone);
  EXPECT_EQ(find_coding(raw("\xFF\xFE"
                            "a\0")),
            Coding::kUtf16Little);
  EXPECT_EQ(find_coding(raw("\xFE\xFF\0a")), Coding::kUtf16Big);
  EXPECT_EQ(find_coding(raw("\xFF\xFE\0\0")), Coding::kNone);
  EXPECT_EQ(find_coding(raw("text")), Coding::kNone);
}

}  // namespace
}  // namespace nestvec
