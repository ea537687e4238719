// SPDX-License-Identifier: Apache-2.0
#include "weights/model_weights.h"

#include <gtest/gtest.h>

#include "nestvec/error.h"
#include "support/checkpoint.h"
#include "support/error_of.h"
#include "support/onnx_file.h"

namespace nestvec {
namespace {

std::string onnx_with(const std::string& tensor) {
  return onnx_file::model(
      {onnx_file::head(tensor, {1}) + onnx_file::bytes(9, onnx_file::floats({1}))});
}

TEST(ModelWeightsTest, TakesSafetensorsBeforeAnOnnxFile) {
  TemporaryFolder folder;
  const auto first_tensor = [&] { return read_model_weights(folder.string()).tensors()[0].name; };
  write_text(folder / "model_fp16.onnx", onnx_with("half"));
  EXPECT_EQ(first_tensor(), "half");
  write_text(folder / "model.onnx", onnx_with("beside"));
  EXPECT_EQ(first_tensor(), "beside");
  write_text(folder / "onnx/model.onnx", onnx_with("below"));
  EXPECT_EQ(first_tensor(), "below");
  EXPECT_EQ(model_weight_files(folder.string()),
            (std::vector<std::string>{(folder / "onnx/model.onnx").string()}));
  TestCheckpoint checkpoint;
  checkpoint.add("safe", {1}, std::vector<float>{1});
  checkpoint.save(folder / "model.safetensors");
  EXPECT_EQ(first_tensor(), "safe");
  EXPECT_EQ(model_weight_files(folder.string()),
            (std::vector<std::string>{(folder / "model.safetensors").string()}));
}

TEST(ModelWeightsTest, NamesPointersOfGitLfs) {
  TemporaryFolder folder;
  const auto failure = [&] { return coded_error_of([&] { read_model_weights(folder.string()); }); };
  for (const char* name : {"onnx/model.onnx", "model.safetensors"}) {
    write_text(folder / name, "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n");
    EXPECT_NE(failure().find(std::string(name) + ": is a git-lfs pointer"), std::string::npos)
        << failure();
  }
}

TEST(ModelWeightsTest, SaysWhatItLookedFor) {
  TemporaryFolder folder;
  EXPECT_TRUE(model_weight_files(folder.string()).empty());
  const std::string error =
      error_of([&] { read_model_weights(folder.string()); }, ErrorCode::kNotFound);
  EXPECT_NE(error.find("onnx/model.onnx"), std::string::npos) << error;
}

}  // namespace
}  // namespace nestvec
