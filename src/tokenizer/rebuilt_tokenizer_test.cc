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

// Types and names for which AutoTokenizer of transformers 5.23 makes a BertTokenizer.
TEST_F(RebuiltTokenizerTest, OtherNamesMeanTheSameClass) {
  tokenizer("false", "100");
  for (const char* name : {"DistilBertTokenizer", "ElectraTokenizerFast"}) {
    EXPECT_NE(check(std::string(R"({"tokenizer_class": ")") + name + R"("})").find("normalizer;"),
              std::string::npos)
        << name;
  }
  for (const char* type : {"distilbert", "electra", "nomic_bert"}) {
    write_text(folder_ / "config.json", std::string(R"({"model_type": ")") + type + R"("})");
    EXPECT_NE(check("{}").find("a BertTokenizer from"), std::string::npos) << type;
    EXPECT_EQ(check(R"({"tokenizer_class": "PreTrainedTokenizerFast"})"), "") << type;
  }
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

// What differs in these was tried with AutoTokenizer of transformers 5.23, whose ids differ from
// those of tokenizer.json for the same changes.
class RebuiltByteLevelTest : public RebuiltTokenizerTest {
 protected:
  static constexpr const char* kQwenPieces =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|)"
      R"(\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)";

  void byte_level(const std::string& type, const std::string& text, const std::string& with = "") {
    write_text(folder_ / "config.json", R"({"model_type": ")" + type + R"("})");
    std::string file = text;
    if (const std::size_t half = with.find('~'); half != std::string::npos) {
      file.replace(file.find(with.substr(0, half)), half, with.substr(half + 1));
    }
    write_text(folder_ / "tokenizer.json", file);
  }

  // `change` is "what~with what".
  void qwen(const std::string& change = "", const std::string& type = "qwen3") {
    byte_level(type,
               R"({"normalizer": {"type": "NFC"}, "pre_tokenizer": {"type": "Sequence",
                   "pretokenizers": [{"type": "Split", "pattern": {"Regex": ")" +
                   std::string(kQwenPieces) +
                   R"("}, "behavior": "Isolated", "invert": false}, {"type": "ByteLevel",
                   "add_prefix_space": false, "trim_offsets": false, "use_regex": false}]},
                   "model": {"type": "BPE", "unk_token": null, "fuse_unk": false,
                   "ignore_merges": false, "vocab": {"a": 0}, "merges": []}})",
               change);
  }
  void roberta(const std::string& change = "", const std::string& type = "roberta") {
    byte_level(type,
               R"({"normalizer": null, "pre_tokenizer": {"type": "ByteLevel",
                   "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
                   "post_processor": {"type": "RobertaProcessing", "sep": ["</s>", 2],
                   "cls": ["<s>", 0], "trim_offsets": true, "add_prefix_space": false},
                   "model": {"type": "BPE", "continuing_subword_prefix": "",
                   "end_of_word_suffix": "", "vocab": {"<s>": 0, "<pad>": 1, "</s>": 2},
                   "merges": []}})",
               change);
  }
};

TEST_F(RebuiltByteLevelTest, WhatTheClassWouldMakeIsNoNews) {
  qwen();
  EXPECT_EQ(check("{}"), "");
  EXPECT_EQ(check(R"({"tokenizer_class": "Qwen2Tokenizer", "add_prefix_space": false,
                      "add_bos_token": false, "eos_token": "x"})"),
            "");
  roberta();
  EXPECT_EQ(check("{}"), "");
  EXPECT_EQ(check(R"({"tokenizer_class": "RobertaTokenizerFast", "cls_token": "<s>"})"), "");
  roberta(R"("post_processor"~"ignored")", "gpt2");  // its class takes that of the file
  EXPECT_EQ(check("{}"), "");
}

TEST_F(RebuiltByteLevelTest, OtherPartsOfQwen2AreTold) {
  qwen(R"({"type": "NFC"}~null)");
  EXPECT_NE(check("{}").find("builds a Qwen2Tokenizer from"), std::string::npos);
  EXPECT_NE(check("{}").find("own normalizer;"), std::string::npos);
  EXPECT_EQ(check(R"({"tokenizer_class": "PreTrainedTokenizerFast"})"), "");
  qwen(R"({"type": "NFC"}~null)", "qwen2");  // whose class does not count
  EXPECT_NE(check(R"({"tokenizer_class": "PreTrainedTokenizerFast"})").find("own normalizer;"),
            std::string::npos);
  for (const char* change :
       {R"(\\p{N}| ~\\p{N}{1,3}| )", R"("Isolated"~"Removed")", R"("invert": false~"invert": true)",
        R"("use_regex": false~"use_regex": true)", R"("add_prefix_space": false~"x": false)"}) {
    qwen(change);
    EXPECT_NE(check("{}").find("own pre_tokenizer;"), std::string::npos) << change;
  }
  for (const char* change :
       {R"("unk_token": null~"unk_token": "a")", R"("fuse_unk": false~"fuse_unk": true)",
        R"("ignore_merges": false~"ignore_merges": true)"}) {
    qwen(change);
    EXPECT_NE(check("{}").find("own model;"), std::string::npos) << change;
  }
}

TEST_F(RebuiltByteLevelTest, OtherPartsOfRobertaAndGpt2AreTold) {
  roberta(R"("normalizer": null~"normalizer": {"type": "NFC"})");
  EXPECT_NE(check("{}").find("builds a RobertaTokenizer from"), std::string::npos);
  EXPECT_NE(check("{}").find("own normalizer;"), std::string::npos);
  roberta(R"("post_processor"~"ignored")");
  EXPECT_NE(check("{}").find("own post_processor;"), std::string::npos);
  roberta(R"("normalizer": null~"normalizer": {"type": "NFC"})", "gpt2");
  EXPECT_NE(check("{}").find("builds a GPT2Tokenizer from"), std::string::npos);
  roberta(R"("use_regex": true~"use_regex": false)");
  EXPECT_NE(check("{}").find("own pre_tokenizer;"), std::string::npos);
}

TEST_F(RebuiltByteLevelTest, ContradictionsAreRefused) {
  roberta();
  EXPECT_NE(check(R"({"cls_token": "</s>"})").find("before a text, but cls_token"),
            std::string::npos);
  EXPECT_NE(check(R"({"add_prefix_space": true})").find("ByteLevel puts no space before a text"),
            std::string::npos);
  EXPECT_EQ(check(R"({"bos_token": "</s>"})"), "");
  roberta(R"("add_prefix_space": false~"add_prefix_space": true)");
  EXPECT_NE(check(R"({"add_prefix_space": false})").find("ByteLevel puts a space before a text"),
            std::string::npos);
  EXPECT_EQ(check(R"({"add_prefix_space": true})"), "");
  EXPECT_NE(check("{}").find("own pre_tokenizer;"), std::string::npos);
  qwen();
  EXPECT_NE(check(R"({"add_prefix_space": true})").find("but add_prefix_space"), std::string::npos);
}

// Loaded as they are by every version.
TEST_F(RebuiltByteLevelTest, ModernBertAndEuroBertAreNotRebuilt) {
  for (const char* type : {"modernbert", "eurobert"}) {
    qwen(R"({"type": "NFC"}~null)", type);
    EXPECT_EQ(check("{}"), "") << type;
    EXPECT_EQ(check(R"({"tokenizer_class": "PreTrainedTokenizerFast"})"), "") << type;
  }
  qwen("", "modernbert");
  EXPECT_EQ(check(R"({"tokenizer_class": "RobertaTokenizer"})"), "");
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
