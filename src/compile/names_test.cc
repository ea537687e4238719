// SPDX-License-Identifier: Apache-2.0
#include "compile/names.h"

#include <gtest/gtest.h>

#include "nestvec/error.h"

namespace nestvec {
namespace {

WeightSet set_of(const std::vector<std::string>& names) {
  std::vector<TensorView> tensors;
  for (const std::string& name : names) {
    tensors.emplace_back();
    tensors.back().name = name;
  }
  return WeightSet("a file", {}, std::move(tensors));
}

TEST(NamesTest, AnyPrefixWillDo) {
  for (const char* given : {"", "roberta.", "model.roberta.", "transformer.", "0.auto_model."}) {
    const std::string prefix = given;
    const ModuleNames names = find_names(set_of(
        {prefix + "embeddings.word_embeddings.weight", prefix + "encoder.layers.0.norm1.bias",
         prefix + "encoder.layers.0.mlp.fc1.bias", "onnx::MatMul_1"}));
    EXPECT_EQ(names.prefix, prefix);
    EXPECT_EQ(names.naming->publication, "jina-embeddings-v3");
  }
}

TEST(NamesTest, APrefixEndsWithADot) {
  EXPECT_THROW(find_names(set_of(
                   {"my_embeddings.word_embeddings.weight", "my_encoder.layers.0.norm1.bias"})),
               Error);
}

}  // namespace
}  // namespace nestvec
