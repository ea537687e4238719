// SPDX-License-Identifier: Apache-2.0
#include "compile/published_graph.h"

#include <algorithm>
#include <cmath>

#include "base/excerpt.h"

namespace nestvec {
namespace {

constexpr int kDeepest = 12;       // nodes from a value back to what it is
constexpr int kDeepestScalar = 8;  // each may have two operands

bool is_last_axis(double axis, double axes) { return axis == -1 || axis == axes - 1; }

// Casts to other types of floats; to integers and booleans they change numbers.
bool keeps_floats(const OnnxNode& node) {
  const double type = node.number_or("to", 0);
  return type == 1 || type == 10 || type == 11 || type == 16;
}

// Halves cannot hold the smallest ones, which make no difference.
bool is_epsilon(double found, double wanted) {
  constexpr double kNone = 2e-7;
  return is_about(found, wanted) || (found >= 0 && std::max(found, wanted) <= kNone);
}

}  // namespace

bool is_any_of(std::string_view text, std::initializer_list<std::string_view> choices) {
  return std::find(choices.begin(), choices.end(), text) != choices.end();
}

std::string quoted(std::string_view name) { return "\"" + excerpt(name) + "\""; }

bool is_about(double found, double wanted) {
  constexpr double kHalf = 2e-3;  // two roundings to fp16
  return std::abs(found - wanted) <= kHalf * std::abs(wanted);
}

PublishedGraph::PublishedGraph(const OnnxTopology& topology, const OnnxGraph& initializers,
                               std::size_t head_width)
    : topology_(topology), head_width_(static_cast<double>(head_width)) {
  for (const ImpliedWeight& implied : initializers.implied) {
    implied_.emplace(implied.name, implied.initializer);
  }
  std::unordered_set<std::string_view> taken;
  for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
    const OnnxNode& node = topology.nodes[i];
    const bool hidden = std::any_of(node.inputs.begin(), node.inputs.end(), [&](auto input) {
      const auto constant = topology.constants.find(input);
      const bool tensor = constant != topology.constants.end() && constant->second.is_float &&
                          constant->second.elements > 1;
      return tensor || hidden_.contains(input);
    });
    taken.insert(node.inputs.begin(), node.inputs.end());
    for (const std::string_view output : node.outputs) {
      if (output.empty()) continue;
      ordered_ = ordered_ && !taken.contains(output) && producers_.emplace(output, i).second;
      if (hidden && !is_any_of(node.op, {"Shape", "Size"})) hidden_.insert(output);
    }
  }
}

std::string_view PublishedGraph::token_output() const {
  std::string_view first;
  for (const OnnxOutput& output : topology_.outputs) {
    const bool fits = output.is_float && (output.axes == 3 || output.axes < 0) &&
                      output.name.find("logits") == std::string_view::npos;
    if (!fits) continue;
    if (is_any_of(output.name, {"last_hidden_state", "token_embeddings"})) return output.name;
    if (first.empty()) first = output.name;
  }
  return first;
}

std::vector<bool> PublishedGraph::needed() const {
  std::vector<bool> needed(topology_.nodes.size());
  std::vector<std::string_view> open = {token_output()};
  while (!open.empty()) {
    const auto found = producers_.find(open.back());
    open.pop_back();
    if (found == producers_.end() || needed[found->second]) continue;
    needed[found->second] = true;
    const OnnxNode& node = topology_.nodes[found->second];
    open.insert(open.end(), node.inputs.begin(), node.inputs.end());
  }
  return needed;
}

const OnnxNode* PublishedGraph::producer(std::string_view value) const {
  const auto found = producers_.find(value);
  if (found == producers_.end()) return nullptr;
  const OnnxNode& node = topology_.nodes[found->second];
  return node.domain.empty() && !node.inputs.empty() ? &node : nullptr;
}

std::string_view PublishedGraph::source(std::string_view value) const {
  for (int step = 0; step < kDeepest; ++step) {
    const OnnxNode* node = producer(value);
    const bool passes =
        node != nullptr &&
        (node->op == "Identity" || (node->op == "Cast" && keeps_floats(*node)) ||
         (node->op == "Dropout" && node->inputs.size() < 3 && node->outputs[0] == value));
    if (!passes) break;
    value = node->inputs[0];
  }
  return value;
}

const OnnxNode* PublishedGraph::maker(std::string_view value) const {
  return producer(source(value));
}

const OnnxNode* PublishedGraph::maker(std::string_view value, std::string_view op) const {
  const OnnxNode* node = maker(value);
  return node != nullptr && node->op == op ? node : nullptr;
}

std::optional<double> PublishedGraph::scalar(std::string_view value, int depth) const {
  if (const auto constant = topology_.constants.find(value);
      constant != topology_.constants.end()) {
    if (constant->second.values.size() != 1) return std::nullopt;
    return constant->second.values[0];
  }
  const OnnxNode* node = producer(value);
  if (node == nullptr || is_hidden(value) || depth == kDeepestScalar) return std::nullopt;
  return arithmetic(*node, depth + 1);
}

std::optional<double> PublishedGraph::arithmetic(const OnnxNode& node, int depth) const {
  if (is_head_width(node)) return head_width_;
  const std::optional<double> left = scalar(node.inputs[0], depth);
  if (!left) return std::nullopt;
  if (is_any_of(node.op, {"Identity", "Cast", "Squeeze", "Unsqueeze"})) return left;
  if (node.op == "Sqrt") return std::sqrt(*left);
  const auto right = node.inputs.size() > 1 ? scalar(node.inputs[1], depth) : std::nullopt;
  if (right && node.op == "Mul") return *left * *right;
  if (right && node.op == "Div") return *left / *right;
  return std::nullopt;
}

// Some exporters take the scale of attention from the last size of the queries.
bool PublishedGraph::is_head_width(const OnnxNode& node) const {
  if (node.op != "Slice" || node.inputs.size() < 3 || scalar(node.inputs[1]) != -1) return false;
  const OnnxNode* shape = maker(node.inputs[0], "Shape");
  const OnnxNode* heads = shape == nullptr ? nullptr : maker(shape->inputs[0], "Transpose");
  const OnnxAttribute* order = heads == nullptr ? nullptr : heads->attribute("perm");
  return order != nullptr && order->integers == std::vector<std::int64_t>{0, 2, 1, 3};
}

std::string_view PublishedGraph::unscaled(std::string_view value, double& factor) const {
  for (int step = 0; step < kDeepest; ++step) {
    const OnnxNode* node = maker(value);
    if (node == nullptr || node->inputs.size() != 2) break;
    const std::optional<double> right = scalar(node->inputs[1]);
    const std::optional<double> left = right ? std::nullopt : scalar(node->inputs[0]);
    if (node->op == "Mul" && (left || right)) {
      factor *= left ? *left : *right;
      value = node->inputs[left ? 1 : 0];
    } else if (node->op == "Div" && right) {
      factor /= *right;
      value = node->inputs[0];
    } else {
      break;
    }
  }
  return source(value);
}

std::string_view PublishedGraph::initializer_of(const std::string& tensor) const {
  const auto implied = implied_.find(tensor);
  return implied == implied_.end() ? std::string_view(tensor) : implied->second;
}

PublishedGraph::Stored PublishedGraph::stored(std::string_view value) const {
  Stored stored;
  for (int step = 0; step < kDeepest; ++step) {
    value = source(value);
    const OnnxNode* node = maker(value, "Transpose");
    if (node == nullptr) break;
    const OnnxAttribute* order = node->attribute("perm");
    const bool turns = order == nullptr || order->integers == std::vector<std::int64_t>{1, 0};
    if (!turns) return {};
    stored.turned = !stored.turned;
    value = node->inputs[0];
  }
  const bool is_constant = topology_.constants.contains(value);
  stored.initializer = is_constant ? value : std::string_view();
  return stored;
}

bool PublishedGraph::is_vector(std::string_view value, const TensorView& tensor) const {
  const Stored found = stored(value);
  return !found.turned && !found.initializer.empty() &&
         found.initializer == initializer_of(tensor.name);
}

// A layer's weights are [out, in], the right operand of a product is [in, out].
bool PublishedGraph::is_matrix(std::string_view value, const TensorView& tensor,
                               bool turned) const {
  const Stored found = stored(value);
  return (found.turned != tensor.transposed) != turned && !found.initializer.empty() &&
         found.initializer == initializer_of(tensor.name);
}

std::string_view PublishedGraph::beside(const OnnxNode* node, std::string_view op,
                                        const TensorView& vector) const {
  if (node == nullptr || node->op != op || node->inputs.size() != 2) return {};
  if (is_vector(node->inputs[1], vector)) return node->inputs[0];
  return is_vector(node->inputs[0], vector) ? node->inputs[1] : std::string_view();
}

std::string_view PublishedGraph::linear_input(std::string_view value, const TensorView& weight,
                                              const TensorView& bias) const {
  const OnnxNode* node = maker(value);
  if (node != nullptr && node->op == "Gemm") {
    const bool turns = node->number_or("transB", 0) == 1;
    const bool fits = node->inputs.size() == 3 && node->number_or("transA", 0) == 0 &&
                      node->number_or("alpha", 1) == 1 && node->number_or("beta", 1) == 1 &&
                      is_vector(node->inputs[2], bias) && is_matrix(node->inputs[1], weight, turns);
    return fits ? source(node->inputs[0]) : std::string_view();
  }
  const OnnxNode* product = maker(beside(node, "Add", bias), "MatMul");
  const bool fits = product != nullptr && is_matrix(product->inputs[1], weight, false);
  return fits ? source(product->inputs[0]) : std::string_view();
}

bool PublishedGraph::is_mean(std::string_view value, std::string_view of) const {
  const OnnxNode* mean = maker(value, "ReduceMean");
  if (mean == nullptr || source(mean->inputs[0]) != source(of)) return false;
  if (mean->number_or("keepdims", 1) != 1) return false;
  const OnnxAttribute* axes = mean->attribute("axes");
  const bool stated = axes != nullptr && axes->integers.size() == 1;
  const std::optional<double> given =
      mean->inputs.size() > 1 ? scalar(mean->inputs[1]) : std::nullopt;
  if (!stated && !given) return false;
  return is_last_axis(stated ? static_cast<double>(axes->integers[0]) : *given, 3);
}

// What `value` is without its mean; empty where it is something else.
std::string_view PublishedGraph::centred(std::string_view value) const {
  const OnnxNode* node = maker(value, "Sub");
  const bool fits =
      node != nullptr && node->inputs.size() == 2 && is_mean(node->inputs[1], node->inputs[0]);
  return fits ? source(node->inputs[0]) : std::string_view();
}

// The root of the mean square of what is centred, with epsilon.
bool PublishedGraph::is_deviation(std::string_view value, std::string_view of,
                                  double epsilon) const {
  const OnnxNode* root = maker(value, "Sqrt");
  const OnnxNode* sum = root == nullptr ? nullptr : maker(root->inputs[0], "Add");
  if (sum == nullptr || sum->inputs.size() != 2) return false;
  const std::size_t place = scalar(sum->inputs[1]) ? 1 : 0;
  const std::optional<double> added = scalar(sum->inputs[place]);
  const OnnxNode* mean = maker(sum->inputs[1 - place], "ReduceMean");
  const OnnxNode* square = mean == nullptr ? nullptr : maker(mean->inputs[0]);
  if (!added || !is_epsilon(*added, epsilon) || square == nullptr || square->inputs.size() != 2) {
    return false;
  }
  const bool squares =
      (square->op == "Pow" && scalar(square->inputs[1]) == 2) ||
      (square->op == "Mul" && source(square->inputs[0]) == source(square->inputs[1]));
  return squares && is_mean(sum->inputs[1 - place], mean->inputs[0]) &&
         centred(square->inputs[0]) == of;
}

std::string_view PublishedGraph::norm_input(std::string_view value, const NormWeights& norm,
                                            double epsilon) const {
  const OnnxNode* node = maker(value);
  if (node != nullptr && node->op == "LayerNormalization") {
    const bool fits = node->inputs.size() == 3 && node->outputs[0] == source(value) &&
                      is_vector(node->inputs[1], norm.weight) &&
                      is_vector(node->inputs[2], norm.bias) &&
                      is_last_axis(node->number_or("axis", -1), 3) &&
                      is_epsilon(node->number_or("epsilon", 1e-5), epsilon);
    return fits ? source(node->inputs[0]) : std::string_view();
  }
  const OnnxNode* scaled = maker(beside(node, "Add", norm.bias));
  const OnnxNode* quotient = maker(beside(scaled, "Mul", norm.weight), "Div");
  if (quotient == nullptr || quotient->inputs.size() != 2) return {};
  const std::string_view taken = centred(quotient->inputs[0]);
  const bool fits = !taken.empty() && is_deviation(quotient->inputs[1], taken, epsilon);
  return fits ? taken : std::string_view();
}

std::vector<std::optional<double>> PublishedGraph::dimensions(std::string_view shape) const {
  const OnnxNode* node = maker(shape, "Concat");
  const std::vector<std::string_view> parts =
      node == nullptr ? std::vector<std::string_view>{shape} : node->inputs;
  std::vector<std::optional<double>> all;
  for (std::string_view part : parts) {
    const OnnxNode* one = producer(part);
    if (one != nullptr && one->op == "Unsqueeze") part = one->inputs[0];
    const auto constant = topology_.constants.find(source(part));
    if (constant == topology_.constants.end()) {
      all.emplace_back(std::nullopt);
    } else {
      all.insert(all.end(), constant->second.values.begin(), constant->second.values.end());
    }
  }
  return all;
}

}  // namespace nestvec
