// SPDX-License-Identifier: Apache-2.0
// How nodes declare their inputs.
#pragma once

#include <array>

#include "ops/nodes/node_reader.h"

namespace nestvec {

inline constexpr auto kAny = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
inline constexpr auto kFloat = ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
inline constexpr auto kBf16 = ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16;
inline constexpr auto kInt32 = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32;
inline constexpr auto kInt64 = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
inline constexpr auto kByte = ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8;
inline constexpr auto kSignedByte = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8;

// What NodeReader::linear reads, for the layer of a prefix.
constexpr std::array<NodeInput, 6> linear_inputs(const char* layer) {
  return {{{"weight", kByte, false, layer},
           {"bias", kFloat, false, layer},
           {"scales", kFloat, true, layer},
           {"sums", kInt32, true, layer},
           {"down", kFloat, true, layer},
           {"up", kFloat, true, layer}}};
}

}  // namespace nestvec
