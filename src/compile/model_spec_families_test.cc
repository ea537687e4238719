// SPDX-License-Identifier: Apache-2.0
// What sets the newer families' keys apart from BERT's.
#include <gtest/gtest.h>

#include "compile/model_spec.h"
#include "support/spec_of.h"

namespace nestvec {
namespace {

TEST(FamilySpec, QwensMaskIsSwitchedOffByEitherKey) {
  EXPECT_TRUE(with(R"("model_type":"qwen3")").block.causal);
  EXPECT_FALSE(with(R"("model_type":"qwen3","is_causal":false)").block.causal);
  EXPECT_FALSE(with(R"("model_type":"qwen3","use_bidirectional_attention":true)").block.causal);
}

// The keys of its first publications, and those of transformers 5.
TEST(FamilySpec, ModernBertInBothDialects) {
  const ModelSpec before =
      with(R"("model_type":"modernbert","global_attn_every_n_layers":2,"local_attention":128,)"
           R"("global_rope_theta":160000.0,"local_rope_theta":5000.0,"norm_eps":1e-05,)"
           R"("position_embedding_type":"absolute")");
  const ModelSpec now = with(
      R"("model_type":"modernbert","layer_types":["full_attention","sliding_attention"],)"
      R"("rope_parameters":{"full_attention":{"rope_type":"default","rope_theta":160000.0},)"
      R"("sliding_attention":{"rope_type":"default","rope_theta":5000.0}},"local_attention":128)");
  for (const ModelSpec& spec : {before, now}) {
    EXPECT_EQ(spec.block.window_layers, std::vector<std::size_t>{1});
    EXPECT_EQ(spec.block.window, 64u);
    EXPECT_EQ(spec.rotary_base, 160000.0);
    EXPECT_EQ(spec.block.window_rotary_base, 5000.0);
    EXPECT_EQ(spec.layer_norm_eps, 1e-5f);
    EXPECT_EQ(spec.positions, PositionKind::kRotary);
    EXPECT_EQ(spec.token_types, 0u);
  }
  EXPECT_EQ(before.block, now.block);
  EXPECT_NE(complaint(kSizes + R"(,"model_type":"modernbert","layer_types":["full_attention"])")
                .find("1 entries for 2 layers"),
            std::string::npos);
}

TEST(FamilySpec, GtesScaledAnglesInBothDialects) {
  const ModelSpec before =
      with(R"("model_type":"new","rope_theta":20000.0,"rope_scaling":{"type":"ntk","factor":8.0})");
  EXPECT_EQ(before.family, "gte");
  EXPECT_EQ(before.rotary_base, 160000.0);
  EXPECT_NEAR(before.rotary_divisor, 1.2968395546510096, 1e-12);  // 8^(2 / 16)
  const ModelSpec plain = with(R"("model_type":"gte","rope_scaling":null)");
  EXPECT_EQ(plain.rotary_base, 160000.0);
  EXPECT_EQ(plain.rotary_divisor, 1.0);
  EXPECT_EQ(with(R"("model_type":"new","type_vocab_size":0)").token_types, 0u);
  EXPECT_NE(complaint(kSizes + R"(,"model_type":"new","logn_attention_scale":true)")
                .find("logn_attention_scale"),
            std::string::npos);
}

TEST(FamilySpec, MpnetsPaddingAndBucketsAreFixed) {
  const ModelSpec spec = with(R"("model_type":"mpnet","layer_norm_eps":1e-05,"pad_token_id":0)");
  EXPECT_EQ(spec.family, "mpnet");
  EXPECT_EQ(spec.position_offset, 2u);
  EXPECT_EQ(spec.max_positions, 128u);
  EXPECT_EQ(spec.token_types, 0u);
  EXPECT_EQ(spec.block.score_bias, ScoreBias::kBuckets);
  EXPECT_EQ(spec.block.score_buckets, 32u);
  EXPECT_NE(complaint(kSizes + R"(,"model_type":"mpnet","relative_attention_num_buckets":16)")
                .find("relative_attention_num_buckets: expected at least 32"),
            std::string::npos);
}

TEST(FamilySpec, ElectrasEmbeddingsAreAsWideAsItsStates) {
  const ModelSpec spec = with(R"("model_type":"electra","embedding_size":64)");
  EXPECT_EQ(spec.family, "electra");
  EXPECT_EQ(spec.token_types, 2u);
  EXPECT_EQ(spec.position_offset, 0u);
  for (const char* key : {"", R"(,"embedding_size":128)"}) {  // 128 is the default
    EXPECT_NE(complaint(kSizes + R"(,"model_type":"electra")" + key)
                  .find("embeddings of another width (embedding_size 128) than hidden_size 64"),
              std::string::npos);
  }
}

TEST(FamilySpec, JinaV2CallsItselfBert) {
  const std::string keys = R"("model_type":"bert","position_embedding_type":"alibi",)";
  const ModelSpec base = with(keys + R"("feed_forward_type":"geglu","auto_map":{"AutoModel":)"
                                     R"("jinaai/jina-bert-implementation--modeling_bert.M"})");
  EXPECT_EQ(base.family, "jina-embeddings-v2");
  EXPECT_EQ(base.positions, PositionKind::kNone);
  EXPECT_EQ(base.max_positions, 130u);
  EXPECT_EQ(base.block.score_bias, ScoreBias::kAlibi);
  EXPECT_EQ(base.activation, Activation::kGelu);
  EXPECT_FALSE(base.block.joint_norms);
  EXPECT_FALSE(base.block.outer_norm);
  EXPECT_FALSE(base.block.gate_last);
  const ModelSpec code = with(keys + R"("feed_forward_type":"reglu","auto_map":{"AutoModel":)"
                                     R"("jinaai/jina-bert-v2-qk-post-norm--modeling_bert.M"})");
  EXPECT_TRUE(code.block.joint_norms);
  EXPECT_TRUE(code.block.outer_norm);
  EXPECT_TRUE(code.block.gate_last);
  EXPECT_EQ(code.activation, Activation::kRelu);
  EXPECT_NE(complaint(kSizes + "," + keys + R"("vocab":1)").find("alibi"), std::string::npos);
}

TEST(FamilySpec, EmbeddingGemmaInBothDialects) {
  const std::string keys = R"("model_type":"gemma3_text","use_bidirectional_attention":true,)"
                           R"("head_dim":32,"num_key_value_heads":1,"sliding_window":512,)";
  const ModelSpec before = with(
      keys + R"("sliding_window_pattern":2,"rope_theta":1000000.0,"rope_local_base_freq":5000.0)");
  const ModelSpec now =
      with(keys + R"("query_pre_attn_scalar":32,"layer_types":["sliding_attention",)"
                  R"("full_attention"],"rope_parameters":{"full_attention":{"rope_type":"default",)"
                  R"("rope_theta":1000000.0},"sliding_attention":{"rope_theta":5000.0}})");
  for (const ModelSpec& spec : {before, now}) {
    EXPECT_EQ(spec.family, "gemma3_text");
    EXPECT_EQ(spec.block.window_layers, std::vector<std::size_t>{0});
    EXPECT_EQ(spec.block.window, 256u);
    EXPECT_EQ(spec.block.window_rotary_base, 5000.0);
    EXPECT_EQ(spec.rotary_base, 1e6);
    EXPECT_EQ(spec.embedding_scale, 8.0f);
    EXPECT_EQ(spec.activation, Activation::kGeluTanh);
    EXPECT_FALSE(spec.block.causal);
  }
  EXPECT_EQ(before.score_scale, 0.0625f);  // 256 where the file does not say
  EXPECT_EQ(now.score_scale, 0.0f);
  EXPECT_NE(complaint(kSizes + R"(,"model_type":"gemma3_text")").find("use_bidirectional"),
            std::string::npos);
}

}  // namespace
}  // namespace nestvec
