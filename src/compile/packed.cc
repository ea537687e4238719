// SPDX-License-Identifier: Apache-2.0
#include "compile/packed.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "compile/packed_payloads.h"
#include "compile/payloads.h"
#include "compile/score_bias.h"
#include "ops/kernels/table.h"

namespace nestvec {
namespace {

constexpr std::string_view kDomain = "nestvec";

std::int64_t integer(std::size_t value) { return static_cast<std::int64_t>(value); }

class PackedBuilder {
 public:
  PackedBuilder(const ModelSpec& spec, const EncoderWeights& weights, const PackedOptions& options,
                GraphBuilder& graph)
      : spec_(spec), weights_(weights), options_(options), graph_(graph) {}

  void build() {
    ids_ = graph_.input("input_ids", DataType::kI64, {"tokens"});
    offsets_ = graph_.input("offsets", DataType::kI64, {"offsets"});
    tasks_ = graph_.input("task_ids", DataType::kI64, {"sequences"});
    const std::string spans = graph_.input("spans", DataType::kI64, {"spans", 2});
    if (spec_.takes_types()) {
      types_ = graph_.input("token_type_ids", DataType::kI64, {"typed_tokens"});
    }
    declare_rotation();
    if (spec_.block.score_bias != ScoreBias::kNone) {
      score_bias_ =
          graph_.weight("score_bias", score_bias_table(weights_, spec_, options_.max_tokens));
    }
    std::string x = hidden_states(embed());
    for (std::size_t i = 0; i < spec_.layers; ++i) {
      const LayerWeights& layer = weights_.layers[i];
      const std::string name = "layer." + std::to_string(i);
      x = hidden_states(self_attention(x, i, name + ".attention"));
      const bool last = i + 1 == spec_.layers;
      const bool named = last && !spec_.block.norm_first;
      x = feed_forward(x, layer, named ? "token_embeddings" : name);
      if (!named) hidden_states(x);
    }
    if (spec_.block.norm_first) x = final_norm(x);
    const std::string means = graph_.node({"SpanMean", kDomain}, "span_means", {x, spans},
                                          {{"width", integer(spec_.hidden)}});
    graph_.output("span_means", DataType::kF32, {"spans", integer(spec_.hidden)});
    graph_.output("token_embeddings", DataType::kF32, {"tokens", integer(spec_.hidden)});
    if (spec_.head.classifier) classify(pools_late() ? late_means(x, spans) : means);
    if (spec_.head.any_sparse()) add_sparse(x);
  }

 private:
  std::size_t task_count() const { return spec_.adapters.tasks.size(); }
  bool is_fp32() const { return options_.precision == "fp32"; }
  bool narrows_weights() const { return options_.precision == "int8-weights"; }

  // A value [T, H] between layers: a layer's output takes its input's place.
  std::string hidden_states(const std::string& name) {
    graph_.value(name, DataType::kF32, {"tokens", integer(spec_.hidden)});
    return name;
  }

  void declare_rotation() {
    if (spec_.positions != PositionKind::kRotary) return;
    rotation_ = declare_tables("rotary", false);
    if (spec_.block.window_layers.empty()) return;
    window_rotation_ = declare_tables("window_rotary", true);
  }

  std::vector<std::string> declare_tables(const std::string& name, bool window) {
    RotaryTables tables = rotary_tables(rotary_shape(spec_, window), options_.max_tokens);
    return {graph_.weight(name + ".cos", std::move(tables.cos)),
            graph_.weight(name + ".sin", std::move(tables.sin))};
  }

  bool is_rms() const { return spec_.block.norm == NormKind::kRms; }

  // The two inputs of a norm; both are missing where there is none.
  std::vector<std::string> norm(const std::string& name, const NormWeights& norm) {
    if (norm.weight.shape.empty()) return {"", ""};
    return {graph_.weight(name + ".norm.weight", norm_weight(weights_, norm, spec_.block)),
            is_rms() ? "" : graph_.weight(name + ".norm.bias", norm_bias(weights_, norm))};
  }

  std::string final_norm(const std::string& x) {
    std::vector<std::string> inputs = norm("final", weights_.norm);
    inputs.insert(inputs.begin(), x);
    std::vector<Attribute> attributes = {{"width", integer(spec_.hidden)},
                                         {"eps", spec_.layer_norm_eps}};
    if (is_rms()) attributes.push_back({"rms", integer(1)});
    return graph_.node({"PackedNorm", kDomain}, "token_embeddings", inputs, attributes);
  }

  std::string embed() {
    const std::vector<std::string> norm_names =
        norm("embeddings", spec_.block.norm_first ? weights_.embedding_norm : weights_.norm);
    std::vector<std::string> inputs = {
        ids_,
        offsets_,
        tasks_,
        word_table(),
        spec_.token_types > 0 ? graph_.weight("types.table", type_table()) : "",
        norm_names[0],
        norm_names[1],
        spec_.positions == PositionKind::kAbsolute
            ? graph_.weight("positions.table", copied(weights_, weights_.positions))
            : ""};
    StackedUpdates updates = stacked_updates(weights_, weights_.words, spec_.adapters);
    if (updates.rank > 0) {
      inputs.push_back(graph_.weight("words.down", std::move(updates.down)));
      inputs.push_back(graph_.weight("words.up", std::move(updates.up)));
    }
    if (spec_.takes_types()) {
      inputs.resize(10);
      inputs.push_back(types_);
    }
    std::vector<Attribute> attributes = {{"width", integer(spec_.hidden)},
                                         {"vocabulary", integer(weights_.words.rows)},
                                         {"tasks", integer(task_count())},
                                         {"rank", integer(updates.rank)},
                                         {"first_position", integer(spec_.position_offset)},
                                         {"pad_id", std::int64_t{spec_.pad_id}},
                                         {"eps", spec_.layer_norm_eps}};
    if (has_type_rows()) attributes.push_back({"token_types", type_pattern()});
    if (const float scale = embedding_scale(spec_, weights_); scale > 0) {
      attributes.push_back({"scale", scale});
    }
    if (!shared_words_.empty()) {
      const WeightType type = weight_type(weights_.head.vocabulary.decoder);
      attributes.push_back({"word_weights", std::string(weight_type_name(type))});
    }
    return graph_.node({"PackedEmbedding", kDomain}, "embeddings", inputs, attributes);
  }

  // A decoder that is the word table is stored once, where both would have the same numbers.
  std::string word_table() {
    const TensorView& table = weights_.words.table;
    const LinearWeights& decoder = weights_.head.vocabulary.decoder;
    const WeightType table_type = narrows_weights()               ? WeightType::kW8
                                  : table.type == DataType::kBf16 ? WeightType::kBf16
                                                                  : WeightType::kF32;
    const bool shared =
        spec_.head.vocabulary && spec_.head.vocabulary->tied && weight_type(decoder) == table_type;
    if (!shared) {
      return graph_.weight("words.table", narrows_weights() ? w8_table(weights_, table)
                                                            : compact_table(weights_, table));
    }
    shared_words_ =
        graph_.weight(decoder.name + ".weight", packed_panels(weights_, decoder, table_type));
    return shared_words_;
  }

  bool has_type_rows() const { return spec_.text_types.any() || spec_.takes_types(); }

  Payload type_table() const {
    if (!has_type_rows()) return first_row_by_task(weights_.types);
    return first_rows(weights_.types, spec_.type_rows());
  }

  // How many tokens stand before the text, their types, the text's, and those behind it.
  std::vector<std::int64_t> type_pattern() const {
    const TokenTypes& types = spec_.text_types;
    std::vector<std::int64_t> pattern = {integer(types.prefix.size())};
    pattern.insert(pattern.end(), types.prefix.begin(), types.prefix.end());
    pattern.push_back(types.text);
    pattern.insert(pattern.end(), types.suffix.begin(), types.suffix.end());
    return pattern;
  }

  WeightType weight_type(const LinearWeights& linear) const {
    if (options_.precision == "int8") return WeightType::kS8;
    if (narrows_weights()) return WeightType::kW8;
    if (options_.precision == "bf16") return WeightType::kBf16;
    return exact_type(linear);
  }

  // What a gate multiplies has single values far above the others, which eight bits of a token do
  // not hold where no LayerNorm and no bias keep them small (decision 0059).
  WeightType feed_out_type(const LinearWeights& linear) const {
    const WeightType type = weight_type(linear);
    const bool uneven = spec_.block.gated && spec_.block.norm_first && is_rms();
    return uneven && type == WeightType::kS8 ? WeightType::kBf16 : type;
  }

  // The narrowest that holds the weights as the checkpoint has them.
  static WeightType exact_type(const LinearWeights& linear) {
    const bool exact = std::all_of(linear.weight.begin(), linear.weight.end(),
                                   [](const TensorView& t) { return t.type == DataType::kBf16; });
    return exact ? WeightType::kBf16 : WeightType::kF32;
  }

  void add_linear(const LinearWeights& linear, const std::string& prefix,
                  std::vector<std::string>& inputs, std::vector<Attribute>& attributes) {
    add_linear(linear, weight_type(linear), prefix, inputs, attributes);
  }

  // The six inputs of a linear layer, and its attributes.
  void add_linear(const LinearWeights& linear, WeightType type, const std::string& prefix,
                  std::vector<std::string>& inputs, std::vector<Attribute>& attributes) {
    const bool shared =
        !shared_words_.empty() && linear.name == weights_.head.vocabulary.decoder.name;
    inputs.push_back(
        shared ? shared_words_
               : graph_.weight(linear.name + ".weight", packed_panels(weights_, linear, type)));
    inputs.push_back(graph_.weight(linear.name + ".bias", padded_bias(linear)));
    const bool quantised = type == WeightType::kS8;
    inputs.push_back(quantised ? graph_.weight(linear.name + ".scales", column_scales(linear))
                               : "");
    inputs.push_back(quantised ? graph_.weight(linear.name + ".sums", column_sums(linear)) : "");
    StackedUpdates updates = stacked_updates(linear);
    const bool updated = updates.rank > 0;
    inputs.push_back(updated ? graph_.weight(linear.name + ".down", std::move(updates.down)) : "");
    inputs.push_back(updated ? graph_.weight(linear.name + ".up", std::move(updates.up)) : "");
    attributes.push_back({prefix + "weights", std::string(weight_type_name(type))});
    attributes.push_back({prefix + "inputs", integer(linear.in)});
    if (linear.gated) {
      // Each half rounded up to panels (packed_payloads.h).
      const std::size_t half = linear.out / 2;
      attributes.push_back({prefix + "gated", integer(half)});
      attributes.push_back(
          {prefix + "outputs", integer(2 * ((half + kPanel - 1) / kPanel * kPanel))});
    } else {
      attributes.push_back({prefix + "outputs", integer(linear.out)});
    }
    attributes.push_back({prefix + "rank", integer(updates.rank)});
  }

  // Those that graphs of BERT's block do not need are left out: older versions read such graphs.
  std::vector<Attribute> common_attributes() const {
    std::vector<Attribute> attributes = {{"tasks", integer(task_count())},
                                         {"full_activations", std::int64_t{is_fp32()}},
                                         {"eps", spec_.layer_norm_eps}};
    if (is_rms()) attributes.push_back({"rms", integer(1)});
    if (spec_.block.norm_first) attributes.push_back({"norm_first", integer(1)});
    return attributes;
  }

  std::string self_attention(const std::string& x, std::size_t index, const std::string& name) {
    const LayerWeights& layer = weights_.layers[index];
    const bool window = spec_.block.is_window_layer(index);
    std::vector<std::string> inputs = {x, offsets_, tasks_};
    std::vector<Attribute> attributes = common_attributes();
    attributes.push_back({"heads", integer(spec_.heads)});
    attributes.push_back({"head_width", integer(spec_.head_width())});
    if (spec_.kv_heads() != spec_.heads) {
      attributes.push_back({"kv_heads", integer(spec_.kv_heads())});
    }
    if (spec_.score_scale > 0) attributes.push_back({"scale", spec_.score_scale});
    if (spec_.block.causal) attributes.push_back({"behind", integer(1)});  // 1: none
    if (window) {
      attributes.push_back({"before", integer(1 + spec_.block.window)});
      attributes.push_back({"behind", integer(1 + spec_.block.window)});
    }
    add_linear(layer.qkv, "qkv_", inputs, attributes);
    add_linear(layer.attention_out, "out_", inputs, attributes);
    for (const std::string& input : norm(layer.attention_out.name, layer.attention_norm)) {
      inputs.push_back(input);
    }
    for (const std::string& table : window ? window_rotation_ : rotation_) inputs.push_back(table);
    if (spec_.block.head_norms) {
      inputs.resize(19);
      inputs.push_back(graph_.weight(name + ".query_norm",
                                     norm_weight(weights_, layer.query_norm, spec_.block)));
      inputs.push_back(
          graph_.weight(name + ".key_norm", norm_weight(weights_, layer.key_norm, spec_.block)));
    }
    if (!score_bias_.empty()) {
      inputs.resize(21);
      inputs.push_back(score_bias_);
    }
    if (spec_.block.joint_norms) {
      inputs.resize(22);
      for (const std::string& input : norm(name + ".queries", layer.query_norm)) {
        inputs.push_back(input);
      }
      for (const std::string& input : norm(name + ".keys", layer.key_norm)) inputs.push_back(input);
    }
    if (!layer.attention_second_norm.weight.shape.empty()) {
      inputs.resize(26);
      for (const std::string& input : norm(name + ".second", layer.attention_second_norm)) {
        inputs.push_back(input);
      }
    }
    return graph_.node({"PackedSelfAttention", kDomain}, name, inputs, attributes);
  }

  std::string feed_forward(const std::string& x, const LayerWeights& layer,
                           const std::string& name) {
    std::vector<std::string> inputs = {x, offsets_, tasks_};
    std::vector<Attribute> attributes = common_attributes();
    attributes.push_back({"activation", static_cast<std::int64_t>(spec_.activation)});
    add_linear(layer.feed_in, "in_", inputs, attributes);
    add_linear(layer.feed_out, feed_out_type(layer.feed_out), "out_", inputs, attributes);
    for (const NormWeights* norms : {&layer.feed_norm, &layer.feed_second_norm}) {
      const bool second = norms == &layer.feed_second_norm;
      if (second && norms->weight.shape.empty()) break;
      const std::string owner = second ? name + ".second" : layer.feed_out.name;
      for (const std::string& input : norm(owner, *norms)) inputs.push_back(input);
    }
    return graph_.node({"PackedFeedForward", kDomain}, name, inputs, attributes);
  }

  // A layer of a head: in fp32, whatever the encoder's precision (decision 0050).
  std::string dense(const std::string& x, const LinearWeights& linear, Activation activation,
                    const std::string& name) {
    std::vector<std::string> inputs = {x};
    std::vector<Attribute> attributes = {{"tasks", integer(0)},
                                         {"full_activations", integer(1)},
                                         {"activation", static_cast<std::int64_t>(activation)}};
    add_linear(linear, exact_type(linear), "", inputs, attributes);
    return graph_.node({"PackedDense", kDomain}, name, inputs, attributes);
  }

  bool pools_late() const { return spec_.head.classifier->pooling == HeadPooling::kLate; }

  std::string late_means(const std::string& tokens, const std::string& spans) {
    const std::string rows = dense(tokens, weights_.head.classifier.dense,
                                   spec_.head.classifier->activation, "head.dense");
    return graph_.node({"SpanMean", kDomain}, "head.means", {rows, spans},
                       {{"width", integer(spec_.hidden)}});
  }

  void classify(const std::string& rows) {
    const HeadSpec::Classifier& spec = *spec_.head.classifier;
    const HeadWeights::Classifier& head = weights_.head.classifier;
    std::string x = rows;
    if (spec.dense && !pools_late()) x = dense(x, head.dense, spec.activation, "head.dense");
    if (spec.norm) {
      std::vector<std::string> inputs = norm("head", head.norm);
      inputs.insert(inputs.begin(), x);
      x = graph_.node({"PackedNorm", kDomain}, "head.norm", inputs,
                      {{"width", integer(spec_.hidden)}, {"eps", spec_.layer_norm_eps}});
    }
    dense(x, head.outputs, Activation::kNone, "logits");
    graph_.output("logits", DataType::kF32, {"spans", integer(spec.outputs)});
  }

  void add_sparse(const std::string& tokens) {
    const std::string spans = graph_.input("sparse_spans", DataType::kI64, {"sparse_spans", 2});
    const HeadWeights& head = weights_.head;
    if (spec_.head.vocabulary) pool_vocabulary(tokens, spans, head.vocabulary);
    if (!spec_.head.token_weights) return;
    span_rows(tokens, spans, head.token_weights, "token_weights");
    span_rows(tokens, graph_.input("vector_spans", DataType::kI64, {"vector_spans", 2}),
              head.token_vectors, "token_vectors");
  }

  // A layer of a head over the tokens of some texts, in fp32 as all heads of few outputs.
  void span_rows(const std::string& tokens, const std::string& spans, const LinearWeights& linear,
                 const std::string& name) {
    std::vector<std::string> inputs = {tokens, spans};
    std::vector<Attribute> attributes = {{"tasks", integer(0)}, {"full_activations", integer(1)}};
    add_linear(linear, exact_type(linear), "", inputs, attributes);
    graph_.node({"PackedSpanRows", kDomain}, name, inputs, attributes);
    graph_.output(name, DataType::kF32, {name, integer(linear.out)});
  }

  void pool_vocabulary(const std::string& tokens, const std::string& spans,
                       const HeadWeights::Vocabulary& head) {
    const HeadSpec::Vocabulary& spec = *spec_.head.vocabulary;
    std::vector<std::string> inputs = {tokens, spans};
    std::vector<Attribute> attributes = common_attributes();
    attributes.push_back({"activation", static_cast<std::int64_t>(spec.activation)});
    attributes.push_back({"pooling", static_cast<std::int64_t>(spec.pooling)});
    attributes.push_back({"scale", static_cast<std::int64_t>(spec.scale)});
    add_linear(head.transform, "transform_", inputs, attributes);
    add_linear(head.decoder, "decoder_", inputs, attributes);
    for (const std::string& input : norm(head.transform.name, head.norm)) inputs.push_back(input);
    graph_.node({"PackedVocabulary", kDomain}, "vocabulary_weights", inputs, attributes);
    graph_.output("vocabulary_weights", DataType::kF32,
                  {"sparse_spans", integer(head.decoder.out)});
  }

  const ModelSpec& spec_;
  const EncoderWeights& weights_;
  const PackedOptions& options_;
  GraphBuilder& graph_;
  std::string ids_, offsets_, tasks_, types_;
  std::vector<std::string> rotation_;  // cos and sin; none without rotary positions
  std::vector<std::string> window_rotation_;
  std::string score_bias_;
  std::string shared_words_;  // the weight that is both word table and decoder; empty: none
};

}  // namespace

void build_packed(const ModelSpec& spec, const EncoderWeights& weights,
                  const PackedOptions& options, GraphBuilder& graph) {
  PackedBuilder(spec, weights, options, graph).build();
}

}  // namespace nestvec
