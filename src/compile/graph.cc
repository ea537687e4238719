// SPDX-License-Identifier: Apache-2.0
#include "compile/graph.h"

#include <algorithm>

#include "nestvec/error.h"
#include "nestvec/version.h"
#include "onnx.pb.h"

namespace nestvec {
namespace {

constexpr std::int64_t kIrVersion = 8;  // the oldest that knows opset 17
constexpr std::int64_t kOpset = 17;
constexpr std::size_t kBlockBytes = 4u << 20;
constexpr std::size_t kReleaseBytes = 32u << 20;

onnx::TensorProto::DataType onnx_type(DataType type) {
  switch (type) {
    case DataType::kF32:
      return onnx::TensorProto::FLOAT;
    case DataType::kF16:
      return onnx::TensorProto::FLOAT16;
    case DataType::kBf16:
      return onnx::TensorProto::BFLOAT16;
    case DataType::kI8:
      return onnx::TensorProto::INT8;
    case DataType::kU8:
      return onnx::TensorProto::UINT8;
    case DataType::kI32:
      return onnx::TensorProto::INT32;
    case DataType::kI64:
      return onnx::TensorProto::INT64;
    default:
      throw Error(ErrorCode::kInternal,
                  "graphs hold no values of type " + std::string(data_type_name(type)));
  }
}

void set_attribute(const Attribute& from, onnx::AttributeProto& to) {
  to.set_name(from.name);
  if (const auto* number = std::get_if<std::int64_t>(&from.value)) {
    to.set_type(onnx::AttributeProto::INT);
    to.set_i(*number);
  } else if (const auto* real = std::get_if<float>(&from.value)) {
    to.set_type(onnx::AttributeProto::FLOAT);
    to.set_f(*real);
  } else if (const auto* text = std::get_if<std::string>(&from.value)) {
    to.set_type(onnx::AttributeProto::STRING);
    to.set_s(*text);
  } else {
    to.set_type(onnx::AttributeProto::INTS);
    for (const std::int64_t i : std::get<std::vector<std::int64_t>>(from.value)) to.add_ints(i);
  }
}

void set_value(const std::string& name, DataType type, const std::vector<Axis>& shape,
               onnx::ValueInfoProto& to) {
  to.set_name(name);
  onnx::TypeProto::Tensor& tensor = *to.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(onnx_type(type));
  for (const Axis& axis : shape) {
    auto& dim = *tensor.mutable_shape()->add_dim();
    if (const auto* symbol = std::get_if<std::string>(&axis)) {
      dim.set_dim_param(*symbol);
    } else {
      dim.set_dim_value(std::get<std::int64_t>(axis));
    }
  }
}

std::size_t row_bytes(const Payload& payload) {
  std::size_t bytes = element_size(payload.type);
  for (std::size_t i = 1; i < payload.shape.size(); ++i) {
    bytes *= static_cast<std::size_t>(payload.shape[i]);
  }
  return bytes;
}

std::size_t row_count(const Payload& payload) {
  return payload.shape.empty() ? 1 : static_cast<std::size_t>(payload.shape[0]);
}

void add_entry(onnx::TensorProto& tensor, const char* key, const std::string& value) {
  auto& entry = *tensor.add_external_data();
  entry.set_key(key);
  entry.set_value(value);
}

}  // namespace

GraphBuilder::GraphBuilder(std::string data_file)
    : data_file_(std::move(data_file)), model_(std::make_unique<onnx::ModelProto>()) {
  model_->set_ir_version(kIrVersion);
  model_->set_producer_name("nestvec");
  model_->set_producer_version(kVersion);
  model_->mutable_graph()->set_name("encoder");
  model_->add_opset_import()->set_version(kOpset);
  model_->mutable_opset_import(0)->set_domain("");
}

GraphBuilder::~GraphBuilder() = default;

std::string GraphBuilder::input(const std::string& name, DataType type,
                                const std::vector<Axis>& shape) {
  set_value(name, type, shape, *model_->mutable_graph()->add_input());
  return name;
}

void GraphBuilder::output(const std::string& name, DataType type, const std::vector<Axis>& shape) {
  set_value(name, type, shape, *model_->mutable_graph()->add_output());
}

void GraphBuilder::value(const std::string& name, DataType type, const std::vector<Axis>& shape) {
  set_value(name, type, shape, *model_->mutable_graph()->add_value_info());
}

std::vector<std::string> GraphBuilder::node_of(const Op& op, const std::string& name,
                                               std::size_t outputs,
                                               const std::vector<std::string>& inputs,
                                               const std::vector<Attribute>& attributes) {
  onnx::NodeProto& node = *model_->mutable_graph()->add_node();
  node.set_name(name);
  node.set_op_type(std::string(op.type));
  node.set_domain(std::string(op.domain));
  for (const std::string& value : inputs) node.add_input(value);
  for (const Attribute& attribute : attributes) set_attribute(attribute, *node.add_attribute());
  std::vector<std::string> names;
  for (std::size_t i = 0; i < outputs; ++i) {
    names.push_back(outputs == 1 ? name : name + "." + std::to_string(i));
    node.add_output(names.back());
  }
  const auto& imports = model_->opset_import();
  const bool is_imported = std::any_of(imports.begin(), imports.end(), [&](const auto& import) {
    return import.domain() == op.domain;
  });
  if (!is_imported) {
    onnx::OperatorSetIdProto& import = *model_->add_opset_import();
    import.set_domain(std::string(op.domain));
    import.set_version(1);
  }
  return names;
}

std::string GraphBuilder::node(const Op& op, const std::string& name,
                               const std::vector<std::string>& inputs,
                               const std::vector<Attribute>& attributes) {
  return node_of(op, name, 1, inputs, attributes)[0];
}

std::string GraphBuilder::constant(const std::string& name,
                                   const std::vector<std::int64_t>& values) {
  onnx::TensorProto& tensor = *model_->mutable_graph()->add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::INT64);
  tensor.add_dims(static_cast<std::int64_t>(values.size()));
  for (const std::int64_t value : values) tensor.add_int64_data(value);
  return name;
}

std::string GraphBuilder::scalar(const std::string& name, std::int64_t value) {
  constant(name, {value});
  model_->mutable_graph()->mutable_initializer()->rbegin()->clear_dims();
  return name;
}

std::string GraphBuilder::weight(const std::string& name, Payload payload) {
  const std::uint64_t bytes = row_bytes(payload) * row_count(payload);
  onnx::TensorProto& tensor = *model_->mutable_graph()->add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx_type(payload.type));
  for (const std::int64_t extent : payload.shape) tensor.add_dims(extent);
  if (bytes < kInlineBytes) {
    std::string& raw = *tensor.mutable_raw_data();
    raw.resize(bytes);
    payload.fill(0, std::as_writable_bytes(std::span(raw)));
    return name;
  }
  const std::uint64_t alignment = bytes < kLargePage ? kAlignment : kLargePage;
  const std::uint64_t offset = (data_bytes_ + alignment - 1) / alignment * alignment;
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  add_entry(tensor, "location", data_file_);
  add_entry(tensor, "offset", std::to_string(offset));
  add_entry(tensor, "length", std::to_string(bytes));
  data_bytes_ = offset + bytes;
  promises_.push_back({std::move(payload), {offset, bytes}});
  return name;
}

void GraphBuilder::metadata(const std::string& key, const std::string& value) {
  onnx::StringStringEntryProto& entry = *model_->add_metadata_props();
  entry.set_key(key);
  entry.set_value(value);
}

std::string GraphBuilder::serialize() const { return model_->SerializeAsString(); }

void GraphBuilder::stream_data(const Write& write) const {
  std::vector<std::byte> block;
  for (const Promise& promise : promises_) {
    const std::size_t row = row_bytes(promise.payload);
    const std::size_t rows = row_count(promise.payload);
    const std::size_t step = std::max<std::size_t>(1, kBlockBytes / row);
    std::size_t unreleased = 0;
    for (std::size_t first = 0; first < rows; first += step) {
      block.resize(std::min(step, rows - first) * row);
      promise.payload.fill(first, block);
      write(promise.place.offset + first * row, block);
      unreleased += block.size();
      if (unreleased >= kReleaseBytes && promise.payload.release) {
        promise.payload.release();
        unreleased = 0;
      }
    }
    if (promise.payload.release) promise.payload.release();
  }
}

}  // namespace nestvec
