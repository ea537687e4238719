// SPDX-License-Identifier: Apache-2.0
// What goldens cannot show of BPE: sizes, caches, and that nothing depends on what came before.
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "base/pace.h"
#include "nestvec/error.h"
#include "support/error_of.h"
#include "support/folders.h"
#include "support/slow_run.h"
#include "tokenizer/byte_level.h"
#include "tokenizer/tokenizer.h"

namespace nestvec {
namespace {

Tokenizer component(const std::string& name) {
  return Tokenizer::load(test_data() + "/tokenizer/components/" + name + ".json");
}

std::uint64_t steps_for(const Tokenizer& tokenizer, const std::string& text) {
  Pace pace;
  EncodeOptions options;
  options.pace = &pace;
  tokenizer.encode(text, options);
  return pace.steps();
}

TEST(ByteLevelAlphabet, WritesEachByteAsOneCharacterAndBack) {
  EXPECT_EQ(byte_to_character(' '), U'\u0120');
  EXPECT_EQ(byte_to_character('\n'), U'\u010a');
  EXPECT_EQ(byte_to_character('a'), U'a');
  EXPECT_EQ(byte_to_character(0xAD), U'\u0143');
  std::string bytes = "x";
  EXPECT_TRUE(append_bytes_of("\u0120a\u00c3\u00a9", bytes));
  EXPECT_EQ(bytes, "x a\xC3\xA9");
  EXPECT_FALSE(append_bytes_of("ab\u4f60", bytes));
  EXPECT_FALSE(append_bytes_of("\u0144", bytes));
  EXPECT_FALSE(append_bytes_of("a b", bytes));
  EXPECT_EQ(bytes, "x a\xC3\xA9");
}

TEST(Bpe, CutsALongWordInNearlyLinearTime) {
  const Tokenizer tokenizer = component("bpe_qwen_i0");
  const std::size_t size = kSlowRun ? 20000 : 1000000;
  for (const char* letter : {"a", "\u00e9", "0", " ", "x", "!"}) {
    std::string text;
    while (text.size() < size) text += letter;
    EXPECT_LE(steps_for(tokenizer, text), text.size() * 12) << letter;
  }
}

TEST(Bpe, RemembersWordsOfOneModelOnly) {
  const Tokenizer merging = component("bpe_qwen_i0");
  const Tokenizer whole = component("bpe_qwen_i1");
  const std::vector<std::uint32_t> first = merging.encode("hello hel unreachable").ids;
  const std::vector<std::uint32_t> second = whole.encode("hello hel unreachable").ids;
  EXPECT_NE(first, second);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(merging.encode("hello hel unreachable").ids, first);
    EXPECT_EQ(whole.encode("hello hel unreachable").ids, second);
  }
  // Another model, perhaps in the memory of one that is gone.
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(component("bpe_qwen_i0").encode("hello hel unreachable").ids, first);
    EXPECT_EQ(component("bpe_qwen_i1").encode("hello hel unreachable").ids, second);
  }
}

TEST(Bpe, CutsAsBeforeWhenItsCacheIsFull) {
  const Tokenizer tokenizer = component("bpe_byte_level_p0x1");
  std::string text;
  for (int i = 0; i < (kSlowRun ? 9000 : 40000); ++i) text += " w" + std::to_string(i);
  const Tokens once = tokenizer.encode(text);
  const Tokens again = tokenizer.encode(text);
  EXPECT_EQ(once.ids, again.ids);
  EXPECT_EQ(once.offsets, again.offsets);
  std::vector<std::uint32_t> elsewhere;
  std::thread([&] { elsewhere = tokenizer.encode(text).ids; }).join();
  EXPECT_EQ(once.ids, elsewhere);
}

TEST(Bpe, NeedsTheUnknownTokenThatTheFileNames) {
  const Tokenizer tokenizer = Tokenizer::parse(
      R"({"model":{"type":"BPE","unk_token":"?","vocab":{"a":0},"merges":[]}})", "t.json");
  EXPECT_EQ(tokenizer.encode("aa").ids, (std::vector<std::uint32_t>{0, 0}));
  EXPECT_EQ(error_of([&] { tokenizer.encode("b"); }),
            "the text has a character that is not in the vocabulary, and the vocabulary lacks the "
            "unk_token \"?\"");
}

TEST(Bpe, CountsTheLastOfEqualTokens) {
  const Tokenizer tokenizer = Tokenizer::parse(
      R"({"model":{"type":"BPE","vocab":{"a":0,"b":1,"a":2},"merges":[]}})", "t.json");
  EXPECT_EQ(tokenizer.encode("ab").ids, (std::vector<std::uint32_t>{2, 1}));
  EXPECT_EQ(tokenizer.vocabulary_size(), 2u);
  EXPECT_EQ(tokenizer.id_to_token(0), "");
}

}  // namespace
}  // namespace nestvec
