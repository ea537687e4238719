// SPDX-License-Identifier: Apache-2.0
#include "compile/portable_heads.h"

#include <cstdint>
#include <string>
#include <vector>

#include "compile/payloads.h"
#include "compile/portable_parts.h"

namespace nestvec {
namespace {

constexpr std::int64_t kHeadFloat = 1;  // TensorProto.DataType, for Cast

// What a classifier reads of tokens [batch, tokens, H], [batch, H]. `padded`: of the tokens that
// the graph's input attention_mask does not leave out.
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
      graph.node({"Cast"}, "head.mask", {"attention_mask"}, {{"to", kHeadFloat}});
  const std::string count = graph.node({"ReduceSum"}, "head.count", {mask, axis});
  std::string shares;  // [batch, tokens]
  if (pooling == HeadPooling::kMean) {
    shares = graph.node({"Div"}, "head.shares", {mask, count});
  } else {
    const std::string sums =
        graph.node({"CumSum"}, "head.sums", {mask, graph.scalar("head.axis_tokens", 1)});
    const std::string all = graph.node({"Equal"}, "head.all", {sums, count});
    const std::string flags = graph.node({"Cast"}, "head.flags", {all}, {{"to", kHeadFloat}});
    shares = graph.node({"Mul"}, "head.shares", {flags, mask});
  }
  const std::string column =
      graph.node({"Unsqueeze"}, "head.column", {shares, graph.constant("head.last", {2})});
  const std::string parts = graph.node({"Mul"}, "head.parts", {tokens, column});
  return graph.node({"ReduceSum"}, "head.pooled", {parts, axis}, {{"keepdims", std::int64_t{0}}});
}

class HeadBuilder {
 public:
  HeadBuilder(const ModelSpec& spec, const EncoderWeights& weights, bool padded,
              GraphBuilder& graph)
      : spec_(spec), weights_(weights), padded_(padded), graph_(graph) {}

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
    const std::string y = product(x, layer);
    if (!layer.bias.empty()) return biased_activation(graph_, kind, name, y, bias(layer));
    return kind == Activation::kNone ? graph_.node({"Identity"}, name, {y})
                                     : bare_activation(graph_, kind, name, y);
  }

  // LayerNorm(x), named `name`; the weights are called after `owner`.
  std::string normalised(const std::string& name, const std::string& x, const std::string& owner,
                         const NormWeights& norm) {
    const std::string gamma = graph_.weight(owner + ".norm.weight", copied(weights_, norm.weight));
    const std::string beta = graph_.weight(owner + ".norm.bias", norm_bias(weights_, norm));
    return graph_.node({"LayerNormalization"}, name, {x, gamma, beta},
                       {{"axis", std::int64_t{-1}}, {"epsilon", spec_.layer_norm_eps}});
  }

  void classify(const std::string& tokens) {
    const HeadSpec::Classifier& spec = *spec_.head.classifier;
    const HeadWeights::Classifier& head = weights_.head.classifier;
    const bool late = spec.pooling == HeadPooling::kLate;
    std::string x = late ? tokens : pooled_rows(graph_, spec.pooling, tokens, padded_);
    if (spec.dense) x = dense(x, head.dense, spec.activation, "head.activated");
    if (late) x = pooled_rows(graph_, HeadPooling::kMean, x, padded_);
    if (spec.norm) x = normalised("head.norm", x, "head", head.norm);
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
    const std::string states = normalised("head.states", wide, head.transform.name, head.norm);
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
  bool padded_;
  GraphBuilder& graph_;
};

}  // namespace

void add_portable_heads(const ModelSpec& spec, const EncoderWeights& weights,
                        const PortableTokens& tokens, GraphBuilder& graph) {
  HeadBuilder(spec, weights, tokens.padded, graph).build(tokens.name);
}

}  // namespace nestvec
