// SPDX-License-Identifier: Apache-2.0
#include "session/graph_output.h"

#include <cstdint>

#include "nestvec/error.h"

namespace nestvec {
namespace {

std::string shape_of(const std::vector<std::int64_t>& sizes) {
  std::string text;
  for (const std::int64_t size : sizes) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}

}  // namespace

std::string_view type_name(ONNXTensorElementDataType type) {
  switch (type) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT:
      return "float32";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16:
      return "float16";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16:
      return "bfloat16";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64:
      return "int64";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32:
      return "int32";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE:
      return "float64";
    default:
      return "other";
  }
}

std::size_t check_output(const Ort::Value& value, const OutputShape& expected,
                         const std::string& path) {
  const auto info = value.GetTensorTypeAndShapeInfo();
  const std::vector<std::int64_t> found = info.GetShape();
  std::vector<std::int64_t> wanted = {static_cast<std::int64_t>(expected.rows)};
  if (!expected.pooled) wanted.push_back(static_cast<std::int64_t>(expected.length));
  const bool any = expected.width == 0 && !found.empty() && found.back() > 0;
  wanted.push_back(any ? found.back() : static_cast<std::int64_t>(expected.width));
  const std::string_view type = type_name(info.GetElementType());
  const bool is_float = type == "float32" || type == "float16" || type == "bfloat16";
  if (is_float && found == wanted && wanted.back() > 0)
    return static_cast<std::size_t>(found.back());
  throw Error(ErrorCode::kDataLoss, path + ": gives embeddings " + std::string(type) + " " +
                                        shape_of(found) + ", expected float32 " + shape_of(wanted));
}

}  // namespace nestvec
