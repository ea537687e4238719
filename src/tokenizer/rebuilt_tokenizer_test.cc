// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/rebuilt_tokenizer.h"

#include <gtest/gtest.h>

#include "support/checkpoint.h"
#include "support/error_of.h"

namespace nestvec {
namespace {

class RebuiltTokenizerTest : public testing::Test {
 protected:
  RebuiltTokenizerTest() {
    write_text(folder_ / "config.json", R"({"model_type": "bert"})");
    tokenizer("true", "100");
  }

  void tokenizer(const std::string& lowercase, const std::string& longest) {
    write_text(folder_ / "tokenizer.json",
               R"({"normalizer": {"type": "BertNormalizer", "clean_text": true,
                   "handle_chinese_chars": true, "lowercase": )" +
                   lowercase + R"(}, "pre_tokenizer": {"type": "BertPreTokenizer"},
                   "post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 1],
                   "sep": ["[SEP]", 2]}, "model": {"type": "WordPiece", "unk_token": "[UNK]",
                   "continuing_subword_prefix": "##", "max_input_chars_per_word": )" +
                   longest + R"(, "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2}}})");
  }
  // The notes, or the error.
  std::string check(const std::string& config) {
    std::vector<std::string> notes;
    const JsonDocument document = JsonDocument::parse(config, "tokenizer_config.json");
    const std::string error = error_of([&] {
      const StatedTokens stated = read_stated_tokens(folder_.string(), document.root());
      check_rebuilt_tokenizer(folder_.string(), document.root(), stated, notes);
    });
    return notes.empty() ? error : notes[0];
  }

  TemporaryFolder folder_;
};

TEST_F(RebuiltTokenizerTest, WhatTheClassWouldMakeIsNoNews) {
  EXPECT_EQ(check("{}"), "");
  EXPECT_EQ(check(R"({"cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"})"), "");
}

TEST_F(RebuiltTokenizerTest, OtherPartsAreToldUnlessAKeyStatesThem) {
  tokenizer("false", "9");
  EXPECT_NE(check("{}").find("without this file's own model, normalizer;"), std::string::npos);
  EXPECT_NE(check(R"({"do_lower_case": false})").find("own model;"), std::string::npos);
  EXPECT_EQ(check(R"({"tokenizer_class": "PreTrainedTokenizerFast"})"), "");
}

TEST_F(RebuiltTokenizerTest, AccentsFollowTheLetters) {
  const auto with_accents = [this](const std::string& strips) {
    write_text(folder_ / "tokenizer.json",
               R"({"normalizer": {"type": "BertNormalizer", "strip_accents": )" + strips +
                   R"(}, "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor":
                   {"type": "BertProcessing", "cls": ["[CLS]", 1], "sep": ["[SEP]", 2]},
                   "model": {"type": "WordPiece", "unk_token": "[UNK]",
                   "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
                   "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2}}})");
  };
  with_accents("false");
  EXPECT_NE(check("{}").find("own normalizer;"), std::string::npos);
  EXPECT_EQ(check(R"({"strip_accents": true})"), "");
  EXPECT_EQ(check(R"({"do_lower_case": false})"), "");
  with_accents("true");
  EXPECT_EQ(check("{}"), "");
  EXPECT_NE(check(R"({"do_lower_case": false})").find("own normalizer;"), std::string::npos);
}

// The vocabulary of a Unigram is a list; "<s>" and "</s>" stand in it alone.
TEST_F(RebuiltTokenizerTest, AnXlmRobertaTokenizerHasItsOwnEndsAndSpaces) {
  const auto write = [this](const std::string& scheme, const std::string& unknown) {
    write_text(folder_ / "tokenizer.json",
               R"({"normalizer": {"type": "Strip"}, "pre_tokenizer": {"type": "Sequence",
                   "pretokenizers": [{"type": "WhitespaceSplit"}, {"type": "Metaspace",
                   "prepend_scheme": ")" +
                   scheme + R"("}]}, "post_processor": {"type": "RobertaProcessing",
                   "sep": ["</s>", 2], "cls": ["<s>", 0]}, "model": {"type": "Unigram", "unk_id": )" +
                   unknown +
                   R"(, "vocab": [["<s>", 0], ["<pad>", 0], ["</s>", 0], ["<unk>", 0]]}})");
  };
  write_text(folder_ / "config.json", R"({"model_type": "xlm-roberta"})");
  write("always", "3");
  EXPECT_EQ(check("{}"), "");
  EXPECT_EQ(check(R"({"bos_token": "<s>", "eos_token": "</s>", "add_prefix_space": true})"), "");
  EXPECT_NE(check(R"({"bos_token": "</s>"})").find("before a text, but bos_token"),
            std::string::npos);
  EXPECT_NE(check(R"({"eos_token": "<s>"})").find("behind a text, but eos_token"),
            std::string::npos);
  EXPECT_NE(check(R"({"add_prefix_space": false})").find("puts a space before a text"),
            std::string::npos);
  EXPECT_EQ(check(R"({"unk_token": "<pad>"})"), "");  // its number counts
  write("never", "1");
  EXPECT_NE(check("{}").find("an XLMRobertaTokenizer from"), std::string::npos);
  EXPECT_NE(check("{}").find("own model, pre_tokenizer;"), std::string::npos);
  EXPECT_NE(check(R"({"add_prefix_space": true})").find("puts no space before a text"),
            std::string::npos);
}

TEST_F(RebuiltTokenizerTest, ContradictionsAreRefused) {
  EXPECT_NE(check(R"({"cls_token": "[SEP]"})").find("before a text, but cls_token"),
            std::string::npos);
  EXPECT_NE(check(R"({"sep_token": "[CLS]"})").find("behind a text, but sep_token"),
            std::string::npos);
  EXPECT_NE(check(R"({"unk_token": "[CLS]"})").find("unk_token"), std::string::npos);
  EXPECT_NE(check(R"({"cls_token": "[NEW]"})").find("before a text, but cls_token"),
            std::string::npos);
  EXPECT_EQ(check(R"({"cls_token": "[SEP]", "tokenizer_class": "PreTrainedTokenizerFast"})"), "");
}

}  // namespace
}  // namespace nestvec
