// SPDX-License-Identifier: Apache-2.0
// A published ONNX graph, read backwards from its output: what a value is made of.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "compile/encoder_weights.h"
#include "weights/onnx_initializers.h"
#include "weights/onnx_topology.h"

namespace nestvec {

bool is_any_of(std::string_view text, std::initializer_list<std::string_view> choices);
// "name", shortened.
std::string quoted(std::string_view name);
// Whether two numbers of a graph are the same, also where one of them was stored in half precision.
bool is_about(double found, double wanted);

// Keeps views into `topology`, which must outlive it. Values are named as in the file; an empty
// name is none.
class PublishedGraph {
 public:
  PublishedGraph(const OnnxTopology& topology, const OnnxGraph& initializers,
                 std::size_t head_width);

  // False where a node takes what only a later one makes.
  bool is_ordered() const noexcept { return ordered_; }
  const OnnxTopology& topology() const noexcept { return topology_; }

  // The output with token embeddings, as session/graph_io.h chooses it; empty where there is none.
  std::string_view token_output() const;
  // Which nodes that output depends on.
  std::vector<bool> needed() const;

  // The node that makes it, of ONNX's own; null for inputs, constants and foreign nodes.
  const OnnxNode* producer(std::string_view value) const;
  bool is_input(std::string_view value) const {
    return !producers_.contains(value) && !topology_.constants.contains(value);
  }
  // The value that `value` is, but for nodes that change no number of it (and no shape).
  std::string_view source(std::string_view value) const;
  // producer(source(value)), or null where it is of another kind.
  const OnnxNode* maker(std::string_view value) const;
  const OnnxNode* maker(std::string_view value, std::string_view op) const;
  // A constant of one element, or what is computed of such ones.
  std::optional<double> scalar(std::string_view value) const { return scalar(value, 0); }
  // Follows products with scalars and quotients by them, which it multiplies into `factor`.
  std::string_view unscaled(std::string_view value, double& factor) const;
  // Whether it is computed from tensors of floats, so that it is no mask and no position.
  bool is_hidden(std::string_view value) const { return hidden_.contains(value); }

  // Whether it is the tensor as the file stores it; a layer's weights may be turned there.
  bool is_vector(std::string_view value, const TensorView& tensor) const;
  // The other operand of a sum or product with the vector; empty where `node` is something else.
  std::string_view beside(const OnnxNode* node, std::string_view op,
                          const TensorView& vector) const;
  // What a layer's product with the weights takes; empty where `value` is something else.
  std::string_view linear_input(std::string_view value, const TensorView& weight,
                                const TensorView& bias) const;
  // What a normalisation takes; empty where `value` is something else.
  std::string_view norm_input(std::string_view value, const NormWeights& norm,
                              double epsilon) const;

  // A shape as far as the file states it. Several dimensions that it does not state may be one
  // entry.
  std::vector<std::optional<double>> dimensions(std::string_view shape) const;
  // The name of the initializer that a tensor of the encoder was read from.
  std::string_view initializer_of(const std::string& tensor) const;

 private:
  struct Stored {
    std::string_view initializer;
    bool turned = false;
  };
  std::optional<double> scalar(std::string_view value, int depth) const;
  std::optional<double> arithmetic(const OnnxNode& node, int depth) const;
  bool is_head_width(const OnnxNode& node) const;
  Stored stored(std::string_view value) const;
  bool is_matrix(std::string_view value, const TensorView& tensor, bool turned) const;
  bool is_mean(std::string_view value, std::string_view of) const;
  std::string_view centred(std::string_view value) const;
  bool is_deviation(std::string_view value, std::string_view of, double epsilon) const;

  const OnnxTopology& topology_;
  double head_width_;
  std::unordered_map<std::string_view, std::size_t> producers_;
  std::unordered_set<std::string_view> hidden_;
  std::unordered_map<std::string, std::string> implied_;  // a tensor's name to its initializer
  bool ordered_ = true;
};

}  // namespace nestvec
