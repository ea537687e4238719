// SPDX-License-Identifier: Apache-2.0
#include "compile/published_encoder.h"

#include <cmath>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "compile/published_activation.h"
#include "compile/published_graph.h"
#include "compile/published_head.h"
#include "compile/published_inputs.h"
#include "compile/published_rotary.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

// Queries, keys or values as attention takes them: what is projected, by which steps it is laid out
// as heads, and times what.
struct Heads {
  std::string_view projection;
  std::string steps;                // "R" for a Reshape, "0213" for a Transpose
  const OnnxNode* split = nullptr;  // the first Reshape
  double factor = 1.0;
};

class PublishedEncoder {
 public:
  PublishedEncoder(const PublishedGraph& graph, const ModelSpec& spec,
                   const EncoderWeights& weights)
      : graph_(graph), spec_(spec), weights_(weights), inputs_(graph, spec, weights) {}

  // What differs from the encoder that gives `tokens`; empty where nothing does.
  std::string difference(std::string_view tokens);

 private:
  std::string layer_difference(const LayerWeights& layer, std::string_view& value);
  std::string attention_difference(const LayerWeights& layer, std::string_view context,
                                   std::string_view input);
  const OnnxNode* scores_of(const OnnxNode& softmax, double& factor);
  std::string heads_difference(const LayerWeights& layer, std::size_t part, const Heads& heads,
                               std::string_view input) const;
  Heads heads_of(std::string_view value) const;
  std::string_view residual(std::string_view sum, const LinearWeights& linear,
                            std::string_view& input) const;
  const OnnxNode* softmax_of(std::string_view value) const;

  const PublishedGraph& graph_;
  const ModelSpec& spec_;
  const EncoderWeights& weights_;
  PublishedInputs inputs_;
};

std::string PublishedEncoder::difference(std::string_view tokens) {
  std::string_view value = tokens;
  for (std::size_t i = weights_.layers.size(); i-- > 0;) {
    const std::string why = layer_difference(weights_.layers[i], value);
    if (!why.empty()) return "layer " + std::to_string(i) + ": " + why;
  }
  return inputs_.embeddings_difference(value);
}

// The other operand of a sum with a layer's product, which takes `input`; empty where `sum` is
// something else.
std::string_view PublishedEncoder::residual(std::string_view sum, const LinearWeights& linear,
                                            std::string_view& input) const {
  const OnnxNode* node = graph_.maker(sum, "Add");
  if (node == nullptr || node->inputs.size() != 2) return {};
  for (std::size_t i = 0; i < 2; ++i) {
    input = graph_.linear_input(node->inputs[i], linear.weight[0], linear.bias[0]);
    if (!input.empty()) return graph_.source(node->inputs[1 - i]);
  }
  return {};
}

// Leaves what the layer takes in `value`.
std::string PublishedEncoder::layer_difference(const LayerWeights& layer, std::string_view& value) {
  const double epsilon = static_cast<double>(spec_.layer_norm_eps);
  const std::string_view sum = graph_.norm_input(value, layer.feed_norm, epsilon);
  if (sum.empty()) return "its output is not the normalisation that config.json describes";
  std::string_view activated;
  const std::string_view attended = residual(sum, layer.feed_out, activated);
  if (attended.empty()) return "its feed-forward network is another";
  PublishedActivation activation(graph_, layer);
  if (!activation.is(spec_.activation, activated)) return "hidden_act is another in it";
  if (activation.input() != attended) return "its feed-forward network takes something else";
  const std::string_view inner = graph_.norm_input(attended, layer.attention_norm, epsilon);
  if (inner.empty()) return "the normalisation of its attention is another";
  std::string_view context;
  const std::string_view input = residual(inner, layer.attention_out, context);
  if (input.empty()) return "the output of its attention is another";
  value = input;
  return attention_difference(layer, context, input);
}

Heads PublishedEncoder::heads_of(std::string_view value) const {
  constexpr int kMostSteps = 8;
  Heads heads;
  for (int step = 0; step < kMostSteps; ++step) {
    value = graph_.unscaled(value, heads.factor);
    const OnnxNode* node = graph_.maker(value);
    if (node == nullptr || !is_any_of(node->op, {"Reshape", "Transpose"})) break;
    std::string name = "R";
    if (node->op == "Transpose") {
      const OnnxAttribute* order = node->attribute("perm");
      name.clear();
      if (order == nullptr) break;
      for (const std::int64_t axis : order->integers) name += std::to_string(axis);
    } else {
      heads.split = node;
    }
    heads.steps = name + (heads.steps.empty() ? "" : " ") + heads.steps;
    value = node->inputs[0];
  }
  heads.projection = value;
  return heads;
}

std::string PublishedEncoder::heads_difference(const LayerWeights& layer, std::size_t part,
                                               const Heads& heads, std::string_view input) const {
  constexpr const char* kNames[] = {"queries", "keys", "values"};
  const std::string name = kNames[part];
  const bool laid_out =
      part == 1 ? is_any_of(heads.steps, {"R 0231", "R 0213 0132"}) : heads.steps == "R 0213";
  if (!laid_out) return "its " + name + " are laid out in another way";
  const std::string_view taken =
      graph_.linear_input(heads.projection, layer.qkv.weight[part], layer.qkv.bias[part]);
  if (taken.empty() || taken != input) return "its " + name + " are computed from something else";
  const auto sizes = graph_.dimensions(heads.split->inputs.back());
  if (sizes.size() < 3) return "the width of its heads cannot be seen";
  const std::optional<double> count = sizes[sizes.size() - 2];
  const std::optional<double> width = sizes.back();
  const bool stated = (count && *count > 0) || (width && *width > 0);
  if (!stated) return "the width of its heads cannot be seen";
  const bool same = (!count || *count <= 0 || *count == static_cast<double>(spec_.heads)) &&
                    (!width || *width <= 0 || *width == static_cast<double>(spec_.head_width()));
  return same ? "" : "num_attention_heads is another in it";
}

// The Softmax, which some exporters wrap so that a row without any token is 0.
const OnnxNode* PublishedEncoder::softmax_of(std::string_view value) const {
  const OnnxNode* node = graph_.maker(value);
  if (node != nullptr && node->op == "Where" && node->inputs.size() == 3) {
    const OnnxNode* test = graph_.maker(node->inputs[0], "IsNaN");
    const bool guards = test != nullptr && graph_.scalar(node->inputs[1]) == 0.0 &&
                        graph_.source(test->inputs[0]) == graph_.source(node->inputs[2]);
    node = guards ? graph_.maker(node->inputs[2]) : nullptr;
  }
  if (node == nullptr || node->op != "Softmax") return nullptr;
  const double axis = node->number_or("axis", 0);
  return axis == -1 || axis == 3 ? node : nullptr;
}

// From what the Softmax takes, over masks, to the product of queries and keys; null where something
// else is added.
const OnnxNode* PublishedEncoder::scores_of(const OnnxNode& softmax, double& factor) {
  constexpr int kMostMasks = 3;
  std::string_view value = graph_.source(softmax.inputs[0]);
  for (int i = 0; i < kMostMasks; ++i) {
    const OnnxNode* node = graph_.maker(value);
    if (node == nullptr || !is_any_of(node->op, {"Add", "Where"})) break;
    std::string_view masked;
    for (const std::string_view input : node->inputs) {
      const bool hidden = graph_.is_hidden(input);
      const double put = graph_.scalar(input).value_or(PublishedInputs::kLeast);
      const bool replaces = node->op == "Where" && put > PublishedInputs::kLeast;
      if (hidden ? !masked.empty() : replaces || !inputs_.is_mask(input)) return nullptr;
      if (hidden) masked = input;
    }
    value = graph_.source(masked);
  }
  return graph_.maker(graph_.unscaled(value, factor), "MatMul");
}

std::string PublishedEncoder::attention_difference(const LayerWeights& layer,
                                                   std::string_view context,
                                                   std::string_view input) {
  const Heads merged = heads_of(context);
  const OnnxNode* weighted = graph_.maker(merged.projection, "MatMul");
  const bool merges = weighted != nullptr && is_about(merged.factor, 1.0) &&
                      is_any_of(merged.steps, {"0213 R", "R 0213 R"});
  const OnnxNode* softmax = merges ? softmax_of(weighted->inputs[0]) : nullptr;
  if (softmax == nullptr) return "its attention is another";
  double factor = 1.0;
  const OnnxNode* scores = scores_of(*softmax, factor);
  if (scores == nullptr) return "its attention has other scores, or another mask";
  const Heads heads[] = {heads_of(scores->inputs[0]), heads_of(scores->inputs[1]),
                         heads_of(weighted->inputs[1])};
  for (std::size_t part = 0; part < std::size(heads); ++part) {
    std::string why = heads_difference(layer, part, heads[part], input);
    if (!why.empty()) return why;
  }
  const double wanted = 1 / std::sqrt(static_cast<double>(spec_.head_width()));
  const bool scaled = is_about(factor * heads[0].factor * heads[1].factor, wanted) &&
                      is_about(heads[2].factor, 1.0);
  return scaled ? "" : "the scale of its attention is another";
}

}  // namespace

void check_published_encoder(const std::string& path, const ModelSpec& spec,
                             const EncoderWeights& weights) {
  const MappedFile file(path);
  const OnnxTopology topology = parse_onnx_topology(file.bytes(), path);
  const PublishedGraph graph(topology, parse_onnx_graph(file.bytes(), path), spec.head_width());
  const bool plain = spec.positions == PositionKind::kAbsolute && spec.adapters.tasks.empty();
  const auto& head = spec.head.classifier;
  const std::string_view tokens =
      head ? classified_states(graph, *head, weights.head.classifier) : graph.token_output();
  std::string why;
  if (!graph.is_ordered()) {
    why = "its nodes are out of order";
  } else if (tokens.empty()) {
    why = head ? "its logits are not made by the head that is compared"
               : "it gives no token embeddings, it pools by itself";
  } else if (spec.block != BlockSpec{} || (head && !plain)) {
    why = "graphs of this family are not compared with their weights";
  } else {
    why = plain ? PublishedEncoder(graph, spec, weights).difference(tokens)
                : rotary_difference(graph, spec, weights);
  }
  if (why.empty()) return;
  throw Error(ErrorCode::kInvalidArgument,
              path + ": is not recognised as the encoder that config.json describes: " + why);
}

}  // namespace nestvec
