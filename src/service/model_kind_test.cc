// SPDX-License-Identifier: Apache-2.0
#include "service/model_kind.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

std::string refusal(const ModelInfo& model, ModelKind kind) {
  try {
    require_kind(model, kind);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kFailedPrecondition);
    return error.what();
  }
  return "";
}

TEST(ModelKind, WhatAModelLacksIsSaidWithWhatItIs) {
  ModelInfo model;
  model.id = "m";
  EXPECT_EQ(refusal(model, ModelKind::kEmbed), "");
  EXPECT_TRUE(refusal(model, ModelKind::kRerank)
                  .starts_with("model is not a re-ranker model: m is a text-embedding model"));
  EXPECT_NE(refusal(model, ModelKind::kClassify), "");
  EXPECT_NE(refusal(model, ModelKind::kSparse), "");
  model.dense = false;
  model.sparse = true;
  EXPECT_EQ(refusal(model, ModelKind::kSparse), "");
  EXPECT_TRUE(refusal(model, ModelKind::kEmbed)
                  .starts_with("model is not an embedding model: m is a model for sparse vectors"));
  model.sparse = false;
  model.labels = {"LABEL_0"};
  EXPECT_EQ(refusal(model, ModelKind::kRerank), "");
  EXPECT_EQ(refusal(model, ModelKind::kClassify), "") << "one label is a label";
  EXPECT_TRUE(refusal(model, ModelKind::kEmbed)
                  .starts_with("model is not an embedding model: m is a reranker"));
  model.labels = {"joy", "fear"};
  EXPECT_EQ(refusal(model, ModelKind::kClassify), "");
  EXPECT_NE(refusal(model, ModelKind::kRerank).find("m is a classifier with 2 labels"),
            std::string::npos);
}

}  // namespace
}  // namespace nestvec
