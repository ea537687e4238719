// SPDX-License-Identifier: Apache-2.0
// The names under which exporters publish a model's graph.
#pragma once

#include <string>
#include <vector>

namespace nestvec {

// Those of `paths` (relative to the folder of a model, with '/') that are a graph of it, the one to
// take first. Graphs are model.onnx or model_NAME.onnx (model_O2.onnx, model_quantized.onnx), in
// onnx/ or in the folder itself: the plain one comes first, then fp16, optimised ones, quantised
// ones, and any other by name.
std::vector<std::string> onnx_graphs(const std::vector<std::string>& paths);

// The same of the files of a folder. Blocks on file I/O.
std::vector<std::string> find_onnx_graphs(const std::string& folder);

}  // namespace nestvec
