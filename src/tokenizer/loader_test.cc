// SPDX-License-Identifier: Apache-2.0
// What a tokenizer.json is refused for, and how the message names it.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "nestvec/error.h"
#include "support/error_of.h"
#include "tokenizer/component_loader.h"
#include "tokenizer/tokenizer.h"

namespace nestvec {
namespace {

const char* const kModel =
    R"("model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["a",-1.5],["\u2581a",-2]]})";

std::string message_for(const std::string& json) {
  return error_of([&] { Tokenizer::parse(json, "tokenizer.json"); });
}

std::string message_for_part(const std::string& part) {
  return message_for("{" + part + "," + kModel + "}");
}

std::string message_for_model(const std::string& model) {
  return message_for(R"({"model":)" + model + "}");
}

TEST(Loader, ReadsTheSmallestFile) {
  EXPECT_EQ(message_for("{" + std::string(kModel) + "}"), "");
  EXPECT_EQ(message_for_part(R"("version":"1.0","padding":{"anything":1},"decoder":null)"), "");
}

TEST(Loader, NamesTheUnknownComponent) {
  EXPECT_EQ(message_for_part(R"("normalizer":{"type":"Nmt"})"),
            "tokenizer.json: normalizer: the normalizer \"Nmt\" is not supported");
  EXPECT_EQ(message_for_part(
                R"("normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"X"}]})"),
            "tokenizer.json: normalizer.normalizers[1]: the normalizer \"X\" is not supported");
  EXPECT_EQ(message_for_part(R"("pre_tokenizer":{"type":"UnicodeScripts"})"),
            "tokenizer.json: pre_tokenizer: the pre-tokenizer \"UnicodeScripts\" is not supported");
  EXPECT_EQ(message_for_part(R"("post_processor":{"type":"Other"})"),
            "tokenizer.json: post_processor: the post-processor \"Other\" is not supported");
  EXPECT_EQ(message_for_part(R"("decoder":{"type":"CTC"})"),
            "tokenizer.json: decoder: the decoder \"CTC\" is not supported");
  EXPECT_EQ(message_for_model(R"({"type":"Other","vocab":{}})"),
            "tokenizer.json: model: the model \"Other\" is not supported");
  EXPECT_EQ(message_for_part(R"("version":"2.0")"),
            "tokenizer.json: version: \"2.0\" is not supported, only 1.0");
}

TEST(Loader, NamesTheBrokenValue) {
  EXPECT_EQ(message_for("{}"), "tokenizer.json: \"model\" is missing");
  EXPECT_EQ(message_for_model(R"({"type":"Unigram","vocab":[["a",0],["b"]]})"),
            "tokenizer.json: model.vocab: entry 1: expected [token, score]");
  EXPECT_EQ(message_for_model(R"({"type":"Unigram","unk_id":2,"vocab":[["a",0]]})"),
            "tokenizer.json: model: unk_id 2 is not in the vocabulary");
  EXPECT_EQ(message_for_model(R"({"type":"Unigram","vocab":[["a",1e300]]})"),
            "tokenizer.json: model: token 0 has a score beyond 1e30");
  EXPECT_EQ(message_for_model(R"({"type":"WordPiece","vocab":{"a":-1}})"),
            "tokenizer.json: model.vocab: the id of \"a\" is not a valid token id");
  EXPECT_EQ(message_for_model(R"({"type":"WordPiece","vocab":{"a":4000000000},"unk_token":"a",
                                  "continuing_subword_prefix":"","max_input_chars_per_word":9})"),
            "tokenizer.json: model: token id 4000000000 is too large, ids end at 16777215");
  EXPECT_EQ(message_for_part(R"("pre_tokenizer":{"type":"Metaspace","replacement":"ab"})"),
            "tokenizer.json: pre_tokenizer.replacement: expected one character");
  EXPECT_EQ(
      message_for_part(R"("pre_tokenizer":{"type":"Metaspace","replacement":"_",
                                "add_prefix_space":false,"prepend_scheme":"first"})"),
      "tokenizer.json: pre_tokenizer: \"add_prefix_space\" does not match \"prepend_scheme\"");
  EXPECT_EQ(message_for_part(R"("truncation":{"max_length":5,"strategy":"Both","stride":0})"),
            "tokenizer.json: truncation.strategy: \"Both\" is not a strategy");
}

TEST(Loader, RefusesBrokenBpe) {
  const auto with = [](const std::string& rest) {
    return message_for_model(R"({"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"##b":3},)" + rest + "}");
  };
  EXPECT_EQ(with(R"("merges":["a b"],"dropout":null)"), "");
  EXPECT_EQ(with(R"("merges":[["a","b"],"#version: 0.2"],"dropout":0)"), "");
  EXPECT_EQ(with(R"("dropout":0)"), "tokenizer.json: model: \"merges\" is missing");
  EXPECT_EQ(with(R"("merges":["a b"],"dropout":0.1)"),
            "tokenizer.json: model.dropout: expected null or 0, since texts would become other "
            "tokens each time");
  const std::string shape = ": expected \"left right\" or [left, right]";
  EXPECT_EQ(with(R"("merges":["a b","a  b"])"), "tokenizer.json: model.merges: merge 1" + shape);
  EXPECT_EQ(with(R"("merges":["ab"])"), "tokenizer.json: model.merges: merge 0" + shape);
  EXPECT_EQ(with(R"("merges":[["a"]])"), "tokenizer.json: model.merges: merge 0" + shape);
  EXPECT_EQ(with(R"("merges":[["a",1]])"), "tokenizer.json: model.merges: merge 0" + shape);
  const std::string unknown = "\", which is not in the vocabulary";
  EXPECT_EQ(with(R"("merges":["a c"])"),
            "tokenizer.json: model: merge 0 names or makes the token \"c" + unknown);
  EXPECT_EQ(with(R"("merges":["a b","b a"])"),
            "tokenizer.json: model: merge 1 names or makes the token \"ba" + unknown);
  EXPECT_EQ(with(R"("merges":[["","a"]])"),
            "tokenizer.json: model: merge 0 of \"\" and \"a\": expected two tokens that are not "
            "empty, the second with the continuing_subword_prefix");
}

TEST(Loader, RefusesAffixesThatItCannotRun) {
  const auto with = [](const std::string& rest) {
    return message_for_model(R"({"type":"BPE","vocab":{"a":0,"##b":1,"ab":2},"merges":[)" + rest +
                             "}");
  };
  EXPECT_EQ(with(R"(["a","##b"]],"continuing_subword_prefix":"##")"), "");
  EXPECT_EQ(with(R"(["a","a"]],"continuing_subword_prefix":"##")"),
            "tokenizer.json: model: merge 0 of \"a\" and \"a\": expected two tokens that are not "
            "empty, the second with the continuing_subword_prefix");
  EXPECT_EQ(with(R"(],"end_of_word_suffix":"</w>","byte_fallback":true)"),
            "tokenizer.json: model: byte_fallback beside a continuing_subword_prefix or an "
            "end_of_word_suffix is not supported");
  EXPECT_EQ(with(R"(],"end_of_word_suffix":")" + std::string(65, 'w') + "\""),
            "tokenizer.json: model: continuing_subword_prefix or end_of_word_suffix is longer than "
            "64 bytes, which is not supported");
}

TEST(Loader, RefusesSplitsThatItCannotRun) {
  const auto with = [](const std::string& pattern) {
    return message_for_part(R"("pre_tokenizer":{"type":"Split","behavior":"Isolated","invert":false,
                              "pattern":)" +
                            pattern + "}");
  };
  EXPECT_EQ(with(R"x({"Regex":"(?i:'s)|\\s+(?!\\S)"})x"), "");
  EXPECT_EQ(with(R"({"Regex":"a|(?<=b)c"})"),
            "tokenizer.json: pre_tokenizer.pattern.Regex: regular expression \"a|(?<=b)c\" is not "
            "supported: a group of another kind than (, (?:, (?i:, (?! and (?=, at byte 3");
  EXPECT_EQ(with(R"({"String":""})"),
            "tokenizer.json: pre_tokenizer.pattern.String: the pattern is empty");
}

TEST(Loader, RefusesTemplatesThatTheReferenceCannotRun) {
  const std::string tail =
      R"(,"pair":[],"special_tokens":{"x":{"id":"x","ids":[1],"tokens":["x"]}}})";
  EXPECT_EQ(message_for_part(R"("post_processor":{"type":"TemplateProcessing","single":[
                                {"SpecialToken":{"id":"y","type_id":0}}])" +
                             tail),
            "tokenizer.json: post_processor.special_tokens: \"y\" is missing");
  EXPECT_EQ(message_for_part(R"("post_processor":{"type":"TemplateProcessing","single":[])" + tail),
            "tokenizer.json: post_processor.single: expected the text, $A, exactly once");
  EXPECT_EQ(message_for_part(R"("post_processor":{"type":"TemplateProcessing","single":[
                                {"Sequence":{"id":"B","type_id":0}}])" +
                             tail),
            "tokenizer.json: post_processor.single[0]: the template of a single text can only use "
            "sequence A");
}

TEST(Loader, RefusesBrokenCharsmaps) {
  const auto with_map = [](const std::string& map) {
    return message_for_part(R"("normalizer":{"type":"Precompiled","precompiled_charsmap":")" + map +
                            "\"}");
  };
  const std::string path = "tokenizer.json: normalizer.precompiled_charsmap: ";
  EXPECT_EQ(with_map("AAA"), path + "not base64: its length is no multiple of 4");
  EXPECT_EQ(with_map("A*AA"), path + "not base64: it has a character outside the alphabet");
  EXPECT_EQ(with_map("AAA="), path + "precompiled_charsmap is shorter than its header");
  EXPECT_EQ(with_map("AAAAAA=="), path + "precompiled_charsmap has an empty trie");
  EXPECT_EQ(with_map("CAAAAAAA"), path + "precompiled_charsmap is cut short");
}

TEST(Loader, RefusesRegularExpressionsThatItCannotRun) {
  const auto with_regex = [](const std::string& regex) {
    return message_for_part(R"("normalizer":{"type":"Replace","content":"","pattern":{"Regex":")" +
                            regex + "\"}}");
  };
  EXPECT_EQ(with_regex(" {2,}"), "");
  EXPECT_EQ(with_regex("(a|b)"), "");
  EXPECT_EQ(
      with_regex("^a"),
      "tokenizer.json: normalizer.pattern.Regex: regular expression \"^a\" is not supported: "
      "\"^\" in this place, at byte 1");
}

TEST(Loader, RefusesAddedTokensThatLookTheSame) {
  EXPECT_EQ(message_for_part(R"("normalizer":{"type":"Lowercase"},"added_tokens":[
      {"id":3,"content":"Q","normalized":true},{"id":4,"content":"q","normalized":true}])"),
            "tokenizer.json: two added tokens look for \"q\"");
}

// Read back from the reference with Tokenizer.to_str().
TEST(Loader, ReadsScoresAsTheReferenceDoes) {
  EXPECT_EQ(score_as_reference_reads(-7.4715776443481445), -7.471577644348144);
  EXPECT_EQ(score_as_reference_reads(-7.7206902503967285), -7.720690250396728);
  EXPECT_EQ(score_as_reference_reads(-0.011145489200947857), -0.011145489200947855);
  EXPECT_EQ(score_as_reference_reads(-3.4635426998138428), -3.4635426998138428);
  EXPECT_EQ(score_as_reference_reads(0.1), 0.1);
  EXPECT_EQ(score_as_reference_reads(-12.0), -12.0);
  EXPECT_EQ(score_as_reference_reads(5e-324), 5e-324);
  EXPECT_TRUE(std::signbit(score_as_reference_reads(-0.0)));
}

}  // namespace
}  // namespace nestvec
