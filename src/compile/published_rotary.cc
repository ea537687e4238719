// SPDX-License-Identifier: Apache-2.0
#include "compile/published_rotary.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <numbers>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace nestvec {
namespace {

class RotaryCheck {
 public:
  RotaryCheck(const PublishedGraph& graph, const ModelSpec& spec, const EncoderWeights& weights)
      : graph_(graph), spec_(spec) {
    collect(weights.words);
    collect(weights.types);
    if (!weights.positions.name.empty()) add(weights.positions);
    collect(weights.norm);
    for (const LayerWeights& layer : weights.layers) {
      for (const LinearWeights* linear :
           {&layer.qkv, &layer.attention_out, &layer.feed_in, &layer.feed_out}) {
        collect(*linear);
      }
      collect(layer.attention_norm);
      collect(layer.feed_norm);
    }
  }

  std::string difference();

 private:
  void add(const TensorView& tensor) { tensors_.insert(graph_.initializer_of(tensor.name)); }
  // One task's part of a tensor of the graph, or a tensor of a folder of its own.
  void add_adapter(const TensorView& part) {
    const std::string_view name = part.name;
    if (spec_.adapters.folders.empty()) tensors_.insert(name.substr(0, name.rfind('[')));
  }
  void collect(const NormWeights& norm) {
    add(norm.weight);
    add(norm.bias);
  }
  void collect(const LinearWeights& linear);
  void collect(const TableWeights& table);
  std::string visit(const OnnxNode& node);
  std::string visit_tensor(std::string_view name, const OnnxConstant& tensor);
  std::string visit_scalar(const OnnxNode& node, std::string_view scalar);
  std::string visit_softmax(const OnnxNode& softmax);
  bool is_update(std::string_view value) const;
  std::string_view unfolded(std::string_view value, double& factor) const;
  std::string visit_heads(const OnnxNode& reshape);
  bool is_usual(double value) const;
  std::string compare() const;

  const PublishedGraph& graph_;
  const ModelSpec& spec_;
  std::unordered_set<std::string_view> tensors_;  // of the encoder
  std::unordered_set<std::string_view> used_;     // of these
  std::size_t softmaxes_ = 0;
  std::size_t norms_ = 0;
  std::size_t exact_ = 0;  // activations
  std::size_t tanh_ = 0;
  std::size_t relu_ = 0;
  bool heads_seen_ = false;
};

void RotaryCheck::collect(const LinearWeights& linear) {
  for (const TensorView& tensor : linear.weight) add(tensor);
  for (const TensorView& tensor : linear.bias) add(tensor);
  for (const std::vector<LowRank>& task : linear.adapters) {
    for (const LowRank& part : task) {
      add_adapter(part.down);
      add_adapter(part.up);
    }
  }
}

void RotaryCheck::collect(const TableWeights& table) {
  add(table.table);
  for (const std::vector<LowRankTable>& task : table.adapters) {
    for (const LowRankTable& part : task) {
      add_adapter(part.a);
      add_adapter(part.b);
    }
  }
}

std::string RotaryCheck::difference() {
  const std::vector<bool> needed = graph_.needed();
  for (std::size_t i = 0; i < needed.size(); ++i) {
    if (!needed[i]) continue;
    if (std::string why = visit(graph_.topology().nodes[i]); !why.empty()) return why;
  }
  return compare();
}

std::string RotaryCheck::visit(const OnnxNode& node) {
  if (node.op == "Trilu") return "its attention is causal (Trilu)";
  bool hidden = false;
  for (const std::string_view input : node.inputs) hidden = hidden || graph_.is_hidden(input);
  for (const std::string_view input : node.inputs) {
    const auto constant = graph_.topology().constants.find(input);
    if (constant == graph_.topology().constants.end() || !constant->second.is_float) continue;
    std::string why;
    if (constant->second.elements > 1) {
      why = visit_tensor(input, constant->second);
    } else if (hidden && is_any_of(node.op, {"Add", "Sub", "Mul", "Div", "Pow"})) {
      why = visit_scalar(node, input);
    }
    if (!why.empty()) return why;
  }
  if (!hidden) return "";
  if (!node.domain.empty()) return "it has " + quoted(node.op) + " of " + quoted(node.domain);
  const OnnxAttribute* kind = node.attribute("approximate");
  const bool is_tanh = kind != nullptr && kind->text == "tanh";
  softmaxes_ += node.op == "Softmax";
  norms_ += node.op == "Sqrt" || node.op == "LayerNormalization";
  exact_ += node.op == "Erf" || (node.op == "Gelu" && !is_tanh);
  tanh_ += node.op == "Tanh" || (node.op == "Gelu" && is_tanh);
  relu_ += node.op == "Relu";
  if (node.op == "Softmax") return visit_softmax(node);
  return node.op == "Reshape" ? visit_heads(node) : "";
}

std::string RotaryCheck::visit_tensor(std::string_view name, const OnnxConstant& tensor) {
  if (tensors_.contains(name)) {
    used_.insert(name);
    return "";
  }
  // Exporters name the frequencies of rotary positions, or fold them into a constant.
  const bool rotation = tensor.elements == spec_.head_width() / 2;
  return rotation ? "" : "the tensor " + quoted(name) + " is none of the encoder's";
}

bool RotaryCheck::is_usual(double value) const {
  const double width = static_cast<double>(spec_.head_width());
  const double usual[] = {0.5,
                          1.0,
                          2.0,
                          3.0,
                          std::numbers::sqrt2,
                          1 / std::numbers::sqrt2,
                          0.044715,
                          std::sqrt(2 / std::numbers::pi),
                          std::sqrt(width),
                          1 / std::sqrt(width),
                          std::sqrt(std::sqrt(width)),
                          1 / std::sqrt(std::sqrt(width)),
                          static_cast<double>(spec_.adapters.scaling)};
  return std::any_of(std::begin(usual), std::end(usual),
                     [value](double one) { return is_about(value, one); });
}

// The product of two parts of an adapter.
bool RotaryCheck::is_update(std::string_view value) const {
  const OnnxNode* node = graph_.maker(value);
  if (node != nullptr && node->op == "Reshape") node = graph_.maker(node->inputs[0]);
  const bool product = node != nullptr && node->op == "MatMul";
  return product && std::all_of(node->inputs.begin(), node->inputs.end(), [&](auto input) {
           const OnnxNode* part = graph_.maker(input, "Gather");
           return part != nullptr && tensors_.contains(part->inputs[0]);
         });
}

std::string RotaryCheck::visit_scalar(const OnnxNode& node, std::string_view scalar) {
  const double value = graph_.scalar(scalar).value_or(std::nan(""));
  const bool epsilon =
      node.op == "Add" && is_about(value, static_cast<double>(spec_.layer_norm_eps));
  const bool update =
      std::any_of(node.inputs.begin(), node.inputs.end(), [&](auto one) { return is_update(one); });
  const bool fits =
      update ? node.op == "Mul" && is_about(value, static_cast<double>(spec_.adapters.scaling))
             : epsilon || is_usual(value);
  if (fits) return "";
  return "the constant of " + quoted(node.outputs.empty() ? node.op : node.outputs[0]) +
         " is none of the encoder's";
}

// Follows scales and nodes that lay a value out in another way.
std::string_view RotaryCheck::unfolded(std::string_view value, double& factor) const {
  constexpr int kMostSteps = 8;
  for (int step = 0; step < kMostSteps; ++step) {
    value = graph_.unscaled(value, factor);
    const OnnxNode* node = graph_.maker(value);
    const bool passes =
        node != nullptr && is_any_of(node->op, {"Transpose", "Reshape", "Squeeze", "Unsqueeze"});
    if (!passes) break;
    value = node->inputs[0];
  }
  return value;
}

// The scale of its scores, where they are a product with at most a mask added.
std::string RotaryCheck::visit_softmax(const OnnxNode& softmax) {
  double factor = 1.0;
  std::string_view value = unfolded(softmax.inputs[0], factor);
  if (const OnnxNode* sum = graph_.maker(value, "Add"); sum != nullptr && sum->inputs.size() == 2) {
    value = unfolded(sum->inputs[graph_.is_hidden(sum->inputs[0]) ? 0 : 1], factor);
  }
  const OnnxNode* product = graph_.maker(value);
  if (product == nullptr || !is_any_of(product->op, {"MatMul", "Einsum"})) return "";
  for (const std::string_view input : product->inputs) unfolded(input, factor);
  const double wanted = 1 / std::sqrt(static_cast<double>(spec_.head_width()));
  return is_about(factor, wanted) ? "" : "the scale of its attention is another";
}

std::string RotaryCheck::visit_heads(const OnnxNode& reshape) {
  const auto sizes = graph_.dimensions(reshape.inputs.back());
  if (sizes.size() < 4) return "";
  const double wanted[] = {static_cast<double>(spec_.heads),
                           static_cast<double>(spec_.head_width())};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::optional<double>& size = sizes[sizes.size() - 2 + i];
    if (!size || *size <= 0) continue;
    if (*size != wanted[i]) return "num_attention_heads is another in it";
    heads_seen_ = true;
  }
  return "";
}

std::string RotaryCheck::compare() const {
  const std::size_t layers = spec_.layers;
  if (softmaxes_ != layers) {
    return "it has " + std::to_string(softmaxes_) + " attentions, config.json says " +
           std::to_string(layers) + " layers";
  }
  if (norms_ != 2 * layers + 1) return "it has " + std::to_string(norms_) + " normalisations";
  for (const std::string_view tensor : tensors_) {
    if (!used_.contains(tensor)) return "it does not use the tensor " + quoted(tensor);
  }
  const bool fits = exact_ == (spec_.activation == Activation::kGelu ? layers : 0) &&
                    tanh_ == (spec_.activation == Activation::kGeluTanh ? layers : 0) &&
                    relu_ == (spec_.activation == Activation::kRelu ? layers : 0);
  if (!fits) return "hidden_act is another in it, or it has further activations";
  return heads_seen_ ? "" : "the width of its heads cannot be seen";
}

}  // namespace

std::string rotary_difference(const PublishedGraph& graph, const ModelSpec& spec,
                              const EncoderWeights& weights) {
  const std::string_view last =
      graph.norm_input(graph.token_output(), weights.layers.back().feed_norm,
                       static_cast<double>(spec.layer_norm_eps));
  if (last.empty()) return "its token embeddings are not what the last layer gives";
  return RotaryCheck(graph, spec, weights).difference();
}

}  // namespace nestvec
