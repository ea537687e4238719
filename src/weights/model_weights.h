// SPDX-License-Identifier: Apache-2.0
// Where the weights of a model folder are: in safetensors, else in its ONNX file.
#pragma once

#include <string>
#include <vector>

#include "weights/weight_set.h"

namespace nestvec {

// The ONNX file of the folder that onnx_graphs puts first; empty when there is none.
std::string find_onnx(const std::string& folder);

// Maps the folder's safetensors, else its ONNX file. Throws Error: kNotFound (neither is there), as
// read_safetensors_folder, as read_onnx_weights.
WeightSet read_model_weights(const std::string& folder);

// The files that read_model_weights would map, an index included; empty when there are none.
// Throws Error kDataLoss for a broken index or ONNX file.
std::vector<std::string> model_weight_files(const std::string& folder);

}  // namespace nestvec
