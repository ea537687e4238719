// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/normalizer_changes.h"

#include <gtest/gtest.h>

#include "support/checkpoint.h"

namespace nestvec {
namespace {

class NormalizerChangesTest : public testing::Test {
 protected:
  NormalizerChangesTest() { tokenizer(R"({"type": "BertNormalizer", "lowercase": false})"); }

  void tokenizer(const std::string& normalizer) {
    write_text(folder_ / "tokenizer.json", R"({"normalizer": )" + normalizer + "}");
  }
  void config(const std::string& text) { write_text(folder_ / "tokenizer_config.json", text); }
  NormalizerChanges read() {
    notes_.clear();
    return read_normalizer_changes(folder_.string(), notes_);
  }

  TemporaryFolder folder_;
  std::vector<std::string> notes_;
};

TEST_F(NormalizerChangesTest, WithoutFilesNothingChanges) {
  const NormalizerChanges changes = read();
  EXPECT_FALSE(changes.lowercase_first || changes.lowercase || changes.strip_accents ||
               changes.handle_chinese_chars);
  EXPECT_TRUE(notes_.empty());
}

TEST_F(NormalizerChangesTest, TheFirstConfigurationOfSentenceTransformersThatSaysSomethingCounts) {
  write_text(folder_ / "sentence_roberta_config.json", R"({"do_lower_case": true})");
  EXPECT_TRUE(read().lowercase_first);
  write_text(folder_ / "sentence_bert_config.json", "{}");
  EXPECT_TRUE(read().lowercase_first);
  write_text(folder_ / "sentence_bert_config.json", R"({"max_seq_length": 8})");
  EXPECT_FALSE(read().lowercase_first);
}

TEST_F(NormalizerChangesTest, ABertNormalizerFollowsTheTokenizersConfiguration) {
  config(R"({"do_lower_case": true, "strip_accents": null, "tokenize_chinese_chars": false})");
  NormalizerChanges changes = read();
  EXPECT_EQ(changes.lowercase, true);
  EXPECT_EQ(changes.strip_accents, std::nullopt);
  EXPECT_EQ(changes.handle_chinese_chars, false);
  ASSERT_EQ(notes_.size(), 1u);  // tokenizer.json says nothing of Chinese
  EXPECT_NE(notes_[0].find("do_lower_case of tokenizer_config.json is true"), std::string::npos);
  EXPECT_NE(notes_[0].find("the former counts"), std::string::npos);
  config(R"({"do_lower_case": false})");
  changes = read();
  EXPECT_EQ(changes.lowercase, false);
  EXPECT_TRUE(notes_.empty());
  tokenizer(R"({"type": "Sequence", "normalizers": [{"type": "NFC"},
                {"type": "BertNormalizer", "lowercase": true}]})");
  EXPECT_EQ(read().lowercase, false);
  EXPECT_EQ(notes_.size(), 1u);
}

// transformers rebuilds a BertTokenizer, not what it knows only as a tokenizer.json.
TEST_F(NormalizerChangesTest, OtherTokenizersDoNot) {
  config(R"({"do_lower_case": true, "tokenizer_class": "PreTrainedTokenizerFast"})");
  EXPECT_EQ(read().lowercase, std::nullopt);
  ASSERT_EQ(notes_.size(), 1u);
  EXPECT_NE(notes_[0].find("the latter counts"), std::string::npos);
  tokenizer(R"({"type": "Precompiled"})");
  config(R"({"do_lower_case": true})");
  EXPECT_EQ(read().lowercase, std::nullopt);
  ASSERT_EQ(notes_.size(), 1u);
  EXPECT_NE(notes_[0].find("has no effect"), std::string::npos);
  config(R"({"do_lower_case": false})");
  read();
  EXPECT_TRUE(notes_.empty());
}

TEST_F(NormalizerChangesTest, AddedTokensComeAlong) {
  config(R"({"split_special_tokens": true, "mask_token": "m",
             "added_tokens_decoder": {"4": {"content": "y"}}})");
  const NormalizerChanges changes = read();
  EXPECT_TRUE(changes.split_special);
  ASSERT_EQ(changes.tokens.size(), 2u);
  EXPECT_EQ(changes.tokens[1].content, "m");
  ASSERT_EQ(changes.restated.size(), 1u);
  EXPECT_EQ(changes.restated[0].content, "y");
}

TEST_F(NormalizerChangesTest, WhereAKeyMeansNothingItsTypeDoesNotMatter) {
  tokenizer(R"({"type": "Precompiled"})");
  config(R"({"do_lower_case": "false", "strip_accents": 0})");
  EXPECT_EQ(read().lowercase, std::nullopt);
  EXPECT_TRUE(notes_.empty());
}

}  // namespace
}  // namespace nestvec
