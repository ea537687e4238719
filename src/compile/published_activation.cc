// SPDX-License-Identifier: Apache-2.0
#include "compile/published_activation.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace nestvec {
namespace {

constexpr int kMostOperators = 10;  // operators of one activation, behind one another

bool is_same(const std::array<double, 4>& found, const std::array<double, 4>& wanted) {
  return std::equal(found.begin(), found.end(), wanted.begin(),
                    [](double left, double right) { return is_about(left, right); });
}

bool is_zero(const std::array<double, 4>& found) { return is_same(found, {}); }

}  // namespace

bool PublishedActivation::is(Activation activation, std::string_view value) {
  const OnnxNode* node = graph_.maker(value);
  const double root = std::sqrt(2 / std::numbers::pi);
  if (node != nullptr && node->op == "Gelu") {
    const OnnxAttribute* kind = node->attribute("approximate");
    const bool tanh = kind != nullptr && kind->text == "tanh";
    return activation == (tanh ? Activation::kGeluTanh : Activation::kGelu) &&
           is_first_product(node->inputs[0]);
  }
  switch (activation) {
    case Activation::kGelu:
      return is_gated(value, "Erf", {0, 1 / std::numbers::sqrt2, 0, 0});
    case Activation::kGeluTanh:
      return is_gated(value, "Tanh", {0, root, 0, 0.044715 * root});
    case Activation::kRelu:
      return node != nullptr && node->op == "Relu" && is_first_product(node->inputs[0]);
    case Activation::kNone:
    case Activation::kTanh:
    case Activation::kSilu:
      break;
  }
  return is_first_product(value);
}

bool PublishedActivation::is_first_product(std::string_view value) {
  const std::string_view taken =
      graph_.linear_input(value, layer_.feed_in.weight[0], layer_.feed_in.bias[0]);
  if (taken.empty() || (!input_.empty() && taken != input_)) return false;
  input_ = taken;
  return true;
}

bool PublishedActivation::is_gated(std::string_view value, std::string_view gate,
                                   const Polynomial& argument) {
  const std::optional<Value> found = read(value, 0);
  const Polynomial half = {0, 0.5, 0, 0};
  return found && gate_ != nullptr && gate_->op == gate && is_same(argument_, argument) &&
         is_same(found->plain, half) && is_same(found->gated, half);
}

std::optional<PublishedActivation::Value> PublishedActivation::read(std::string_view value,
                                                                    int depth) {
  if (depth == kMostOperators) return std::nullopt;
  if (const std::optional<double> scalar = graph_.scalar(value)) return Value{{*scalar}, {}};
  if (is_first_product(value)) return Value{{0, 1, 0, 0}, {}};
  const OnnxNode* node = graph_.maker(value);
  if (node == nullptr) return std::nullopt;
  if (node->op == "Erf" || node->op == "Tanh") return read_gate(*node, depth);
  if (node->inputs.size() != 2) return std::nullopt;
  if (node->op == "Pow") return read_power(*node, depth);
  std::optional<Value> left = read(node->inputs[0], depth + 1);
  if (!left) return std::nullopt;
  if (node->op == "Div") {
    const std::optional<double> divisor = graph_.scalar(node->inputs[1]);
    return divisor ? product(*left, Value{{1 / *divisor}, {}}) : std::nullopt;
  }
  const std::optional<Value> right = read(node->inputs[1], depth + 1);
  if (right && node->op == "Mul") return product(*left, *right);
  if (!right || node->op != "Add") return std::nullopt;
  for (std::size_t i = 0; i < left->plain.size(); ++i) {
    left->plain[i] += right->plain[i];
    left->gated[i] += right->gated[i];
  }
  return left;
}

std::optional<PublishedActivation::Value> PublishedActivation::read_gate(const OnnxNode& node,
                                                                         int depth) {
  const std::optional<Value> argument = read(node.inputs[0], depth + 1);
  const bool second = gate_ != nullptr && gate_ != &node;
  if (!argument || !is_zero(argument->gated) || second) return std::nullopt;
  gate_ = &node;
  argument_ = argument->plain;
  return Value{{}, {1}};
}

std::optional<PublishedActivation::Value> PublishedActivation::read_power(const OnnxNode& node,
                                                                          int depth) {
  const std::optional<Value> base = read(node.inputs[0], depth + 1);
  const std::optional<double> exponent = graph_.scalar(node.inputs[1]);
  if (!base || !exponent || (*exponent != 2 && *exponent != 3)) return std::nullopt;
  const std::optional<Value> square = product(*base, *base);
  return *exponent == 2 || !square ? square : product(*square, *base);
}

// Nothing where it would have a power over the third.
std::optional<PublishedActivation::Polynomial> PublishedActivation::product(
    const Polynomial& left, const Polynomial& right) {
  Polynomial result{};
  for (std::size_t i = 0; i < left.size(); ++i) {
    for (std::size_t j = 0; j < right.size(); ++j) {
      const double term = left[i] * right[j];
      if (term == 0) continue;
      if (i + j >= result.size()) return std::nullopt;
      result[i + j] += term;
    }
  }
  return result;
}

std::optional<PublishedActivation::Value> PublishedActivation::product(const Value& left,
                                                                       const Value& right) {
  if (!is_zero(left.gated) && !is_zero(right.gated)) return std::nullopt;
  const auto plain = product(left.plain, right.plain);
  const auto first = product(left.plain, right.gated);
  const auto second = product(left.gated, right.plain);
  if (!plain || !first || !second) return std::nullopt;
  Value result{*plain, *first};
  for (std::size_t i = 0; i < result.gated.size(); ++i) result.gated[i] += (*second)[i];
  return result;
}

}  // namespace nestvec
