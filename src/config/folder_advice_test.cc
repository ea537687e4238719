// SPDX-License-Identifier: Apache-2.0
#include "config/folder_advice.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace nestvec {
namespace {

namespace fs = std::filesystem;

class FolderAdvice : public testing::Test {
 protected:
  FolderAdvice() {
    folder_ = fs::temp_directory_path() / ("nestvec-advice-" + std::to_string(::getpid()));
    fs::create_directories(folder_ / "onnx");
  }
  ~FolderAdvice() override { fs::remove_all(folder_); }

  std::string weights_advice(const std::string& file) const {
    std::ofstream(folder_ / file) << "x";
    std::string advice = advice_for_other_weights(folder_.string());
    fs::remove(folder_ / file);
    return advice;
  }

  fs::path folder_;
};

TEST_F(FolderAdvice, WeightsOfOtherNamesAreToBeRenamed) {
  EXPECT_EQ(advice_for_other_weights(folder_.string()), "");
  EXPECT_EQ(weights_advice("model.fp16.safetensors"),
            "; model.fp16.safetensors is there: if it is the model, call it model.safetensors");
  EXPECT_EQ(weights_advice("onnx/encoder.onnx"),
            "; onnx/encoder.onnx is there: if it is the model, call it onnx/model.onnx");
}

TEST_F(FolderAdvice, WeightsOfOtherFormatsAreNamed) {
  EXPECT_EQ(weights_advice("tf_model.h5"), "; tf_model.h5 is not read");
  EXPECT_EQ(weights_advice("q8.gguf"), "; q8.gguf is not read");
  EXPECT_EQ(weights_advice("README.md"), "");
}

TEST_F(FolderAdvice, AVocabularyAloneIsToBecomeATokenizer) {
  EXPECT_EQ(advice_for_other_tokenizer(folder_.string()), "");
  std::ofstream(folder_ / "vocab.txt") << "x";
  EXPECT_TRUE(advice_for_other_tokenizer(folder_.string()).starts_with("; vocab.txt alone is"));
}

}  // namespace
}  // namespace nestvec
