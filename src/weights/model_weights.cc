// SPDX-License-Identifier: Apache-2.0
#include "weights/model_weights.h"

#include <filesystem>

#include "config/folder_advice.h"
#include "config/onnx_names.h"
#include "nestvec/error.h"
#include "weights/onnx_initializers.h"
#include "weights/safetensors.h"
#include "weights/torch_file.h"

namespace nestvec {

namespace fs = std::filesystem;

std::string find_onnx(const std::string& folder) {
  const std::vector<std::string> graphs = find_onnx_graphs(folder);
  return graphs.empty() ? "" : (fs::path(folder) / graphs.front()).string();
}

WeightSet read_model_weights(const std::string& folder) {
  if (!safetensors_files(folder).empty()) return read_safetensors_folder(folder);
  const std::string onnx = find_onnx(folder);
  if (!onnx.empty()) return read_onnx_weights(onnx);
  if (!torch_files(folder).empty()) return read_torch_folder(folder);
  throw Error(ErrorCode::kNotFound,
              folder +
                  ": no weights; expected model.safetensors, model.safetensors.index.json with its "
                  "shards, onnx/model.onnx, or pytorch_model.bin" +
                  advice_for_other_weights(folder));
}

std::vector<std::string> model_weight_files(const std::string& folder) {
  std::vector<std::string> files = safetensors_files(folder);
  if (!files.empty()) return files;
  const std::string onnx = find_onnx(folder);
  return onnx.empty() ? torch_files(folder) : onnx_files(onnx);
}

WeightSet read_module_weights(const std::string& folder) {
  if (safetensors_files(folder).empty() && !torch_files(folder).empty()) {
    return read_torch_folder(folder);
  }
  return read_safetensors_folder(folder);
}

}  // namespace nestvec
