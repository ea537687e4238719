// SPDX-License-Identifier: Apache-2.0
#include "weights/peft_adapter.h"

#include <gtest/gtest.h>

#include <optional>

#include "nestvec/error.h"
#include "support/checkpoint.h"

namespace nestvec {
namespace {

PeftConfig config_of(const std::string& json) {
  TemporaryFolder folder;
  write_text(folder / "adapter_config.json", json);
  return read_peft_config(folder.string());
}

// The code of what is thrown; nothing when the configuration is taken.
std::optional<ErrorCode> refusal_of(const std::string& json) {
  try {
    config_of(json);
  } catch (const Error& error) {
    return error.code();
  }
  return std::nullopt;
}

TEST(PeftAdapterTest, ReadsRankScalingAndTargets) {
  const PeftConfig config = config_of(
      R"({"peft_type":"LORA","r":4,"lora_alpha":1,"bias":"none","target_modules":["q_proj","mlp.fc1"],
          "use_dora":false,"rank_pattern":{},"modules_to_save":null,"lora_dropout":0.1})");
  EXPECT_EQ(config.rank, 4u);
  EXPECT_EQ(config.scaling_of("q_proj"), 0.25f);
  EXPECT_TRUE(config.targets("layers.0.self_attn.q_proj"));
  EXPECT_TRUE(config.targets("q_proj"));
  EXPECT_TRUE(config.targets("layers.0.mlp.fc1"));
  EXPECT_FALSE(config.targets("layers.0.self_attn.xq_proj"));
  EXPECT_FALSE(config.targets("layers.0.mlp.fc2"));
}

TEST(PeftAdapterTest, ReadsRankStabilisedScaling) {
  EXPECT_EQ(config_of(R"({"r":16,"lora_alpha":8,"use_rslora":true})").scaling_of("a"), 2.0f);
  EXPECT_EQ(config_of(R"({"r":16,"lora_alpha":8})").scaling_of("a"), 0.5f);
}

// As PEFT's get_pattern_key: re.match(rf"(.*\.)?({key})$", name), the first key that matches.
TEST(PeftAdapterTest, ModulesMayHaveTheirOwnRankAndScaling) {
  const PeftConfig config = config_of(
      R"({"r":4,"lora_alpha":8,"rank_pattern":{"layer.0.query":2,"query":16,"^a.key":1,".*\\.up":5,
          "deep":1024},"alpha_pattern":{"query":3,"^layer.0.key":1.5}})");
  EXPECT_EQ(config.largest_rank(), 1024u);
  EXPECT_EQ(config.rank_of("base_model.model.layer.0.query"), 2u);
  EXPECT_EQ(config.rank_of("base_model.model.layer.1.query"), 16u);
  EXPECT_EQ(config.rank_of("layer.1.requery"), 4u);
  EXPECT_EQ(config.rank_of("layer.1.query.dense"), 4u);
  EXPECT_EQ(config.rank_of("base_model.model.a.key"), 1u);
  EXPECT_EQ(config.rank_of("b.a.key"), 4u);
  EXPECT_EQ(config.rank_of("x.up"), 5u);
  EXPECT_EQ(config.rank_of("x_up"), 4u);
  EXPECT_EQ(config.scaling_of("layer.0.query"), 1.5f);
  EXPECT_EQ(config.scaling_of("layer.1.query"), 0.1875f);
  EXPECT_EQ(config.scaling_of("layer.0.key"), 0.375f);
  EXPECT_EQ(config.scaling_of("layer.1.key"), 2.0f);
}

TEST(PeftAdapterTest, RefusesRegularExpressionsThatItDoesNotKnow) {
  const std::string start = R"({"r":4,"lora_alpha":1,)";
  for (const char* pattern : {"(q|v)_proj", "layers.[01].q", "a+", "a\\\\d", "a$", "a^", "^", ""}) {
    const std::string own = "{\"" + std::string(pattern) + "\":8}}";
    EXPECT_EQ(refusal_of(start + "\"rank_pattern\":" + own), ErrorCode::kUnimplemented) << own;
    EXPECT_EQ(refusal_of(start + "\"alpha_pattern\":" + own), ErrorCode::kUnimplemented) << own;
  }
}

TEST(ModulePatternTest, TriesEveryPlace) {
  const auto matches = [](const char* pattern, const char* name) {
    return ModulePattern::parse(pattern)->matches(name);
  };
  EXPECT_TRUE(matches("a.*b.*c", "abxbc"));
  EXPECT_TRUE(matches("a.*b.*c", "x.abcbc"));
  EXPECT_FALSE(matches("a.*b.*c", "abxb"));
  EXPECT_TRUE(matches("a.*", "a"));
  EXPECT_TRUE(matches(".*", ""));
  EXPECT_FALSE(matches("^b", "a.b"));
  EXPECT_TRUE(matches("a.c", "abc"));
  EXPECT_FALSE(matches("a\\.c", "abc"));
  EXPECT_TRUE(matches("a\\.c", "a.c"));
  EXPECT_FALSE(matches("a.c", "ac"));
}

TEST(PeftAdapterTest, RefusesOtherMethods) {
  const std::string start = R"({"r":4,"lora_alpha":1,)";
  EXPECT_EQ(refusal_of(start + R"("peft_type":"IA3"})"), ErrorCode::kUnimplemented);
  EXPECT_EQ(refusal_of(start + R"("use_dora":true})"), ErrorCode::kUnimplemented);
  EXPECT_EQ(refusal_of(start + R"("bias":"all"})"), ErrorCode::kUnimplemented);
  EXPECT_EQ(refusal_of(start + R"("modules_to_save":["classifier"]})"), ErrorCode::kUnimplemented);
}

TEST(PeftAdapterTest, RefusesBrokenConfigs) {
  EXPECT_EQ(refusal_of(R"({"lora_alpha":1})"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal_of(R"({"r":4})"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal_of(R"({"r":0,"lora_alpha":1})"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal_of(R"({"r":4,"lora_alpha":1e300})"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal_of(R"({"r":4,"lora_alpha":1,"rank_pattern":{"a":0}})"),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal_of(R"({"r":4,"lora_alpha":1,"alpha_pattern":{"a":"b"}})"),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal_of(R"({"r":"4","lora_alpha":1})"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal_of("{"), ErrorCode::kDataLoss);
  EXPECT_THROW(read_peft_config("/nonexistent"), Error);
  EXPECT_FALSE(is_peft_folder("/nonexistent"));
}

}  // namespace
}  // namespace nestvec
