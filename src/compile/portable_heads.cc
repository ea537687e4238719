// SPDX-License-Identifier: Apache-2.0
#include "compile/portable_heads.h"

#include <cstdint>
#include <string>
#include <vector>

#include "compile/payloads.h"
#include "compile/portable_parts.h"

namespace nestvec {
namespace {

class HeadBuilder {
 public:
  HeadBuilder(const ModelSpec& spec, const EncoderWeights& weights, GraphBuilder& graph)
      : spec_(spec), weights_(weights), graph_(graph) {}

  void build(const std::string& x) {
    if (spec_.head.classifier) classify(x);
    if (spec_.head.vocabulary) pool_vocabulary(x);
    if (spec_.head.token_weights) {
      head_rows(x, weights_.head.token_weights, "token_weights");
      head_rows(x, weights_.head.token_vectors, "token_vectors");
    }
  }

 private:
  std::string bias(const LinearWeights& linear) {
    return graph_.weight(linear.name + ".bias", joined(weights_, linear.bias));
  }

  std::string product(const std::string& x, const LinearWeights& linear) {
    const std::string weight = graph_.weight(linear.name + ".weight", transposed(weights_, linear));
    return graph_.node({"MatMul"}, linear.name + ".product", {x, weight});
  }

  std::string dense(const std::string& x, const LinearWeights& layer, Activation kind,
                    const std::string& name) {
    return biased_activation(graph_, kind, name, product(x, layer), bias(layer));
  }

  void classify(const std::string& tokens) {
    const HeadSpec::Classifier& spec = *spec_.head.classifier;
    const HeadWeights::Classifier& head = weights_.head.classifier;
    const std::string first =
        graph_.node({"Gather"}, "head.token", {tokens, graph_.scalar("head.first", 0)},
                    {{"axis", std::int64_t{1}}});
    const std::string x = dense(first, head.dense, spec.activation, "head.activated");
    dense(x, head.outputs, Activation::kNone, "logits");
    graph_.output("logits", DataType::kF32, {"batch", static_cast<std::int64_t>(spec.outputs)});
  }

  void head_rows(const std::string& tokens, const LinearWeights& layer, const std::string& name) {
    dense(tokens, layer, Activation::kNone, name);
    graph_.output(name, DataType::kF32, {"batch", "tokens", static_cast<std::int64_t>(layer.out)});
  }

  // The word table, turned when the graph is loaded, where it is the decoder too.
  std::string decoder_weight(const LinearWeights& decoder) {
    if (!spec_.head.vocabulary->tied) {
      return graph_.weight(decoder.name + ".weight", transposed(weights_, decoder));
    }
    return graph_.node({"Transpose"}, decoder.name + ".weight", {"words.table"},
                       {{"perm", std::vector<std::int64_t>{1, 0}}});
  }

  // log(1 + x) of what is over 0.
  std::string log_scale(const std::string& x, const std::string& name) {
    const std::string one = graph_.weight(name + ".one", computed({1}, {1.0f}));
    const std::string sum = graph_.node({"Add"}, name + ".sum", {x, one});
    return graph_.node({"Log"}, name, {sum});
  }

  // Scores rise with what is taken of them, so that of a maximum it is taken once, at the end.
  void pool_vocabulary(const std::string& tokens) {
    const HeadSpec::Vocabulary& spec = *spec_.head.vocabulary;
    const HeadWeights::Vocabulary& head = weights_.head.vocabulary;
    const std::string wide = dense(tokens, head.transform, spec.activation, "head.activated");
    const std::string name = head.transform.name + ".norm";
    const std::string gamma = graph_.weight(name + ".weight", copied(weights_, head.norm.weight));
    const std::string beta = graph_.weight(name + ".bias", norm_bias(weights_, head.norm));
    const std::string states =
        graph_.node({"LayerNormalization"}, "head.states", {wide, gamma, beta},
                    {{"axis", std::int64_t{-1}}, {"epsilon", spec_.layer_norm_eps}});
    const std::string raw = graph_.node({"MatMul"}, head.decoder.name + ".product",
                                        {states, decoder_weight(head.decoder)});
    const bool is_max = spec.pooling == VocabularyPooling::kMax;
    const std::string pooled = is_max ? pool("ReduceMax", "head.pooled", raw) : raw;
    const std::string biased = graph_.node({"Add"}, "head.scores", {pooled, bias(head.decoder)});
    std::string scaled = log_scale(graph_.node({"Relu"}, "head.positive", {biased}), "head.log");
    if (spec.scale == VocabularyScale::kLogTwice) scaled = log_scale(scaled, "head.log_twice");
    if (is_max) {
      graph_.node({"Identity"}, "vocabulary_weights", {scaled});
    } else {
      pool("ReduceSum", "vocabulary_weights", scaled);
    }
    graph_.output("vocabulary_weights", DataType::kF32,
                  {"batch", static_cast<std::int64_t>(spec_.vocabulary)});
  }

  std::string pool(std::string_view op, const std::string& name, const std::string& x) {
    if (op == "ReduceSum") {
      return graph_.node({op}, name, {x, graph_.constant("head.axis", {1})},
                         {{"keepdims", std::int64_t{0}}});
    }
    return graph_.node({op}, name, {x},
                       {{"axes", std::vector<std::int64_t>{1}}, {"keepdims", std::int64_t{0}}});
  }

  const ModelSpec& spec_;
  const EncoderWeights& weights_;
  GraphBuilder& graph_;
};

}  // namespace

void add_portable_heads(const ModelSpec& spec, const EncoderWeights& weights, GraphBuilder& graph,
                        const std::string& tokens) {
  HeadBuilder(spec, weights, graph).build(tokens);
}

}  // namespace nestvec
