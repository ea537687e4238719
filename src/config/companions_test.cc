// SPDX-License-Identifier: Apache-2.0
#include "config/companions.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

TEST(Companions, AreTheSmallFilesOfAModel) {
  for (const char* path : {"config.json", "config_sentence_transformers.json", "modules.json",
                           "tokenizer.json", "tokenizer_config.json", "added_tokens.json",
                           "1_Pooling/config.json", "12_Normalize/config.json",
                           "sentence_bert_config.json", "sentence_xlm-roberta_config.json"}) {
    EXPECT_TRUE(is_companion(path)) << path;
  }
  for (const char* path :
       {"", "/", "model.safetensors", "tokenizer.model", "vocab.txt", "onnx/config.json",
        "_Pooling/config.json", "1_/x/config.json", "1_Pooling/model.safetensors", "1/config.json",
        "adapters/1_Pooling/config.json", "my-config.json"}) {
    EXPECT_FALSE(is_companion(path)) << path;
  }
}

}  // namespace
}  // namespace nestvec
