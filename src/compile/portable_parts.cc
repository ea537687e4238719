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
constexpr std::int64_t kToInt64 = 7;

std::string silu(GraphBuilder& graph, const std::string& name, const std::string& x) {
  const std::string gate = graph.node({"Sigmoid"}, name + ".sigmoid", {x});
  return graph.node({"Mul"}, name, {x, gate});
}

// [tokens, tokens]: the place of the column's token less that of the row's.
std::string distances(GraphBuilder& graph, const std::string& name, const std::string& ids) {
  const std::string shape = graph.node({"Shape"}, name + ".shape", {ids});
  const std::string length =
      graph.node({"Gather"}, name + ".length", {shape, graph.scalar(name + ".axis", 1)});
  const std::string places =
      graph.node({"Range"}, name + ".places",
                 {graph.scalar(name + ".begin", 0), length, graph.scalar(name + ".step", 1)});
  const std::string column =
      graph.node({"Unsqueeze"}, name + ".column", {places, graph.constant(name + ".last", {1})});
  return graph.node({"Sub"}, name + ".apart", {places, column});
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
  const std::string apart = distances(graph, "window", ids);
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

std::string score_bias_matrix(GraphBuilder& graph, const std::string& ids, const std::string& table,
                              std::size_t positions) {
  const std::string apart = distances(graph, "score_bias", ids);
  const std::string zero =
      graph.scalar("score_bias.zero", static_cast<std::int64_t>(positions) - 1);
  const std::string places = graph.node({"Add"}, "score_bias.distances", {apart, zero});
  const std::string matrices =
      graph.node({"Gather"}, "score_bias.matrices", {table, places}, {{"axis", std::int64_t{1}}});
  return graph.node({"Unsqueeze"}, "score_bias.matrix",
                    {matrices, graph.constant("score_bias.front", {0})});
}

std::string position_rows(GraphBuilder& graph, const std::string& ids, const PositionRows& rows) {
  if (rows.offset == 0) {
    const std::string shape = graph.node({"Shape"}, "positions.shape", {ids});
    const std::string length =
        graph.node({"Gather"}, "positions.length", {shape, graph.constant("positions.axis", {1})});
    const std::string zero = graph.constant("positions.begin", {0});
    return graph.node({"Slice"}, "positions", {rows.table, zero, length, zero});
  }
  // As RoBERTa counts: a padding token has the padding row and takes no place, wherever it stands.
  const std::string pad = graph.scalar("positions.pad", rows.pad_id);
  const std::string is_pad = graph.node({"Equal"}, "positions.is_pad", {ids, pad});
  const std::string is_text = graph.node({"Not"}, "positions.is_text", {is_pad});
  const std::string counts =
      graph.node({"Cast"}, "positions.counts", {is_text}, {{"to", kToInt64}});
  const std::string sums =
      graph.node({"CumSum"}, "positions.sums", {counts, graph.scalar("positions.axis", 1)});
  const std::string steps = graph.node({"Mul"}, "positions.steps", {sums, counts});
  const std::string places = graph.node({"Add"}, "positions.rows", {steps, pad});
  return graph.node({"Gather"}, "positions", {rows.table, places});
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
