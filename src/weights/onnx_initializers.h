// SPDX-License-Identifier: Apache-2.0
// Reads the weights of an ONNX file in place: its graph's initializers
// (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto and docs/ExternalData.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "weights/onnx_nodes.h"
#include "weights/weight_set.h"

namespace nestvec {

// Where an initializer's bytes lie when they are not in the ONNX file itself.
struct ExternalData {
  std::string location;  // relative to the ONNX file's folder
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;  // absent: what type and shape take
};

// An initializer as the file describes it; `tensor.bytes` is empty where `external` is set.
struct OnnxInitializer {
  TensorView tensor;
  std::optional<ExternalData> external;
};

// The weights of a graph.
struct OnnxGraph {
  // Those of types that weights can have and whose bytes stand in raw_data, float_data (packed) or
  // external data; others are left out.
  std::vector<OnnxInitializer> initializers;
  std::vector<ImpliedWeight> implied;  // each names one of `initializers`
};

// Reads an ONNX file that is in memory. `path` stands in errors. Throws Error kDataLoss for bytes
// that are not an ONNX model, and for sizes that do not fit.
OnnxGraph parse_onnx_graph(std::span<const std::byte> file, const std::string& path);

// Maps an ONNX file and its external data, which must lie in the same folder or below it. The set
// has every initializer, and every implied weight under its name besides. Throws Error as
// MappedFile and parse_onnx_graph, and kDataLoss for data outside its file or the folder.
WeightSet read_onnx_weights(const std::string& path);

// The files that read_onnx_weights would map, `path` first. Throws Error as it does.
std::vector<std::string> onnx_files(const std::string& path);

}  // namespace nestvec
