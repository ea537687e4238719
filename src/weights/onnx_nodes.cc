// SPDX-License-Identifier: Apache-2.0
#include "weights/onnx_nodes.h"

#include <bit>
#include <cstring>
#include <map>
#include <utility>

#include "weights/protobuf.h"

namespace nestvec {
namespace {

constexpr std::string_view kBias = ".bias";
constexpr int kMaxSteps = 8;  // from a value back to what it is; a graph that is no graph may turn

float float_of(const MessageField& field) {
  std::uint32_t bits = 0;
  if (field.bytes.size() == sizeof(bits)) std::memcpy(&bits, field.bytes.data(), sizeof(bits));
  return std::bit_cast<float>(bits);
}

}  // namespace

std::optional<OnnxNodes::Kind> OnnxNodes::kind_of(std::string_view op) {
  static const std::map<std::string_view, Kind> kKinds = {
      {"MatMul", Kind::kProduct},      {"Gemm", Kind::kGemm},         {"Add", Kind::kSum},
      {"Transpose", Kind::kTranspose}, {"Identity", Kind::kIdentity}, {"Cast", Kind::kCast}};
  const auto found = kKinds.find(op);
  if (found == kKinds.end()) return std::nullopt;
  return found->second;
}

// Field numbers of AttributeProto.
void OnnxNodes::read_attribute(std::span<const std::byte> message, const std::string& path,
                               Node& node) {
  std::string_view name;
  std::uint64_t integer = 0;
  float real = 0.0f;
  std::vector<std::int64_t> integers;
  MessageReader reader(message, path);
  while (const std::optional<MessageField> field = reader.next()) {
    if (field->number == 1) name = field->text();
    if (field->number == 2) real = float_of(*field);
    if (field->number == 3) integer = field->varint;
    if (field->number == 8) read_numbers(*field, path, integers);
  }
  if (node.kind == Kind::kGemm) {
    if (name == "transB") node.transposes_b = integer == 1;
    if (name == "transA" && integer != 0) node.is_plain = false;
    if ((name == "alpha" || name == "beta") && real != 1.0f) node.is_plain = false;
  }
  if (node.kind == Kind::kTranspose && name == "perm") {
    node.is_plain = integers == std::vector<std::int64_t>{1, 0};
  }
}

// Field numbers of NodeProto.
void OnnxNodes::add(std::span<const std::byte> message, const std::string& path) {
  std::string_view op;
  std::string_view domain;
  std::vector<std::span<const std::byte>> attributes;
  Node node;
  std::size_t inputs = 0;
  MessageReader reader(message, path);
  while (const std::optional<MessageField> field = reader.next()) {
    if (field->number == 1 && inputs++ < node.inputs.size())
      node.inputs[inputs - 1] = field->text();
    if (field->number == 2 && node.output.empty()) node.output = field->text();
    if (field->number == 4) op = field->text();
    if (field->number == 5) attributes.push_back(field->bytes);
    if (field->number == 7) domain = field->text();
  }
  const std::optional<Kind> kind = kind_of(op);
  if (!kind || !domain.empty() || inputs == 0 || node.output.empty()) return;
  node.kind = *kind;
  for (const std::span<const std::byte> attribute : attributes) {
    read_attribute(attribute, path, node);
  }
  if (nodes_.size() == kMaxNodes) {
    throw corrupt_onnx(path, "the graph has over " + std::to_string(kMaxNodes) +
                                 " products and sums, more than any encoder");
  }
  producers_.emplace(node.output, nodes_.size());
  nodes_.push_back(node);
}

const OnnxNodes::Node* OnnxNodes::producer(std::string_view value) const {
  const auto found = producers_.find(value);
  return found == producers_.end() ? nullptr : &nodes_[found->second];
}

const OnnxNodes::Node* OnnxNodes::maker(std::string_view value) const {
  for (int step = 0; step < kMaxSteps; ++step) {
    const Node* node = producer(value);
    const bool passes =
        node != nullptr && (node->kind == Kind::kIdentity || node->kind == Kind::kCast);
    if (!passes) return node;
    value = node->inputs[0];
  }
  return nullptr;
}

std::string_view OnnxNodes::bias_name(std::string_view value) const {
  for (int step = 0; step < kMaxSteps && !value.ends_with(kBias); ++step) {
    const Node* node = producer(value);
    const bool passes =
        node != nullptr && (node->kind == Kind::kIdentity || node->kind == Kind::kCast);
    if (!passes) return {};
    value = node->inputs[0];
  }
  return value.ends_with(kBias) ? value : std::string_view();
}

std::optional<OnnxNodes::Source> OnnxNodes::source_of(
    std::string_view value, const std::set<std::string_view>& initializers) const {
  Source source;
  for (int step = 0; step < kMaxSteps; ++step) {
    if (initializers.contains(value)) {
      source.initializer = value;
      return source;
    }
    const Node* node = producer(value);
    if (node == nullptr) return std::nullopt;
    const bool turns = node->kind == Kind::kTranspose && node->is_plain;
    if (!turns && node->kind != Kind::kIdentity && node->kind != Kind::kCast) return std::nullopt;
    if (turns) source.transposed = !source.transposed;
    value = node->inputs[0];
  }
  return std::nullopt;
}

std::optional<ImpliedWeight> OnnxNodes::implied_by(
    const Node& node, const std::set<std::string_view>& initializers) const {
  if (node.kind == Kind::kIdentity) {
    const std::optional<Source> source = source_of(node.output, initializers);
    if (!source || source->transposed || source->initializer == node.output) return std::nullopt;
    return ImpliedWeight{std::string(node.output), std::string(source->initializer), false};
  }
  const Node* product = nullptr;
  std::string_view bias;
  if (node.kind == Kind::kGemm) {
    product = &node;
    bias = bias_name(node.inputs[2]);
  } else if (node.kind == Kind::kSum) {
    const std::size_t place = bias_name(node.inputs[0]).empty() ? 1 : 0;
    bias = bias_name(node.inputs[place]);
    product = maker(node.inputs[1 - place]);
  }
  const Kind wanted = node.kind == Kind::kGemm ? Kind::kGemm : Kind::kProduct;
  const bool is_product = product != nullptr && product->kind == wanted && product->is_plain;
  if (bias.empty() || !is_product) return std::nullopt;
  const std::optional<Source> source = source_of(product->inputs[1], initializers);
  if (!source) return std::nullopt;
  const std::string name = std::string(bias.substr(0, bias.size() - kBias.size())) + ".weight";
  // A product takes its right-hand side as [in, out].
  return ImpliedWeight{name, std::string(source->initializer),
                       source->transposed == product->transposes_b};
}

std::vector<ImpliedWeight> OnnxNodes::implied_weights(
    const std::set<std::string_view>& initializers) const {
  std::map<std::string, std::vector<ImpliedWeight>> by_name;
  for (const Node& node : nodes_) {
    std::optional<ImpliedWeight> implied = implied_by(node, initializers);
    if (!implied || initializers.contains(implied->name)) continue;
    std::vector<ImpliedWeight>& meanings = by_name[implied->name];
    const bool is_known = !meanings.empty() && meanings[0].initializer == implied->initializer &&
                          meanings[0].transposed == implied->transposed;
    if (!is_known && meanings.size() < 2) meanings.push_back(std::move(*implied));
  }
  std::vector<ImpliedWeight> weights;
  for (auto& [name, meanings] : by_name) {
    if (meanings.size() == 1) weights.push_back(std::move(meanings[0]));
  }
  return weights;
}

}  // namespace nestvec
