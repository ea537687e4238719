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

// The initializers of an ONNX file that is in memory, those of types that weights can have and
// whose bytes stand in raw_data, float_data (packed) or external data; others are left out. `path`
// stands in errors. Throws Error kDataLoss for bytes that are not an ONNX model, and for sizes that
// do not fit.
std::vector<OnnxInitializer> parse_onnx_initializers(std::span<const std::byte> file,
                                                     const std::string& path);

// Maps an ONNX file and its external data, which must lie in the same folder or below it. Throws
// Error as MappedFile and parse_onnx_initializers, and kDataLoss for data outside its file or the
// folder.
WeightSet read_onnx_initializers(const std::string& path);

}  // namespace nestvec
