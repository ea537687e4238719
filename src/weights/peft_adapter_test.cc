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
  EXPECT_EQ(config.scaling, 0.25f);
  EXPECT_TRUE(config.targets("layers.0.self_attn.q_proj"));
  EXPECT_TRUE(config.targets("q_proj"));
  EXPECT_TRUE(config.targets("layers.0.mlp.fc1"));
  EXPECT_FALSE(config.targets("layers.0.self_attn.xq_proj"));
  EXPECT_FALSE(config.targets("layers.0.mlp.fc2"));
}

TEST(PeftAdapterTest, ReadsRankStabilisedScaling) {
  EXPECT_EQ(config_of(R"({"r":16,"lora_alpha":8,"use_rslora":true})").scaling, 2.0f);
  EXPECT_EQ(config_of(R"({"r":16,"lora_alpha":8})").scaling, 0.5f);
}

TEST(PeftAdapterTest, RefusesOtherMethods) {
  const std::string start = R"({"r":4,"lora_alpha":1,)";
  EXPECT_EQ(refusal_of(start + R"("peft_type":"IA3"})"), ErrorCode::kUnimplemented);
  EXPECT_EQ(refusal_of(start + R"("use_dora":true})"), ErrorCode::kUnimplemented);
  EXPECT_EQ(refusal_of(start + R"("bias":"all"})"), ErrorCode::kUnimplemented);
  EXPECT_EQ(refusal_of(start + R"("rank_pattern":{"q_proj":8}})"), ErrorCode::kUnimplemented);
  EXPECT_EQ(refusal_of(start + R"("modules_to_save":["classifier"]})"), ErrorCode::kUnimplemented);
}

TEST(PeftAdapterTest, RefusesBrokenConfigs) {
  EXPECT_EQ(refusal_of(R"({"lora_alpha":1})"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal_of(R"({"r":4})"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal_of(R"({"r":0,"lora_alpha":1})"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal_of(R"({"r":"4","lora_alpha":1})"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal_of("{"), ErrorCode::kDataLoss);
  EXPECT_THROW(read_peft_config("/nonexistent"), Error);
  EXPECT_FALSE(is_peft_folder("/nonexistent"));
}

}  // namespace
}  // namespace nestvec
