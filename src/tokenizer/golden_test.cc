// SPDX-License-Identifier: Apache-2.0
// The tokenizer against what Hugging Face tokenizers says (tests/data/tokenizer/README.md).
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "support/folders.h"
#include "support/jsonl_gz.h"
#include "support/read_xz.h"
#include "tokenizer/tokenizer.h"

namespace nestvec {
namespace {

namespace fs = std::filesystem;

const std::string kData = test_data() + "/tokenizer";

bool flag(const JsonValue& record, std::string_view key, bool otherwise) {
  const auto value = record.find(key);
  return value ? value->boolean() : otherwise;
}

EncodeOptions options_of(const JsonValue& record) {
  EncodeOptions options;
  options.add_special = flag(record, "add_special", true);
  options.parse_special = flag(record, "parse_special", true);
  options.truncate_left = flag(record, "truncate_left", false);
  options.file_truncation = flag(record, "file_truncation", false);
  if (const auto limit = record.find("max_tokens")) {
    options.max_tokens = static_cast<std::size_t>(limit->integer());
  }
  return options;
}

std::vector<std::uint32_t> ids_of(const JsonValue& record) {
  std::vector<std::uint32_t> ids;
  for (const JsonValue& id : record.at("ids").elements()) {
    ids.push_back(static_cast<std::uint32_t>(id.integer()));
  }
  return ids;
}

std::vector<ByteRange> offsets_of(const JsonValue& record) {
  std::vector<ByteRange> offsets;
  for (const JsonValue& pair : record.at("offsets").elements()) {
    const auto ends = pair.elements();
    offsets.push_back({static_cast<std::uint32_t>(ends.at(0).integer()),
                       static_cast<std::uint32_t>(ends.at(1).integer())});
  }
  return offsets;
}

// Special tokens that were added stand at both ends and nowhere else.
void expect_special_at_ends(const Tokens& tokens) {
  ASSERT_EQ(tokens.special.size(), tokens.ids.size());
  const auto first = std::find(tokens.special.begin(), tokens.special.end(), 0);
  const auto last = std::find(tokens.special.rbegin(), tokens.special.rend(), 0).base();
  if (first < last) {
    EXPECT_EQ(std::count(first, last, 1), 0);
  }
}

void check_record(const Tokenizer& tokenizer, const JsonValue& record) {
  const std::string_view text = record.at("text").string();
  EncodeOptions options = options_of(record);
  Tokens tokens = tokenizer.encode(text, options);
  expect_special_at_ends(tokens);
  to_character_offsets(text, tokens.offsets);
  EXPECT_EQ(tokens.ids, ids_of(record));
  EXPECT_EQ(tokens.offsets, offsets_of(record));
  EXPECT_EQ(tokens.truncated, flag(record, "truncated", false));
  if (const auto decoded = record.find("decoded")) {
    EXPECT_EQ(tokenizer.decode(tokens.ids, true), decoded->string());
  }
  if (const auto decoded = record.find("decoded_all")) {
    EXPECT_EQ(tokenizer.decode(tokens.ids, false), decoded->string());
  }
  options.offsets = false;
  const Tokens fast = tokenizer.encode(text, options);
  EXPECT_EQ(fast.ids, tokens.ids);
  EXPECT_EQ(fast.truncated, tokens.truncated);
  EXPECT_TRUE(fast.offsets.empty() && fast.special.empty());
}

void check_file(const Tokenizer& tokenizer, const std::string& path) {
  std::size_t records = 0;
  for_each_record(path, [&](const JsonValue& record) {
    SCOPED_TRACE(path + ", line " + std::to_string(++records));
    check_record(tokenizer, record);
  });
  EXPECT_GT(records, 0U);
}

void check_real_tokenizer(const std::string& name) {
  const std::string folder = std::string(kData) + "/" + name;
  const Tokenizer tokenizer = Tokenizer::parse(read_xz(folder + "/tokenizer.json.xz"), name);
  check_file(tokenizer, folder + "/goldens.jsonl.gz");
  check_file(tokenizer, folder + "/options.jsonl.gz");
}

TEST(TokenizerGolden, XlmRoberta) { check_real_tokenizer("xlm-roberta"); }

TEST(TokenizerGolden, WordPiece) { check_real_tokenizer("wordpiece"); }

TEST(TokenizerGolden, Qwen3) { check_real_tokenizer("qwen3"); }

TEST(TokenizerGolden, TrainedRoberta) { check_real_tokenizer("bpe-roberta"); }

TEST(TokenizerGolden, TrainedModernBert) { check_real_tokenizer("bpe-modernbert"); }

TEST(TokenizerGolden, TrainedLlama3) { check_real_tokenizer("bpe-llama3"); }

TEST(TokenizerGolden, TrainedGemma) { check_real_tokenizer("bpe-gemma"); }

TEST(TokenizerGolden, EveryComponent) {
  std::size_t files = 0;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(std::string(kData) + "/components")) {
    if (entry.path().extension() != ".json") continue;
    ++files;
    const std::string path = entry.path().string();
    check_file(Tokenizer::load(path), path + "l.gz");
  }
  EXPECT_GE(files, 280U);
}

}  // namespace
}  // namespace nestvec
