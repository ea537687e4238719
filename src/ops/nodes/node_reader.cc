// SPDX-License-Identifier: Apache-2.0
#include "ops/nodes/node_reader.h"

#include <cmath>

#include "base/excerpt.h"
#include "base/mapped_file.h"

namespace nestvec {

std::string describe_shape(const TensorShape& shape) {
  std::string text;
  for (const std::int64_t size : shape) {
    text += text.empty() ? "[" : ", ";
    text += std::to_string(size);
  }
  return text.empty() ? "[]" : text + "]";
}

void NodeReader::refuse(const std::string& what) const {
  throw Error(ErrorCode::kDataLoss, "node " + info_.GetNodeName() + ": " + what);
}

void NodeReader::expect_equal(std::size_t found, std::size_t expected, const char* what) const {
  if (found == expected) return;
  refuse(std::string(what) + ": " + std::to_string(found) + ", expected " +
         std::to_string(expected));
}

template <class T>
T NodeReader::attribute(const std::string& name) const {
  try {
    return info_.GetAttribute<T>(name.c_str());
  } catch (const Ort::Exception&) {
    refuse("attribute \"" + name + "\" is missing or of another type");
  }
}

std::int64_t NodeReader::integer(const std::string& name) const {
  return attribute<std::int64_t>(name);
}

std::vector<std::int64_t> NodeReader::integers(const std::string& name) const {
  try {
    return info_.GetAttributes<std::int64_t>(name.c_str());
  } catch (const Ort::Exception&) {
    refuse("attribute \"" + name + "\" is missing or of another type");
  }
}

std::size_t NodeReader::in_range(const std::string& name, std::int64_t value,
                                 const AttributeRange& range) const {
  if (value < range.least || value > range.most) {
    refuse("attribute \"" + name + "\" is " + std::to_string(value) + ", expected " +
           std::to_string(range.least) + " to " + std::to_string(range.most));
  }
  return static_cast<std::size_t>(value);
}

std::size_t NodeReader::size(const std::string& name, const AttributeRange& range) const {
  return in_range(name, integer(name), range);
}

std::size_t NodeReader::size_or_zero(const std::string& name, const AttributeRange& range) const {
  std::int64_t value = 0;
  try {
    value = info_.GetAttribute<std::int64_t>(name.c_str());
  } catch (const Ort::Exception&) {
    return 0;
  }
  return in_range(name, value, range);
}

float NodeReader::positive_or_zero(const std::string& name) const {
  float value = 0;
  try {
    value = info_.GetAttribute<float>(name.c_str());
  } catch (const Ort::Exception&) {
    return 0;
  }
  const bool fits = value > 0 && std::isfinite(value);
  if (!fits) {
    refuse("attribute \"" + name + "\" is " + std::to_string(value) +
           ", expected a positive number");
  }
  return value;
}

WeightType NodeReader::weight_type(const std::string& name) const {
  const std::string value = attribute<std::string>(name);
  for (const WeightType type : {WeightType::kF32, WeightType::kBf16, WeightType::kS8}) {
    if (value == weight_type_name(type)) return type;
  }
  refuse("attribute \"" + name + "\" is \"" + excerpt(value) +
         "\", expected \"f32\", \"bf16\" or \"s8\"");
}

std::string NodeReader::input_name(std::size_t index) const {
  return "input \"" + std::string(inputs_[index].layer) + inputs_[index].name + "\" ";
}

Ort::ConstValue NodeReader::constant(std::size_t index) const {
  int is_constant = 0;
  Ort::ConstValue value = index < info_.GetInputCount()
                              ? info_.GetTensorConstantInput(index, &is_constant)
                              : Ort::ConstValue{nullptr};
  return is_constant != 0 ? value : Ort::ConstValue{nullptr};
}

bool NodeReader::has(std::size_t index) const {
  return static_cast<const OrtValue*>(constant(index)) != nullptr;
}

const void* NodeReader::checked(std::size_t index, std::size_t count,
                                ONNXTensorElementDataType type) const {
  if (this->type(index) != type ||
      constant(index).GetTensorTypeAndShapeInfo().GetElementCount() != count) {
    const auto found = constant(index).GetTensorTypeAndShapeInfo();
    refuse(input_name(index) + "has " + std::to_string(found.GetElementCount()) +
           " elements of type " + std::to_string(found.GetElementType()) + ", expected " +
           std::to_string(count) + " of type " + std::to_string(type));
  }
  const void* data = constant(index).GetTensorRawData();
  constexpr std::uintptr_t kLargestElement = 4;
  if (reinterpret_cast<std::uintptr_t>(data) % kLargestElement != 0) {
    refuse(input_name(index) + "begins at an odd place of its file, expected a multiple of 4");
  }
  return data;
}

const float* NodeReader::floats(std::size_t index, std::size_t count) const {
  return static_cast<const float*>(checked(index, count, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT));
}

const std::int32_t* NodeReader::ints(std::size_t index, std::size_t count) const {
  return static_cast<const std::int32_t*>(
      checked(index, count, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32));
}

const std::uint16_t* NodeReader::bf16(std::size_t index, std::size_t count) const {
  return static_cast<const std::uint16_t*>(
      checked(index, count, ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16));
}

const void* NodeReader::bytes(std::size_t index, std::size_t count) const {
  const void* data = checked(index, count, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8);
  wish_large_pages({static_cast<const std::byte*>(data), count});
  return data;
}

ONNXTensorElementDataType NodeReader::type(std::size_t index) const {
  if (!has(index)) refuse(input_name(index) + "is not a constant");
  return constant(index).GetTensorTypeAndShapeInfo().GetElementType();
}

std::size_t NodeReader::rows(std::size_t index, std::size_t width) const {
  if (!has(index)) refuse(input_name(index) + "is not a constant");
  const TensorShape shape = constant(index).GetTensorTypeAndShapeInfo().GetShape();
  if (shape.size() != 2 || shape[0] < 1 || shape[1] != static_cast<std::int64_t>(width)) {
    refuse(input_name(index) + "has the shape " + describe_shape(shape) + ", expected [n, " +
           std::to_string(width) + "]");
  }
  return static_cast<std::size_t>(shape[0]);
}

std::size_t NodeReader::columns(std::size_t index, std::size_t rows) const {
  if (!has(index)) refuse(input_name(index) + "is not a constant");
  const TensorShape shape = constant(index).GetTensorTypeAndShapeInfo().GetShape();
  if (shape.size() != 2 || shape[0] != static_cast<std::int64_t>(rows) || shape[1] < 1) {
    refuse(input_name(index) + "has the shape " + describe_shape(shape) + ", expected [" +
           std::to_string(rows) + ", n]");
  }
  return static_cast<std::size_t>(shape[1]);
}

LinearLayer NodeReader::linear(std::size_t first, const std::string& prefix) const {
  LinearLayer layer;
  layer.shape.type = weight_type(prefix + "weights");
  layer.shape.inputs = size(prefix + "inputs", kAnyWidth);
  layer.shape.outputs = size(prefix + "outputs", kAnyWidth);
  const std::size_t outputs = layer.shape.padded_outputs();
  layer.panels = bytes(first, layer.shape.bytes());
  layer.bias = floats(first + 1, outputs);
  if (layer.shape.type == WeightType::kS8) {
    layer.scales = floats(first + 2, outputs);
    layer.sums = ints(first + 3, outputs);
  }
  if (has(first + 4)) {
    layer.adapters.tasks = size("tasks", {1, kAnyTasks.most});
    layer.adapters.rank = size(prefix + "rank", {1, kAnyRank.most});
    const std::size_t vectors = layer.adapters.tasks * layer.adapters.rank;
    layer.adapters.down = floats(first + 4, vectors * layer.shape.inputs);
    layer.adapters.up = floats(first + 5, vectors * outputs);
  }
  layer.full_activations = size("full_activations", kFlag) != 0;
  layer.gated_outputs = size_or_zero(prefix + "gated", kAnyWidth);
  if (layer.gated_outputs > 0) {
    const std::size_t half = (layer.gated_outputs + kPanel - 1) / kPanel * kPanel;
    expect_equal(layer.shape.outputs, 2 * half, "the outputs of a gated layer and its two halves");
  }
  return layer;
}

float NodeReader::eps() const {
  const auto eps = attribute<float>("eps");
  const bool fits = eps >= 0 && eps < 1;
  if (!fits) refuse("attribute \"eps\" is " + std::to_string(eps) + ", expected 0 to 1");
  return eps;
}

NormLayer NodeReader::norm(std::size_t first, std::size_t width) const {
  const bool rms = size_or_zero("rms", kFlag) != 0;
  return {floats(first, width), rms ? nullptr : floats(first + 1, width), eps(), width, rms};
}

HeadNorm NodeReader::head_norm(std::size_t index, std::size_t width) const {
  if (!has(index)) return {};
  return {floats(index, width), eps()};
}

}  // namespace nestvec
