// SPDX-License-Identifier: Apache-2.0
#include "ops/nodes/node.h"

#include <algorithm>

#include "base/mapped_file.h"

namespace nestvec {
namespace {

WeightType weight_type_of(const std::string& name) {
  for (const WeightType type : {WeightType::kF32, WeightType::kBf16, WeightType::kS8}) {
    if (name == weight_type_name(type)) return type;
  }
  throw Error(ErrorCode::kDataLoss, "unknown weight type \"" + name + "\" in a compiled graph");
}

template <class T>
std::span<const T> elements(const Ort::ConstValue& value) {
  return {static_cast<const T*>(value.GetTensorRawData()),
          value.GetTensorTypeAndShapeInfo().GetElementCount()};
}

}  // namespace

std::size_t NodeReader::size(const char* attribute) const {
  return static_cast<std::size_t>(info_.GetAttribute<std::int64_t>(attribute));
}

float NodeReader::number(const char* attribute) const {
  return info_.GetAttribute<float>(attribute);
}

std::string NodeReader::text(const char* attribute) const {
  return info_.GetAttribute<std::string>(attribute);
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
  const NodeInput& input = inputs_[index];
  const std::string what = "input \"" + std::string(input.layer) + input.name + "\" of node " +
                           info_.GetNodeName() + " in a compiled graph ";
  if (!has(index)) throw Error(ErrorCode::kDataLoss, what + "is not a constant");
  const Ort::ConstValue value = constant(index);
  const auto shape = value.GetTensorTypeAndShapeInfo();
  if (shape.GetElementType() != type || shape.GetElementCount() != count) {
    throw Error(ErrorCode::kDataLoss,
                what + "has " + std::to_string(shape.GetElementCount()) + " elements of type " +
                    std::to_string(shape.GetElementType()) + ", expected " + std::to_string(count) +
                    " of type " + std::to_string(type));
  }
  return value.GetTensorRawData();
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

const float* NodeReader::optional_floats(std::size_t index, std::size_t count) const {
  return has(index) ? floats(index, count) : nullptr;
}

ONNXTensorElementDataType NodeReader::type(std::size_t index) const {
  return constant(index).GetTensorTypeAndShapeInfo().GetElementType();
}

std::size_t NodeReader::rows(std::size_t index) const {
  return static_cast<std::size_t>(constant(index).GetTensorTypeAndShapeInfo().GetShape().at(0));
}

LinearLayer NodeReader::linear(std::size_t first, const std::string& prefix) const {
  LinearLayer layer;
  layer.shape.type = weight_type_of(text((prefix + "weights").c_str()));
  layer.shape.inputs = size((prefix + "inputs").c_str());
  layer.shape.outputs = size((prefix + "outputs").c_str());
  const std::size_t outputs = layer.shape.padded_outputs();
  layer.panels = bytes(first, layer.shape.bytes());
  layer.bias = floats(first + 1, outputs);
  if (layer.shape.type == WeightType::kS8) {
    layer.scales = floats(first + 2, outputs);
    layer.sums = ints(first + 3, outputs);
  }
  if (has(first + 4)) {
    layer.adapters.tasks = size("tasks");
    layer.adapters.rank = size((prefix + "rank").c_str());
    const std::size_t vectors = layer.adapters.tasks * layer.adapters.rank;
    layer.adapters.down = floats(first + 4, vectors * layer.shape.inputs);
    layer.adapters.up = floats(first + 5, vectors * outputs);
  }
  layer.full_activations = size("full_activations") != 0;
  return layer;
}

NormLayer NodeReader::norm(std::size_t first, std::size_t width) const {
  return {floats(first, width), floats(first + 1, width), number("eps"), width};
}

std::span<const float> NodeRun::floats(std::size_t index) const {
  return elements<float>(context_.GetInput(index));
}

std::span<const std::int64_t> NodeRun::ints(std::size_t index) const {
  return elements<std::int64_t>(context_.GetInput(index));
}

float* NodeRun::output(std::size_t rows, std::size_t width) const {
  return context_.GetOutput(0, {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(width)})
      .GetTensorMutableData<float>();
}

const std::int32_t* NodeRun::row_tasks(EngineContext& context) const {
  const std::span<const std::int64_t> offsets = ints(1);
  const std::span<const std::int64_t> tasks = ints(2);
  if (std::all_of(tasks.begin(), tasks.end(), [](std::int64_t task) { return task < 0; })) {
    return nullptr;
  }
  auto* rows = context.row_tasks.get<std::int32_t>(static_cast<std::size_t>(offsets.back()));
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    std::fill(rows + offsets[i], rows + offsets[i + 1], static_cast<std::int32_t>(tasks[i]));
  }
  return rows;
}

}  // namespace nestvec
