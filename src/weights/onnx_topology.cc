// SPDX-License-Identifier: Apache-2.0
#include "weights/onnx_topology.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "weights/protobuf.h"
#include "weights/tensor.h"

namespace nestvec {
namespace {

// TensorProto.DataType
constexpr std::uint64_t kFloat = 1;
constexpr std::uint64_t kInt32 = 6;
constexpr std::uint64_t kInt64 = 7;
constexpr std::uint64_t kFloat16 = 10;
constexpr std::uint64_t kDouble = 11;
constexpr std::uint64_t kBfloat16 = 16;

bool is_float(std::uint64_t type) {
  return type == kFloat || type == kFloat16 || type == kDouble || type == kBfloat16;
}

template <typename T>
void read_raw(std::span<const std::byte> bytes, std::vector<double>& values) {
  for (; bytes.size() >= sizeof(T); bytes = bytes.subspan(sizeof(T))) {
    T value;
    std::memcpy(&value, bytes.data(), sizeof(T));
    values.push_back(static_cast<double>(value));
  }
}

// fp16 and bf16
void read_half(std::span<const std::byte> bytes, DataType type, std::vector<double>& values) {
  std::vector<float> floats(bytes.size() / 2);
  TensorView tensor;
  tensor.type = type;
  tensor.shape = {static_cast<std::int64_t>(floats.size())};
  tensor.bytes = bytes.first(2 * floats.size());
  read_as_float(tensor, 0, floats);
  values.assign(floats.begin(), floats.end());
}

std::vector<double> values_of(std::span<const std::byte> raw, std::uint64_t type) {
  std::vector<double> values;
  if (type == kFloat) read_raw<float>(raw, values);
  if (type == kDouble) read_raw<double>(raw, values);
  if (type == kInt32) read_raw<std::int32_t>(raw, values);
  if (type == kInt64) read_raw<std::int64_t>(raw, values);
  if (type == kFloat16) read_half(raw, DataType::kF16, values);
  if (type == kBfloat16) read_half(raw, DataType::kBf16, values);
  return values;
}

// Beyond what any encoder has; a file of a few bytes an entry must not fill the memory.
constexpr std::size_t kMostEntries = std::size_t{1} << 18;  // nodes, or constants
constexpr std::size_t kMostParts = 64;                      // attributes of a node, or outputs

void check_entries(std::size_t count, const std::string& path) {
  if (count < kMostEntries) return;
  throw corrupt_onnx(path, "the graph has over " + std::to_string(kMostEntries) +
                               " nodes or tensors, more than any encoder");
}

std::uint64_t elements_of(const std::vector<std::int64_t>& dims) {
  std::uint64_t count = 1;
  for (const std::int64_t extent : dims) {
    if (extent < 0 || __builtin_mul_overflow(count, static_cast<std::uint64_t>(extent), &count)) {
      return ~std::uint64_t{0};
    }
  }
  return count;
}

// Adds the numbers of a field as far as there is room for them.
void read_first_numbers(const MessageField& field, const std::string& path,
                        std::vector<std::int64_t>& numbers) {
  constexpr std::size_t kLongestVarint = 10;
  const bool few = field.wire != 2 || field.bytes.size() <= kLongestVarint * OnnxConstant::kShown;
  if (few && numbers.size() < OnnxConstant::kShown) read_numbers(field, path, numbers);
}

// Field numbers of TensorProto.
OnnxConstant read_constant(std::span<const std::byte> message, const std::string& path,
                           std::string_view& name) {
  std::vector<std::int64_t> dims;
  std::uint64_t type = 0;
  std::vector<double> typed;
  std::vector<std::int64_t> integers;
  std::span<const std::byte> raw;
  MessageReader reader(message, path);
  while (const std::optional<MessageField> field = reader.next()) {
    const bool small = field->bytes.size() <= sizeof(double) * OnnxConstant::kShown;
    if (field->number == 1) read_numbers(*field, path, dims);
    if (field->number == 2) type = field->varint;
    if (field->number == 4 && small) read_raw<float>(field->bytes, typed);
    if (field->number == 5 || field->number == 7) read_first_numbers(*field, path, integers);
    if (field->number == 8) name = field->text();
    if (field->number == 9) raw = field->bytes;
    if (field->number == 10 && small) read_raw<double>(field->bytes, typed);
  }
  OnnxConstant constant;
  constant.is_float = is_float(type);
  constant.elements = elements_of(dims);
  if (constant.elements > OnnxConstant::kShown) return constant;
  const std::size_t most = sizeof(double) * OnnxConstant::kShown;
  constant.values =
      raw.empty() ? std::move(typed) : values_of(raw.first(std::min(raw.size(), most)), type);
  // Halves stand among the integers as their bits.
  if (constant.values.empty() && !constant.is_float) {
    constant.values.assign(integers.begin(), integers.end());
  }
  if (constant.values.size() != constant.elements) constant.values.clear();
  return constant;
}

// Field numbers of AttributeProto. What a tensor among them holds goes to `constant`.
OnnxAttribute read_attribute(std::span<const std::byte> message, const std::string& path,
                             std::optional<OnnxConstant>& constant) {
  OnnxAttribute attribute;
  std::string_view ignored;
  MessageReader reader(message, path);
  while (const std::optional<MessageField> field = reader.next()) {
    if (field->number == 1) attribute.name = field->text();
    if (field->number == 2 && field->bytes.size() == sizeof(float)) {
      float real = 0.0f;
      std::memcpy(&real, field->bytes.data(), sizeof(float));
      attribute.number = static_cast<double>(real);
    }
    if (field->number == 3 && field->wire == 0) {
      attribute.number = static_cast<double>(static_cast<std::int64_t>(field->varint));
    }
    if (field->number == 4) attribute.text = field->text();
    if (field->number == 5) constant = read_constant(field->bytes, path, ignored);
    if (field->number == 8) read_first_numbers(*field, path, attribute.integers);
  }
  return attribute;
}

// What a Constant node gives: a tensor, or a number or numbers of their own attributes.
OnnxConstant constant_of(const OnnxNode& node, std::optional<OnnxConstant> tensor) {
  if (tensor) return std::move(*tensor);
  for (const OnnxAttribute& attribute : node.attributes) {
    if (!attribute.name.starts_with("value_")) continue;
    OnnxConstant constant;
    constant.is_float = attribute.name.starts_with("value_float");
    if (attribute.name == "value_float" || attribute.name == "value_int") {
      constant.values = {attribute.number};
    } else if (attribute.name == "value_ints") {
      constant.values.assign(attribute.integers.begin(), attribute.integers.end());
      constant.elements = constant.values.size();
    } else {
      constant.elements = ~std::uint64_t{0};
    }
    return constant;
  }
  return {.is_float = true, .elements = ~std::uint64_t{0}, .values = {}};  // of another kind
}

// Field numbers of NodeProto.
void read_node(std::span<const std::byte> message, const std::string& path,
               OnnxTopology& topology) {
  OnnxNode node;
  std::optional<OnnxConstant> tensor;
  MessageReader reader(message, path);
  while (const std::optional<MessageField> field = reader.next()) {
    if (field->number == 1) node.inputs.push_back(field->text());
    if (field->number == 2) node.outputs.push_back(field->text());
    if (field->number == 4) node.op = field->text();
    if (field->number == 5 && field->wire == 2 && node.attributes.size() < kMostParts) {
      node.attributes.push_back(read_attribute(field->bytes, path, tensor));
    }
    if (field->number == 7) node.domain = field->text();
  }
  if (node.domain == "ai.onnx") node.domain = {};
  if (node.op != "Constant") {
    check_entries(topology.nodes.size(), path);
    topology.nodes.push_back(std::move(node));
  } else if (!node.outputs.empty()) {
    check_entries(topology.constants.size(), path);
    topology.constants.emplace(node.outputs[0], constant_of(node, std::move(tensor)));
  }
}

int count_axes(std::span<const std::byte> shape, const std::string& path) {
  int axes = 0;
  MessageReader reader(shape, path);
  while (const std::optional<MessageField> field = reader.next()) axes += field->number == 1;
  return axes;
}

// Field numbers of ValueInfoProto, TypeProto and TypeProto.Tensor.
OnnxOutput read_output(std::span<const std::byte> message, const std::string& path) {
  OnnxOutput output;
  MessageReader reader(message, path);
  while (const std::optional<MessageField> field = reader.next()) {
    if (field->number == 1) output.name = field->text();
    if (field->number != 2 || field->wire != 2) continue;
    MessageReader types(field->bytes, path);
    while (const std::optional<MessageField> type = types.next()) {
      if (type->number != 1 || type->wire != 2) continue;
      MessageReader parts(type->bytes, path);
      while (const std::optional<MessageField> part = parts.next()) {
        if (part->number == 1) output.is_float = is_float(part->varint);
        if (part->number == 2 && part->wire == 2) output.axes = count_axes(part->bytes, path);
      }
    }
  }
  return output;
}

// Field numbers of GraphProto.
void read_graph(std::span<const std::byte> message, const std::string& path,
                OnnxTopology& topology) {
  MessageReader reader(message, path);
  while (const std::optional<MessageField> field = reader.next()) {
    if (field->wire != 2) continue;
    if (field->number == 1) read_node(field->bytes, path, topology);
    if (field->number == 12 && topology.outputs.size() < kMostParts) {
      topology.outputs.push_back(read_output(field->bytes, path));
    }
    if (field->number != 5) continue;
    std::string_view name;
    OnnxConstant constant = read_constant(field->bytes, path, name);
    check_entries(topology.constants.size(), path);
    topology.constants.emplace(name, std::move(constant));
  }
}

}  // namespace

const OnnxAttribute* OnnxNode::attribute(std::string_view name) const {
  for (const OnnxAttribute& one : attributes) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

double OnnxNode::number_or(std::string_view name, double fallback) const {
  const OnnxAttribute* one = attribute(name);
  return one == nullptr ? fallback : one->number;
}

OnnxTopology parse_onnx_topology(std::span<const std::byte> file, const std::string& path) {
  OnnxTopology topology;
  MessageReader reader(file, path);
  while (const std::optional<MessageField> field = reader.next()) {
    if (field->number == 7 && field->wire == 2) read_graph(field->bytes, path, topology);
  }
  return topology;
}

}  // namespace nestvec
