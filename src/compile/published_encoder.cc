// SPDX-License-Identifier: Apache-2.0
#include "compile/published_encoder.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <numbers>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/excerpt.h"
#include "base/mapped_file.h"
#include "nestvec/error.h"
#include "weights/onnx_initializers.h"
#include "weights/onnx_topology.h"

namespace nestvec {
namespace {

using Names = std::unordered_set<std::string>;

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> choices) {
  return std::find(choices.begin(), choices.end(), text) != choices.end();
}

void collect(const LinearWeights& linear, Names& names) {
  for (const TensorView& tensor : linear.weight) names.insert(tensor.name);
  for (const TensorView& tensor : linear.bias) names.insert(tensor.name);
  for (const std::vector<LowRank>& task : linear.adapters) {
    for (const LowRank& part : task) {
      names.insert(part.down.name);
      names.insert(part.up.name);
    }
  }
}

void collect(const TableWeights& table, Names& names) {
  names.insert(table.table.name);
  for (const std::vector<LowRankTable>& task : table.adapters) {
    for (const LowRankTable& part : task) {
      names.insert(part.a.name);
      names.insert(part.b.name);
    }
  }
}

void collect(const NormWeights& norm, Names& names) {
  names.insert(norm.weight.name);
  names.insert(norm.bias.name);
}

// The encoder's tensors by the names of their initializers.
Names initializers_of(const EncoderWeights& weights, const OnnxGraph& graph) {
  Names names;
  collect(weights.words, names);
  collect(weights.types, names);
  if (!weights.positions.name.empty()) names.insert(weights.positions.name);
  collect(weights.norm, names);
  for (const LayerWeights& layer : weights.layers) {
    for (const LinearWeights* linear :
         {&layer.qkv, &layer.attention_out, &layer.feed_in, &layer.feed_out}) {
      collect(*linear, names);
    }
    collect(layer.attention_norm, names);
    collect(layer.feed_norm, names);
  }
  for (const ImpliedWeight& implied : graph.implied) {
    if (names.contains(implied.name)) names.insert(implied.initializer);
  }
  return names;
}

// What a value of the graph is.
enum class Kind {
  kOther,   // of ids, mask and shapes alone
  kScalar,  // a constant of the arithmetic
  kWeight,  // of the encoder
  kHidden   // computed from weights
};

struct Counts {
  std::size_t softmax = 0;
  std::size_t erf = 0;
  std::size_t tanh = 0;
  std::size_t relu = 0;
  std::size_t gelu = 0;
  std::size_t gelu_tanh = 0;
  std::size_t layer_norms = 0;
  std::size_t roots = 0;  // one in a LayerNormalization of single operators
  std::size_t means = 0;
  std::size_t products_with_weights = 0;
  std::size_t products_of_hidden = 0;
  std::size_t sums_of_hidden = 0;
  std::size_t masks = 0;      // sums of hidden and other values
  std::size_t choices = 0;    // Where
  std::size_t scales = 0;     // products and quotients of hidden and other values
  std::size_t gates = 0;      // products of two hidden values
  std::size_t quotients = 0;  // of two hidden values
  std::size_t differences = 0;
  std::size_t squares = 0;
  std::size_t epsilons = 0;
  std::size_t scalars = 0;  // other constants
};

class PublishedEncoder {
 public:
  PublishedEncoder(const OnnxTopology& graph, const ModelSpec& spec, Names weights)
      : graph_(graph), spec_(spec), weights_(std::move(weights)) {
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      for (const std::string_view output : graph.nodes[i].outputs) producers_.emplace(output, i);
    }
  }

  // Each returns what differs from the encoder, or nothing.
  std::string walk();
  std::string compare() const;
  std::string compare_output(const NormWeights& last) const;

 private:
  bool is_plain() const {
    return spec_.positions == PositionKind::kAbsolute && spec_.adapters.tasks.empty();
  }
  std::string_view token_output() const;
  const OnnxNode* producer(std::string_view value) const {
    const auto found = producers_.find(value);
    return found == producers_.end() ? nullptr : &graph_.nodes[found->second];
  }
  std::vector<bool> needed() const;
  std::string visit(const OnnxNode& node);
  std::string find_kinds(const OnnxNode& node, std::vector<Kind>& kinds) const;
  std::string count(const OnnxNode& node, const std::vector<Kind>& kinds);
  std::string count_arithmetic(const OnnxNode& node, Kind left, Kind right);
  std::string count_scalar(const OnnxNode& node, const OnnxConstant& scalar);
  std::string check_heads(const OnnxNode& node);
  std::vector<std::optional<double>> dimensions(std::string_view shape, int depth = 0) const;
  bool is_epsilon(double value) const {
    return std::abs(value - spec_.layer_norm_eps) <= 1e-3 * spec_.layer_norm_eps;
  }
  bool is_usual(double value) const;
  std::string compare_plain() const;

  const OnnxTopology& graph_;
  const ModelSpec& spec_;
  Names weights_;
  std::unordered_map<std::string_view, std::size_t> producers_;
  std::unordered_map<std::string_view, Kind> kinds_;  // of what nodes made
  Counts counts_;
  bool heads_seen_ = false;
};

std::string quoted(std::string_view name) { return "\"" + excerpt(name) + "\""; }

// The output that a graph run as it is would give (see session/graph_io.h).
std::string_view PublishedEncoder::token_output() const {
  std::string_view first;
  for (const OnnxOutput& output : graph_.outputs) {
    const bool fits = output.is_float && (output.axes == 3 || output.axes < 0) &&
                      output.name.find("logits") == std::string_view::npos;
    if (!fits) continue;
    if (is_one_of(output.name, {"last_hidden_state", "token_embeddings"})) return output.name;
    if (first.empty()) first = output.name;
  }
  return first;
}

// The nodes that the token embeddings depend on.
std::vector<bool> PublishedEncoder::needed() const {
  std::vector<bool> needed(graph_.nodes.size());
  std::vector<std::string_view> open = {token_output()};
  while (!open.empty()) {
    const auto found = producers_.find(open.back());
    open.pop_back();
    if (found == producers_.end() || needed[found->second]) continue;
    needed[found->second] = true;
    const OnnxNode& node = graph_.nodes[found->second];
    open.insert(open.end(), node.inputs.begin(), node.inputs.end());
  }
  return needed;
}

std::string PublishedEncoder::walk() {
  if (token_output().empty()) return "it gives no token embeddings, it pools by itself";
  const std::vector<bool> needs = needed();
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    if (!needs[i]) continue;
    if (std::string why = visit(graph_.nodes[i]); !why.empty()) return why;
  }
  return "";
}

std::string PublishedEncoder::find_kinds(const OnnxNode& node, std::vector<Kind>& kinds) const {
  for (const std::string_view input : node.inputs) {
    Kind kind = Kind::kOther;
    if (const auto made = kinds_.find(input); made != kinds_.end()) kind = made->second;
    if (const auto constant = graph_.constants.find(input); constant != graph_.constants.end()) {
      const bool scalar = constant->second.elements == 1 && !weights_.contains(std::string(input));
      if (constant->second.is_float && scalar) kind = Kind::kScalar;
      if (weights_.contains(std::string(input))) kind = Kind::kWeight;
      const bool foreign = constant->second.is_float && kind == Kind::kOther;
      // The frequencies of rotary positions are a constant that only some exports name.
      const bool rotation = spec_.positions == PositionKind::kRotary &&
                            constant->second.elements == spec_.head_width() / 2;
      if (foreign && !rotation && constant->second.elements > 0) {
        return "the tensor " + quoted(input) + " is none of the encoder's";
      }
    }
    kinds.push_back(kind);
  }
  return "";
}

std::string PublishedEncoder::visit(const OnnxNode& node) {
  if (is_one_of(node.op, {"Shape", "Size"})) return "";
  std::vector<Kind> kinds;
  if (std::string why = find_kinds(node, kinds); !why.empty()) return why;
  const bool hidden = std::find(kinds.begin(), kinds.end(), Kind::kHidden) != kinds.end();
  const bool weight = std::find(kinds.begin(), kinds.end(), Kind::kWeight) != kinds.end();
  if (node.op == "Trilu") return "its attention is causal (Trilu)";
  if (!hidden && !weight) return "";
  if (!node.domain.empty()) return "it has " + excerpt(node.op) + " of " + excerpt(node.domain);
  const bool shapes = is_one_of(
      node.op, {"Identity", "Cast", "Transpose", "Reshape", "Unsqueeze", "Squeeze", "Flatten"});
  for (const std::string_view output : node.outputs) {
    kinds_[output] = shapes && !hidden ? Kind::kWeight : Kind::kHidden;
  }
  if (shapes) return node.op == "Reshape" && hidden ? check_heads(node) : "";
  return count(node, kinds);
}

std::string PublishedEncoder::count(const OnnxNode& node, const std::vector<Kind>& kinds) {
  const std::pair<std::string_view, std::size_t*> plain[] = {
      {"Softmax", &counts_.softmax}, {"Erf", &counts_.erf},          {"Tanh", &counts_.tanh},
      {"Relu", &counts_.relu},       {"Sqrt", &counts_.roots},       {"ReduceMean", &counts_.means},
      {"Where", &counts_.choices},   {"LayerNormalization", &counts_.layer_norms}};
  for (const auto& [op, counter] : plain) {
    if (node.op != op) continue;
    ++*counter;
    if (node.op != "LayerNormalization") return "";
    if (is_epsilon(node.epsilon.value_or(1e-5f))) return "";
    return "layer_norm_eps is another in it";
  }
  if (node.op == "Gelu") {
    ++(node.tanh ? counts_.gelu_tanh : counts_.gelu);
    return "";
  }
  if (is_one_of(node.op, {"MatMul", "Gemm"})) {
    const bool weighs = kinds.size() > 1 && kinds[1] == Kind::kWeight;
    ++(weighs ? counts_.products_with_weights : counts_.products_of_hidden);
    return "";
  }
  if (is_one_of(node.op, {"Add", "Sub", "Mul", "Div", "Pow"})) {
    if (kinds.size() != 2) return "it has a broken " + std::string(node.op);
    return count_arithmetic(node, kinds[0], kinds[1]);
  }
  if (is_one_of(node.op, {"Gather", "Dropout", "IsNaN", "Expand"})) return "";
  const bool turns = is_one_of(node.op, {"Slice", "Split", "Concat", "Neg", "Cos", "Sin", "Einsum",
                                         "Range", "GatherElements", "Gather"});
  if (turns && !is_plain()) return "";
  return "the encoder has no " + excerpt(node.op);
}

std::string PublishedEncoder::count_arithmetic(const OnnxNode& node, Kind left, Kind right) {
  for (std::size_t i = 0; i < 2; ++i) {
    if ((i == 0 ? left : right) != Kind::kScalar) continue;
    return count_scalar(node, graph_.constants.at(node.inputs[i]));
  }
  if (left == Kind::kWeight || right == Kind::kWeight) return "";
  const bool both = left == Kind::kHidden && right == Kind::kHidden;
  if (node.op == "Add") ++(both ? counts_.sums_of_hidden : counts_.masks);
  if (node.op == "Sub") ++counts_.differences;
  if (node.op == "Pow") return "it has a power of another kind";
  if (node.op == "Div") ++(both ? counts_.quotients : counts_.scales);
  if (node.op != "Mul") return "";
  if (node.inputs[0] == node.inputs[1]) {
    ++counts_.squares;
  } else {
    ++(both ? counts_.gates : counts_.scales);
  }
  return "";
}

// Constants of attention, GELU and normalisation.
bool PublishedEncoder::is_usual(double value) const {
  const double width = static_cast<double>(spec_.head_width());
  for (const double usual :
       {0.5, 1.0, 2.0, 3.0, std::numbers::sqrt2, 1 / std::numbers::sqrt2, 0.044715,
        std::sqrt(2 / std::numbers::pi), std::sqrt(width), 1 / std::sqrt(width),
        std::sqrt(std::sqrt(width)), 1 / std::sqrt(std::sqrt(width))}) {
    if (std::abs(value - usual) <= 1e-3 * usual) return true;
  }
  return false;
}

std::string PublishedEncoder::count_scalar(const OnnxNode& node, const OnnxConstant& scalar) {
  if (!is_plain()) return "";
  if (scalar.values.size() != 1) return "it has a constant that cannot be read";
  const double value = scalar.values[0];
  if (node.op == "Pow" && value == 2) {
    ++counts_.squares;
  } else if (node.op == "Add" && is_epsilon(value)) {
    ++counts_.epsilons;
  } else if (is_usual(value)) {
    ++counts_.scalars;
  } else {
    return "the constant of " + quoted(node.outputs.empty() ? node.op : node.outputs[0]) +
           " is none of the encoder's";
  }
  return "";
}

// A shape as far as the file states it, an entry a dimension.
std::vector<std::optional<double>> PublishedEncoder::dimensions(std::string_view shape,
                                                                int depth) const {
  constexpr int kDeepest = 6;
  if (const auto constant = graph_.constants.find(shape); constant != graph_.constants.end()) {
    return {constant->second.values.begin(), constant->second.values.end()};
  }
  const OnnxNode* node = producer(shape);
  if (node == nullptr || node->inputs.empty() || depth == kDeepest) return {std::nullopt};
  if (is_one_of(node->op, {"Unsqueeze", "Cast", "Identity"})) {
    return dimensions(node->inputs[0], depth + 1);
  }
  if (node->op != "Concat") return {std::nullopt};
  std::vector<std::optional<double>> all;
  for (const std::string_view input : node->inputs) {
    for (const std::optional<double>& one : dimensions(input, depth + 1)) all.push_back(one);
  }
  return all;
}

std::string PublishedEncoder::check_heads(const OnnxNode& node) {
  if (node.inputs.size() < 2) return "";
  const std::vector<std::optional<double>> sizes = dimensions(node.inputs[1]);
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

std::string PublishedEncoder::compare() const {
  const std::size_t layers = spec_.layers;
  if (counts_.softmax != layers) {
    return "it has " + std::to_string(counts_.softmax) + " attentions, config.json says " +
           std::to_string(layers);
  }
  const std::size_t norms = counts_.layer_norms + counts_.roots;
  if (norms != 2 * layers + 1) {
    return "it has " + std::to_string(norms) + " normalisations, the encoder has " +
           std::to_string(2 * layers + 1);
  }
  const bool exact = counts_.erf + counts_.gelu == layers && counts_.tanh == 0 &&
                     counts_.gelu_tanh == 0 && counts_.relu == 0;
  const bool tanh = counts_.tanh + counts_.gelu_tanh == layers && counts_.erf == 0 &&
                    counts_.gelu == 0 && counts_.relu == 0;
  const bool relu = counts_.relu == layers && counts_.erf + counts_.gelu == 0 &&
                    counts_.tanh + counts_.gelu_tanh == 0;
  const bool fits = spec_.activation == Activation::kGelu       ? exact
                    : spec_.activation == Activation::kGeluTanh ? tanh
                                                                : relu;
  if (!fits) return "hidden_act is another in it, or it has further activations";
  if (!heads_seen_) return "the width of its heads cannot be seen";
  return is_plain() ? compare_plain() : "";
}

// Exporters write attention's scale as one constant or as two, or compute it; likewise the mask.
std::string PublishedEncoder::compare_plain() const {
  const std::size_t layers = spec_.layers;
  const auto fits = [layers](std::size_t count) {
    return count % layers == 0 && count <= 2 * layers;
  };
  const std::size_t products = counts_.products_with_weights;
  if ((products != 6 * layers && products != 4 * layers) ||
      counts_.products_of_hidden != 2 * layers) {
    return "it has " + std::to_string(products) + " products with weights and " +
           std::to_string(counts_.products_of_hidden) + " others";
  }
  const bool tanh = counts_.tanh > 0;
  const std::size_t sums = 2 * layers + 2 + (tanh ? layers : 0);
  const std::size_t gates = counts_.erf + (tanh ? counts_.gates : 0);
  const bool arithmetic = counts_.sums_of_hidden == sums && fits(counts_.masks) &&
                          fits(counts_.choices) && fits(counts_.scales) &&
                          fits(counts_.scalars - std::min(counts_.scalars, 3 * counts_.erf)) &&
                          counts_.gates == gates;
  if (!arithmetic && !tanh) return "its arithmetic is not the encoder's";
  const std::size_t own = counts_.roots;  // normalisations of single operators
  const bool norms = counts_.quotients == own && counts_.epsilons == own &&
                     counts_.means == 2 * own && counts_.differences == own &&
                     (tanh || counts_.squares == own);
  return norms ? "" : "its normalisations are not the encoder's";
}

std::string PublishedEncoder::compare_output(const NormWeights& last) const {
  constexpr int kDeepest = 8;
  const OnnxNode* node = producer(token_output());
  for (int step = 0; node != nullptr && step < kDeepest; ++step) {
    if (!is_one_of(node->op, {"Identity", "Cast", "Dropout"}) || node->inputs.empty()) break;
    node = producer(node->inputs[0]);
  }
  const bool ends = node != nullptr && is_one_of(node->op, {"Add", "LayerNormalization"}) &&
                    std::find(node->inputs.begin(), node->inputs.end(), last.bias.name) !=
                        node->inputs.end();
  return ends ? "" : "its token embeddings are not what the last layer gives";
}

}  // namespace

void check_published_encoder(const std::string& path, const ModelSpec& spec,
                             const EncoderWeights& weights) {
  const MappedFile file(path);
  const OnnxTopology topology = parse_onnx_topology(file.bytes(), path);
  PublishedEncoder encoder(topology, spec,
                           initializers_of(weights, parse_onnx_graph(file.bytes(), path)));
  std::string why = encoder.walk();
  if (why.empty()) why = encoder.compare_output(weights.layers.back().feed_norm);
  if (why.empty()) why = encoder.compare();
  if (why.empty()) return;
  throw Error(ErrorCode::kInvalidArgument,
              path + ": is not exactly the encoder that config.json describes: " + why);
}

}  // namespace nestvec
