// SPDX-License-Identifier: Apache-2.0
#include "weights/model_weights.h"

#include <filesystem>

#include "nestvec/error.h"
#include "weights/onnx_initializers.h"
#include "weights/safetensors.h"

namespace nestvec {

namespace fs = std::filesystem;

std::string find_onnx(const std::string& folder) {
  for (const char* name :
       {"onnx/model.onnx", "model.onnx", "onnx/model_fp16.onnx", "model_fp16.onnx"}) {
    const fs::path path = fs::path(folder) / name;
    std::error_code ignored;
    if (fs::is_regular_file(path, ignored)) return path.string();
  }
  return "";
}

WeightSet read_model_weights(const std::string& folder) {
  if (!safetensors_files(folder).empty()) return read_safetensors_folder(folder);
  const std::string onnx = find_onnx(folder);
  if (!onnx.empty()) return read_onnx_weights(onnx);
  throw Error(ErrorCode::kNotFound,
              folder +
                  ": no weights; expected model.safetensors, model.safetensors.index.json with its "
                  "shards, or onnx/model.onnx");
}

std::vector<std::string> model_weight_files(const std::string& folder) {
  std::vector<std::string> files = safetensors_files(folder);
  const std::string onnx = files.empty() ? find_onnx(folder) : "";
  return onnx.empty() ? files : onnx_files(onnx);
}

}  // namespace nestvec
