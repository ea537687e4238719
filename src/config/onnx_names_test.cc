// SPDX-License-Identifier: Apache-2.0
#include "config/onnx_names.h"

#include <gtest/gtest.h>

namespace nestvec {
namespace {

TEST(OnnxNames, ThePlainGraphComesFirstThenTheMoreExact) {
  EXPECT_EQ(onnx_graphs({"onnx/model_quantized.onnx", "model_fp16.onnx", "onnx/model_O2.onnx",
                         "onnx/model_qint8_avx512.onnx", "model.onnx", "onnx/model.onnx"}),
            (std::vector<std::string>{"onnx/model.onnx", "model.onnx", "model_fp16.onnx",
                                      "onnx/model_O2.onnx", "onnx/model_quantized.onnx",
                                      "onnx/model_qint8_avx512.onnx"}));
}

TEST(OnnxNames, OtherFilesAreNoGraphs) {
  EXPECT_TRUE(onnx_graphs({"onnx/model.onnx_data", "onnx/decoder_model.onnx", "models/model.onnx",
                           "onnx/extra/model.onnx", "onnx/models.onnx", "model.safetensors", ""})
                  .empty());
}

}  // namespace
}  // namespace nestvec
