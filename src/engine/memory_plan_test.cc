// SPDX-License-Identifier: Apache-2.0
#include "engine/memory_plan.h"

#include <gtest/gtest.h>

#include "nestvec/error.h"

namespace nestvec {
namespace {

constexpr std::uint64_t kGiB = 1u << 30;

// jina-embeddings-v3 in fp32.
MemoryFacts v3() {
  MemoryFacts facts;
  facts.weight_bytes = 2'290'000'000;
  facts.tokenizer_bytes = 17'000'000;
  facts.hidden = 1024;
  facts.intermediate = 4096;
  facts.heads = 16;
  facts.max_tokens = 8192;
  facts.max_batch_tokens = 8192;
  return facts;
}

TEST(MemoryPlan, TheCompiledModelFitsTheUsualBudget) {
  EXPECT_NO_THROW(check_budget(v3(), 5 * kGiB));
  EXPECT_NE(describe_plan(v3(), 5 * kGiB).find("of 5120 MiB"), std::string::npos);
}

TEST(MemoryPlan, NativeGraphsNeedLessForTheSameBatch) {
  MemoryFacts native = v3();
  native.native = true;
  EXPECT_LT(plan_memory(native).workspace, plan_memory(v3()).workspace);
  // 8,192 tokens: residual, qkv, attention and result alone are 6 x 32 MiB.
  EXPECT_GE(plan_memory(native).workspace, 192ull << 20);
  EXPECT_LE(plan_memory(native).workspace, 400ull << 20);
}

TEST(MemoryPlan, ABatchThatPausesNeedsRoomForAnother) {
  MemoryFacts facts = v3();
  facts.native = true;
  facts.max_tokens = 1024;
  facts.max_batch_tokens = 1024;
  const MemoryPlan alone = plan_memory(facts);  // of the longest that is not interrupted
  EXPECT_EQ(alone.passing, 0u);
  facts.max_batch_tokens = 8192;  // of texts that let none pass
  EXPECT_EQ(plan_memory(facts).passing, 0u);
  facts.max_tokens = 8192;
  const MemoryPlan pausing = plan_memory(facts);
  EXPECT_EQ(pausing.passing, alone.workspace);
  EXPECT_LT(pausing.passing, pausing.workspace / 4);
  EXPECT_EQ(pausing.total(), pausing.workspace + pausing.weights + pausing.fixed + alone.workspace);
  EXPECT_NE(pausing.text().find(" + passing texts "), std::string::npos) << pausing.text();
  EXPECT_EQ(alone.text().find("passing"), std::string::npos) << alone.text();
}

// SPLADE of XLM-R's vocabulary: rows of 16 texts, thrice 16 MiB, and a block of scores; or all
// scores of the longest text.
TEST(MemoryPlan, HeadsCount) {
  MemoryFacts facts = v3();
  facts.native = true;
  const std::uint64_t plain = plan_memory(facts).workspace;
  facts.vocabulary = 250'002;
  const std::uint64_t row = 250'002 * 4;
  EXPECT_GE(plan_memory(facts).workspace, plain + 3 * 16 * row);
  EXPECT_LE(plan_memory(facts).workspace, plain + 3 * 17 * row + (8u << 20));
  facts.vocabulary = 0;
  facts.token_vectors = 1024;
  EXPECT_EQ(plan_memory(facts).workspace, plain + 2 * 8192ull * 1024 * 4);
  MemoryFacts portable = v3();
  const std::uint64_t stock = plan_memory(portable).workspace;
  portable.vocabulary = 250'002;
  EXPECT_GE(plan_memory(portable).workspace, stock + 8192 * row);
}

TEST(MemoryPlan, ScoresAndMergedAdaptersCountWhereTheGraphHasThem) {
  MemoryFacts facts = v3();
  facts.full_attention = true;
  facts.merges_adapters = true;
  const MemoryPlan plan = plan_memory(facts);
  EXPECT_GE(plan.attention, 16ull * 8192 * 8192 * 4);
  EXPECT_GE(plan.weights, 3 * facts.weight_bytes);
  EXPECT_EQ(plan.total(), plan.weights + plan.workspace + plan.attention + plan.fixed);
}

TEST(MemoryPlan, OverBudgetIsRefusedWithNumbersAndAWayOut) {
  MemoryFacts facts = v3();
  facts.full_attention = true;
  try {
    check_budget(facts, 5 * kGiB);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
    const std::string text = error.what();
    EXPECT_NE(text.find("attention scores 12288 MiB"), std::string::npos) << text;
    EXPECT_NE(text.find("cpu_memory allows 5120 MiB"), std::string::npos) << text;
    EXPECT_NE(text.find("runtime.max_tokens"), std::string::npos) << text;
  }
  facts.max_tokens = 2048;
  facts.max_batch_tokens = 2048;
  EXPECT_NO_THROW(check_budget(facts, 5 * kGiB));
}

TEST(MemoryPlan, WhatNeverFitsGetsNoFalseAdvice) {
  try {
    check_budget(v3(), 100 << 20);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find("max_tokens"), std::string::npos);
  }
}

TEST(MemoryPlan, ABudgetOfZeroIsNoBudget) {
  EXPECT_NO_THROW(check_budget(v3(), 0));
  EXPECT_NE(describe_plan(v3(), 0).find("no budget set"), std::string::npos);
}

}  // namespace
}  // namespace nestvec
