// SPDX-License-Identifier: Apache-2.0
// What a graph of stock operators gave, checked and as float32.
#pragma once

#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nestvec {

// "float32", "int64", or "other".
std::string_view type_name(ONNXTensorElementDataType type);

// What an output of one run must be: [rows, length, width], without the length where it is pooled;
// of a width of 0, any.
struct OutputShape {
  std::size_t rows;
  std::size_t length;
  std::size_t width;
  bool pooled;
};

// The width of an output that is as expected, whatever the graph declares; `path` stands in errors.
// Throws Error kDataLoss for another.
std::size_t check_output(const Ort::Value& value, const OutputShape& expected,
                         const std::string& path);

// The result of one run, as float32.
class GraphOutput {
 public:
  explicit GraphOutput(Ort::Value value) : value_(std::move(value)) {
    const auto info = value_.GetTensorTypeAndShapeInfo();
    const std::size_t count = info.GetElementCount();
    const ONNXTensorElementDataType type = info.GetElementType();
    if (type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) {
      data_ = value_.GetTensorData<float>();
      return;
    }
    if (type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16) {
      convert(value_.GetTensorData<Ort::Float16_t>(), count);
    } else {
      convert(value_.GetTensorData<Ort::BFloat16_t>(), count);
    }
    data_ = converted_.data();
  }
  const float* data() const noexcept { return data_; }

 private:
  template <class Half>
  void convert(const Half* values, std::size_t count) {
    converted_.resize(count);
    std::transform(values, values + count, converted_.begin(),
                   [](const Half& value) { return value.ToFloat(); });
  }

  Ort::Value value_;
  std::vector<float> converted_;
  const float* data_ = nullptr;
};

}  // namespace nestvec
