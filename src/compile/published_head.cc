// SPDX-License-Identifier: Apache-2.0
#include "compile/published_head.h"

#include <algorithm>

namespace nestvec {
namespace {

constexpr std::string_view kLogits = "logits";

bool has_logits(const PublishedGraph& graph) {
  const auto& outputs = graph.topology().outputs;
  return std::any_of(outputs.begin(), outputs.end(), [](const OnnxOutput& output) {
    return output.name == kLogits && output.is_float && (output.axes == 2 || output.axes < 0);
  });
}

// The head of BERT, RoBERTa and DistilBERT: two layers and a function between them.
bool is_plain(const HeadSpec::Classifier& spec) {
  return spec.pooling == HeadPooling::kFirst && spec.dense && spec.dense_bias && !spec.norm &&
         spec.outputs_bias && spec.tokens.empty();
}

// What the function between the layers takes; empty where `value` is another.
std::string_view before_activation(const PublishedGraph& graph, Activation activation,
                                   std::string_view value) {
  const bool known = activation == Activation::kTanh || activation == Activation::kRelu;
  const OnnxNode* node =
      known ? graph.maker(value, activation == Activation::kTanh ? "Tanh" : "Relu") : nullptr;
  return node == nullptr ? std::string_view() : node->inputs[0];
}

}  // namespace

std::string_view classified_states(const PublishedGraph& graph, const HeadSpec::Classifier& spec,
                                   const HeadWeights::Classifier& head) {
  if (!is_plain(spec) || !has_logits(graph)) return {};
  const std::string_view activated =
      graph.linear_input(kLogits, head.outputs.weight[0], head.outputs.bias[0]);
  const std::string_view wide = before_activation(graph, spec.activation, activated);
  const std::string_view pooled =
      graph.linear_input(wide, head.dense.weight[0], head.dense.bias[0]);
  const OnnxNode* first = graph.maker(pooled, "Gather");
  const bool takes_first = first != nullptr && first->inputs.size() == 2 &&
                           first->number_or("axis", 0) == 1 &&
                           graph.scalar(first->inputs[1]) == 0.0;
  return takes_first ? graph.source(first->inputs[0]) : std::string_view();
}

}  // namespace nestvec
