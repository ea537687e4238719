// SPDX-License-Identifier: Apache-2.0
#include "compile/portable_parts.h"

#include <cstdint>
#include <limits>
#include <vector>

#include "compile/payloads.h"

namespace nestvec {
namespace {

constexpr std::string_view kContrib = "com.microsoft";
constexpr std::int64_t kToFloat = 1;  // TensorProto.DataType, for Cast

std::string silu(GraphBuilder& graph, const std::string& name, const std::string& x) {
  const std::string gate = graph.node({"Sigmoid"}, name + ".sigmoid", {x});
  return graph.node({"Mul"}, name, {x, gate});
}

}  // namespace

std::string bare_activation(GraphBuilder& graph, Activation kind, const std::string& name,
                            const std::string& x) {
  switch (kind) {
    case Activation::kGelu:
      return graph.node({"Gelu", kContrib}, name, {x});
    case Activation::kGeluTanh:
      return graph.node({"FastGelu", kContrib}, name, {x});
    case Activation::kSilu:
      return silu(graph, name, x);
    case Activation::kNone:
      return x;
    case Activation::kRelu:
    case Activation::kTanh:
      break;
  }
  return graph.node({kind == Activation::kTanh ? "Tanh" : "Relu"}, name, {x});
}

std::string biased_activation(GraphBuilder& graph, Activation kind, const std::string& name,
                              const std::string& x, const std::string& bias) {
  switch (kind) {
    case Activation::kGelu:
      return graph.node({"BiasGelu", kContrib}, name, {x, bias});
    case Activation::kGeluTanh:
      return graph.node({"FastGelu", kContrib}, name, {x, bias});
    case Activation::kNone:
      return graph.node({"Add"}, name, {x, bias});
    case Activation::kRelu:
    case Activation::kTanh:
    case Activation::kSilu:
      break;
  }
  return bare_activation(graph, kind, name, graph.node({"Add"}, name + ".biased", {x, bias}));
}

std::string window_bias(GraphBuilder& graph, const std::string& ids, std::size_t window) {
  const std::string shape = graph.node({"Shape"}, "window.shape", {ids});
  const std::string length =
      graph.node({"Gather"}, "window.length", {shape, graph.scalar("window.axis", 1)});
  const std::string places =
      graph.node({"Range"}, "window.places",
                 {graph.scalar("window.begin", 0), length, graph.scalar("window.step", 1)});
  const std::string column =
      graph.node({"Unsqueeze"}, "window.column", {places, graph.constant("window.last", {1})});
  const std::string apart = graph.node({"Sub"}, "window.apart", {column, places});
  const std::string distance = graph.node({"Abs"}, "window.distance", {apart});
  const auto reach = static_cast<std::int64_t>(window);
  const std::string far =
      graph.node({"Greater"}, "window.far", {distance, graph.scalar("window.reach", reach)});
  const std::string flags = graph.node({"Cast"}, "window.flags", {far}, {{"to", kToFloat}});
  const std::string bias = graph.node(
      {"Mul"}, "window.bias",
      {flags, graph.weight("window.least", computed({1}, {std::numeric_limits<float>::lowest()}))});
  return graph.node({"Unsqueeze"}, "window", {bias, graph.constant("window.front", {0, 1})});
}

std::string pooled_rows(GraphBuilder& graph, HeadPooling pooling, const std::string& tokens,
                        bool padded) {
  const std::vector<Attribute> along_tokens = {{"axis", std::int64_t{1}}};
  if (pooling == HeadPooling::kFirst || (pooling == HeadPooling::kLast && !padded)) {
    const std::int64_t place = pooling == HeadPooling::kFirst ? 0 : -1;
    return graph.node({"Gather"}, "head.token", {tokens, graph.scalar("head.place", place)},
                      along_tokens);
  }
  if (!padded) {
    return graph.node({"ReduceMean"}, "head.mean", {tokens},
                      {{"axes", std::vector<std::int64_t>{1}}, {"keepdims", std::int64_t{0}}});
  }
  const std::string axis = graph.constant("head.tokens", {1});
  const std::string mask =
      graph.node({"Cast"}, "head.mask", {"attention_mask"}, {{"to", kToFloat}});
  const std::string count = graph.node({"ReduceSum"}, "head.count", {mask, axis});
  std::string shares;  // [batch, tokens]
  if (pooling == HeadPooling::kMean) {
    shares = graph.node({"Div"}, "head.shares", {mask, count});
  } else {
    const std::string sums =
        graph.node({"CumSum"}, "head.sums", {mask, graph.scalar("head.axis_tokens", 1)});
    const std::string all = graph.node({"Equal"}, "head.all", {sums, count});
    const std::string flags = graph.node({"Cast"}, "head.flags", {all}, {{"to", kToFloat}});
    shares = graph.node({"Mul"}, "head.shares", {flags, mask});
  }
  const std::string column =
      graph.node({"Unsqueeze"}, "head.column", {shares, graph.constant("head.last", {2})});
  const std::string parts = graph.node({"Mul"}, "head.parts", {tokens, column});
  return graph.node({"ReduceSum"}, "head.pooled", {parts, axis}, {{"keepdims", std::int64_t{0}}});
}

std::string log_scale(GraphBuilder& graph, const std::string& x, const std::string& name) {
  const std::string one = graph.weight(name + ".one", computed({1}, {1.0f}));
  return graph.node({"Log"}, name, {graph.node({"Add"}, name + ".sum", {x, one})});
}

std::string repeat_heads(GraphBuilder& graph, const HeadCounts& counts, const std::string& name,
                         const std::string& x) {
  if (counts.keys == counts.queries) return x;
  const auto width = static_cast<std::int64_t>(counts.width);
  const auto heads = static_cast<std::int64_t>(counts.keys);
  const auto group = static_cast<std::int64_t>(counts.queries) / heads;
  const std::string apart = graph.node(
      {"Reshape"}, name + ".apart", {x, graph.constant(name + ".heads", {0, 0, heads, 1, width})});
  const std::string often =
      graph.node({"Expand"}, name + ".often",
                 {apart, graph.constant(name + ".group", {1, 1, heads, group, width})});
  return graph.node({"Reshape"}, name + ".together",
                    {often, graph.constant(name + ".row", {0, 0, heads * group * width})});
}

}  // namespace nestvec
