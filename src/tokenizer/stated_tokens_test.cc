// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/stated_tokens.h"

#include <gtest/gtest.h>

#include "support/checkpoint.h"
#include "support/error_of.h"

namespace nestvec {
namespace {

class StatedTokensTest : public testing::Test {
 protected:
  // "content", with "!" behind a special token and "~" behind one that is looked for normalized.
  std::vector<std::string> read(const std::string& config) {
    const JsonDocument document = JsonDocument::parse(config, "tokenizer_config.json");
    std::vector<std::string> texts;
    for (const AddedToken& token : read_stated_tokens(folder_.string(), document.root()).all()) {
      texts.push_back(token.content + (token.special ? "!" : "") + (token.normalized ? "~" : ""));
    }
    return texts;
  }

  TemporaryFolder folder_;
};

using Texts = std::vector<std::string>;

TEST_F(StatedTokensTest, KeysCountInTheOrderOfTransformers) {
  EXPECT_EQ(
      read(
          R"({"tokenizer_class": "t", "own_token": "o", "mask_token": "m", "cls_token": {"content": "c"},
                     "eos_token": null, "add_bos_token": true, "bos_token": "b",
                     "additional_special_tokens": ["x", {"content": "c"}]})"),
      (Texts{"b!", "c!", "m!", "o!", "x!"}));
  EXPECT_EQ(read(R"({"x_token": {"content": "x"}, "y_token": {"__type": "AddedToken",
                     "content": "y"}})"),
            Texts{"y!"});
  EXPECT_EQ(read(R"({"extra_special_tokens": {"image": "i"}})"), Texts{"i!"});
  EXPECT_EQ(read(R"({"extra_special_tokens": ["n"], "additional_special_tokens": ["o"]})"),
            Texts{"n!"});
}

TEST_F(StatedTokensTest, TheDecoderComesFirstAndReplacesTheOldFiles) {
  write_text(folder_ / "special_tokens_map.json", R"({"mask_token": "m"})");
  write_text(folder_ / "added_tokens.json", R"({"b": 8, "m": 7})");
  EXPECT_EQ(read("{}"), (Texts{"m!", "b~"}));
  EXPECT_EQ(read(R"({"pad_token": "p", "added_tokens_decoder":
                     {"9": {"content": "z"}, "4": {"content": "y", "special": true}}})"),
            (Texts{"y!", "z~", "p!"}));
}

TEST_F(StatedTokensTest, ListsOfTheOldFileAddToThoseOfTheNewKey) {
  write_text(folder_ / "special_tokens_map.json", R"({"extra_special_tokens": ["b", "c"]})");
  EXPECT_EQ(read(R"({"extra_special_tokens": ["a", "b"]})"), (Texts{"a!", "b!", "c!"}));
  write_text(folder_ / "special_tokens_map.json", R"({"additional_special_tokens": ["c"]})");
  EXPECT_EQ(read(R"({"additional_special_tokens": ["a"]})"), Texts{"a!"});
  EXPECT_EQ(read("{}"), Texts{"c!"});
}

TEST_F(StatedTokensTest, BrokenOnesAreNamed) {
  EXPECT_NE(error_of([&] {
              read(R"({"added_tokens_decoder": {"a": {"content": "z"}}})");
            }).find("added_tokens_decoder.a"),
            std::string::npos);
  EXPECT_NE(error_of([&] { read(R"({"added_tokens_decoder": {"1": {}}})"); }).find("content"),
            std::string::npos);
}

}  // namespace
}  // namespace nestvec
