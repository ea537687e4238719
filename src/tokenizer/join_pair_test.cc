// SPDX-License-Identifier: Apache-2.0
// Pairs of texts: what Hugging Face tokenizers makes of them (tests/data/tokenizer/README.md), and
// what has no template for them.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/error_of.h"
#include "support/folders.h"
#include "support/jsonl_gz.h"
#include "tokenizer/tokenizer.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

const std::string kPairs = test_data() + "/tokenizer/pairs";

template <typename T>
std::vector<T> numbers_at(const JsonValue& record, std::string_view key) {
  std::vector<T> numbers;
  for (const JsonValue& value : record.at(key).elements()) {
    numbers.push_back(static_cast<T>(value.integer()));
  }
  return numbers;
}

std::vector<ByteRange> ranges_at(const JsonValue& record) {
  std::vector<ByteRange> ranges;
  for (const JsonValue& pair : record.at("offsets").elements()) {
    const auto ends = pair.elements();
    ranges.push_back({static_cast<std::uint32_t>(ends.at(0).integer()),
                      static_cast<std::uint32_t>(ends.at(1).integer())});
  }
  return ranges;
}

Tokens side_of(const Tokenizer& tokenizer, std::string_view text) {
  Tokens tokens = tokenizer.encode(text, {.add_special = false});
  to_character_offsets(text, tokens.offsets);
  return tokens;
}

void check_pair(const Tokenizer& tokenizer, const JsonValue& record) {
  const Tokens first = side_of(tokenizer, record.at("first").string());
  const Tokens second = side_of(tokenizer, record.at("second").string());
  const Tokens pair = tokenizer.join_pair(first, second);
  EXPECT_EQ(pair.ids, numbers_at<std::uint32_t>(record, "ids"));
  EXPECT_EQ(pair.type_ids, numbers_at<std::uint8_t>(record, "types"));
  if (record.find("special")) {
    EXPECT_EQ(pair.special, numbers_at<std::uint8_t>(record, "special"));
  }
  EXPECT_EQ(pair.offsets, ranges_at(record));
  EXPECT_EQ(pair.ids.size(), first.ids.size() + second.ids.size() + tokenizer.pair_special_count());
  Tokens ids_only;
  tokenizer.join_pair(first.ids, second.ids, ids_only);
  EXPECT_EQ(ids_only.ids, pair.ids);
  EXPECT_EQ(ids_only.type_ids, pair.type_ids);
  EXPECT_TRUE(ids_only.offsets.empty() && ids_only.special.empty());
}

TEST(JoinPair, IsWhatTheReferenceMakesOfTwoTexts) {
  std::size_t files = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(kPairs)) {
    if (entry.path().extension() != ".json") continue;
    ++files;
    const std::string path = entry.path().string();
    const Tokenizer tokenizer = Tokenizer::load(path);
    std::size_t records = 0;
    for_each_record(path + "l.gz", [&](const JsonValue& record) {
      SCOPED_TRACE(path + ", line " + std::to_string(++records));
      check_pair(tokenizer, record);
    });
    EXPECT_GT(records, 0U) << path;
  }
  EXPECT_GE(files, 10U);
}

const char* const kPairModel =
    R"("model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["a",-1.5]]})";

std::string refusal(const std::string& post_processor) {
  const Tokenizer tokenizer = Tokenizer::parse(
      R"({"post_processor":)" + post_processor + "," + kPairModel + "}", "tokenizer.json");
  EXPECT_FALSE(tokenizer.has_pairs());
  const Tokens tokens = tokenizer.encode("a", {.add_special = false});
  const std::string message = error_of([&] { tokenizer.join_pair(tokens, tokens); });
  EXPECT_EQ(error_of([&] { tokenizer.pair_special_count(); }), message);
  return message;
}

std::string template_with_pair(const std::string& pair) {
  return R"({"type":"TemplateProcessing","single":[{"Sequence":{"id":"A","type_id":0}}],"pair":[)" +
         pair + R"(],"special_tokens":{"x":{"id":"x","ids":[1,1],"tokens":["a","a"]}}})";
}

const std::string kA = R"({"Sequence":{"id":"A","type_id":0}})";
const std::string kB = R"({"Sequence":{"id":"B","type_id":1}})";

TEST(JoinPair, SaysWhyThereIsNone) {
  const std::string start = "the tokenizer cannot join two texts: ";
  const std::string count = start + "the template of a pair in tokenizer.json has sequence A ";
  EXPECT_EQ(refusal("null"), start + "tokenizer.json has no post_processor");
  EXPECT_EQ(refusal(template_with_pair("")),
            start + "the post_processor in tokenizer.json has no template for two texts");
  EXPECT_EQ(refusal(R"({"type":"Sequence","processors":[]})"),
            start + "the post_processor in tokenizer.json has no template for two texts");
  EXPECT_EQ(refusal(template_with_pair(kA)),
            count + "1 times and sequence B 0 times, expected each once");
  EXPECT_EQ(refusal(template_with_pair(kA + "," + kB + "," + kA)),
            count + "2 times and sequence B 1 times, expected each once");
  EXPECT_EQ(refusal(template_with_pair(kA + R"(,{"Sequence":{"id":"B","type_id":256}})")),
            start +
                "tokenizer.json gives the token type 256 to tokens of a pair; 255 is the "
                "largest that is supported");
}

TEST(JoinPair, RefusesTemplatesThatMakeNoSense) {
  const auto message = [](const std::string& pair) {
    return error_of([&] {
      Tokenizer::parse(R"({"post_processor":)" + template_with_pair(pair) + "," + kPairModel + "}",
                       "t");
    });
  };
  EXPECT_EQ(message(kA + "," + kB), "");
  EXPECT_EQ(message(kA + R"(,{"Sequence":{"id":"C","type_id":1}})"),
            "t: post_processor.pair[1].Sequence.id: expected \"A\" or \"B\"");
  EXPECT_EQ(message(kA + R"(,{"SpecialToken":{"id":"y","type_id":1}})"),
            "t: post_processor.special_tokens: \"y\" is missing");
  EXPECT_EQ(message(kA + R"(,{"Other":{"id":"y"}})"),
            "t: post_processor.pair[1]: \"SpecialToken\" is missing");
  std::string many = kA + "," + kB;
  for (int i = 0; i < 512; ++i) many += R"(,{"SpecialToken":{"id":"x","type_id":1}})";
  EXPECT_EQ(message(many), "t: post_processor.pair: it has more than 1024 tokens");
  std::string texts = kA;
  for (int i = 0; i < 1024; ++i) texts += "," + kA;
  EXPECT_EQ(message(texts), "t: post_processor.pair: it has more than 1024 tokens");
}

TEST(JoinPair, LeavesTheOrderToTheTemplate) {
  const Tokenizer tokenizer = Tokenizer::parse(
      R"({"post_processor":)" +
          template_with_pair(kB + R"(,{"SpecialToken":{"id":"x","type_id":7}},)" + kA) + "," +
          kPairModel + "}",
      "t");
  EXPECT_EQ(tokenizer.pair_special_count(), 2U);
  const std::vector<std::uint32_t> first = {5};
  const std::vector<std::uint32_t> second = {6, 8};
  Tokens out;
  tokenizer.join_pair(first, second, out);
  EXPECT_EQ(out.ids, (std::vector<std::uint32_t>{6, 8, 1, 1, 5}));
  EXPECT_EQ(out.type_ids, (std::vector<std::uint8_t>{1, 1, 7, 7, 0}));
}

}  // namespace
}  // namespace nestvec
