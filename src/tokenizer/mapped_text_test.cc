// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/mapped_text.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

using Origins = std::vector<std::uint32_t>;

MappedText mapped(std::string_view text) {
  Pace pace;
  MappedText result;
  result.assign({text, 0, text.size()}, true, pace);
  return result;
}

TEST(MappedText, KnowsTheCharacterOfEachByte) {
  Pace pace;
  EXPECT_EQ(mapped("a\u00e9\u4f60").origins, (Origins{0, 1, 1, 3, 3, 3}));
  MappedText part;
  part.assign({"xa\u00e9", 1, 4}, true, pace);
  EXPECT_EQ(part.bytes, "a\u00e9");
  EXPECT_EQ(part.origins, (Origins{1, 2, 2}));
}

TEST(TextEditor, ReplacesInsertsAndRemoves) {
  Pace pace;
  const MappedText source = mapped("abcd");
  MappedText target;
  TextEditor editor(source, target, pace);
  editor.copy(0, 1);
  editor.put(U'X', 0);   // for b
  editor.put(U'Y', 1);   // stands for b too
  editor.put(U'Z', -1);  // for c, and d is gone
  EXPECT_EQ(target.bytes, "aXYZ");
  EXPECT_EQ(target.origins, (Origins{0, 1, 1, 2}));
}

// The reference adds what is removed to the change of the character before: an inserted one then
// takes the place of the first that is gone.
TEST(TextEditor, RemovalBehindAnInsertionTakesItsPlace) {
  Pace pace;
  const MappedText source = mapped("abc");
  MappedText target;
  TextEditor editor(source, target, pace);
  editor.put(U'X', 0);  // for a
  editor.put(U'Y', 1);
  editor.remove(1);  // b
  editor.copy(2, 3);
  EXPECT_EQ(target.bytes, "XYc");
  EXPECT_EQ(target.origins, (Origins{0, 1, 2}));
}

// With nothing put yet there is nothing that could carry the removal: origins lag behind.
TEST(TextEditor, RemovalAtTheStartIsNotSeen) {
  Pace pace;
  const MappedText source = mapped("abc");
  MappedText target;
  TextEditor editor(source, target, pace);
  editor.remove(1);
  editor.copy(1, 3);
  EXPECT_EQ(target.bytes, "bc");
  EXPECT_EQ(target.origins, (Origins{0, 1}));
}

TEST(TextEditor, WritesBytesAloneWhereNothingIsTracked) {
  Pace pace;
  MappedText source;
  source.assign({"a\u00e9", 0, 3}, false, pace);
  MappedText target;
  TextEditor editor(source, target, pace);
  editor.put(U'\u4f60', 0);
  editor.remove(5);
  editor.copy(1, 3);
  EXPECT_EQ(target.bytes, "\u4f60\u00e9");
  EXPECT_TRUE(target.origins.empty());
}

}  // namespace
}  // namespace nestvec
