// SPDX-License-Identifier: Apache-2.0
// Where the weights of a model folder are: in safetensors, else in its ONNX file, else in a file
// that torch.save wrote.
#pragma once

#include <string>
#include <vector>

#include "weights/weight_set.h"

namespace nestvec {

// The ONNX file of the folder that onnx_graphs puts first; empty when there is none.
std::string find_onnx(const std::string& folder);

// Maps the folder's safetensors, else its ONNX file, else its pytorch_model.bin. Throws Error:
// kNotFound (none is there), as read_safetensors_folder, read_onnx_weights, read_torch_folder.
WeightSet read_model_weights(const std::string& folder);

// The files that read_model_weights would map, an index included; empty when there are none.
// Throws Error kDataLoss for a broken index or ONNX file.
std::vector<std::string> model_weight_files(const std::string& folder);

// Those of a module of sentence-transformers: safetensors, else pytorch_model.bin. Throws Error as
// read_safetensors_folder and read_torch_folder.
WeightSet read_module_weights(const std::string& folder);

}  // namespace nestvec
