// SPDX-License-Identifier: Apache-2.0
// The function between the two products of a published graph's feed-forward network.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "compile/published_graph.h"
#include "ops/activation.h"

namespace nestvec {

// Reads it as a polynomial of x, the first product, plus one times Erf or Tanh of a polynomial:
// exporters write the same function in many orders.
class PublishedActivation {
 public:
  PublishedActivation(const PublishedGraph& graph, const LayerWeights& layer)
      : graph_(graph), layer_(layer) {}

  // Whether `value` is the activation of the first product.
  bool is(Activation activation, std::string_view value);
  // What the first product takes; of use where is() was true.
  std::string_view input() const noexcept { return input_; }

 private:
  using Polynomial = std::array<double, 4>;  // coefficients of 1, x and its powers
  struct Value {
    Polynomial plain{};
    Polynomial gated{};  // times the gate
  };
  bool is_first_product(std::string_view value);
  bool is_gated(std::string_view value, std::string_view gate, const Polynomial& argument);
  std::optional<Value> read(std::string_view value, int depth);
  std::optional<Value> read_gate(const OnnxNode& node, int depth);
  std::optional<Value> read_power(const OnnxNode& node, int depth);
  static std::optional<Polynomial> product(const Polynomial& left, const Polynomial& right);
  static std::optional<Value> product(const Value& left, const Value& right);

  const PublishedGraph& graph_;
  const LayerWeights& layer_;
  std::string_view input_;
  const OnnxNode* gate_ = nullptr;
  Polynomial argument_{};
};

}  // namespace nestvec
