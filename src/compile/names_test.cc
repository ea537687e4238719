// SPDX-License-Identifier: Apache-2.0
#include "compile/names.h"

#include <gtest/gtest.h>

#include "nestvec/error.h"
#include "support/error_of.h"

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

TEST(NamesTest, TwoEncodersAreNoneOfThem) {
  const auto encoder = [](const std::string& prefix) {
    return std::vector<std::string>{prefix + "embeddings.word_embeddings.weight",
                                    prefix + "encoder.layers.0.norm1.bias"};
  };
  std::vector<std::string> both = encoder("query.");
  const std::vector<std::string> other = encoder("doc.");
  both.insert(both.begin(), other.begin(), other.end());
  EXPECT_EQ(error_of([&] { find_names(set_of(both)); }),
            "a file: holds two encoders, \"doc.\" and \"query.\"; keep the tensors of one");
  const std::vector<std::string> usual = encoder("roberta.");
  both.insert(both.end(), usual.begin(), usual.end());
  EXPECT_EQ(find_names(set_of(both)).prefix, "roberta.") << "what transformers would read";
}

}  // namespace
}  // namespace nestvec
