// SPDX-License-Identifier: Apache-2.0
#include "compile/portable.h"

#include <limits>
#include <map>
#include <string>
#include <vector>

#include "compile/payloads.h"
#include "compile/portable_heads.h"
#include "compile/portable_parts.h"
#include "compile/score_bias.h"

namespace nestvec {
namespace {

constexpr std::string_view kMicrosoft = "com.microsoft";
constexpr std::int64_t kOnnxFloat = 1;  // TensorProto.DataType, for Cast
constexpr std::int64_t kOnnxInt32 = 6;

class PortableBuilder {
 public:
  PortableBuilder(const ModelSpec& spec, const EncoderWeights& weights,
                  const PortableOptions& options, GraphBuilder& graph)
      : spec_(spec), weights_(weights), options_(options), graph_(graph) {}

  void build() {
    declare_inputs();
    std::string x = embed();
    for (std::size_t i = 0; i < spec_.layers; ++i) x = layer(x, i);
    if (spec_.block.norm_first) x = normalised("token_embeddings", x, "final", weights_.norm);
    graph_.output("token_embeddings", DataType::kF32,
                  {"batch", "tokens", static_cast<std::int64_t>(spec_.hidden)});
    add_portable_heads(spec_, weights_, {x, options_.padded}, graph_);
  }

 private:
  bool has_adapters() const { return !spec_.adapters.tasks.empty(); }

  void declare_inputs() {
    const std::vector<Axis> shape = {"batch", "tokens"};
    ids_ = graph_.input("input_ids", DataType::kI64, shape);
    if (options_.padded) {
      const std::string mask = graph_.input("attention_mask", DataType::kI64, shape);
      mask_ = graph_.node({"Cast"}, "mask", {mask}, {{"to", kOnnxInt32}});
    }
    if (spec_.text_types.any() || spec_.takes_types())
      types_ = graph_.input("token_type_ids", DataType::kI64, shape);
    if (has_adapters()) {
      tasks_ = graph_.input("task_ids", DataType::kI64, {"batch"});
      task_column_ =
          graph_.node({"Unsqueeze"}, "task_column", {tasks_, graph_.constant("axis_1", {1})});
    }
    if (spec_.positions == PositionKind::kRotary) {
      rotation_ = declare_tables("rotary", false);
      first_position_ = graph_.constant("rotary.first_position", {0});
    }
    if (!spec_.block.window_layers.empty()) {
      window_rotation_ = declare_tables("window_rotary", true);
      window_ = window_bias(graph_, ids_, spec_.block.window);
    }
    if (spec_.block.score_bias != ScoreBias::kNone) {
      const std::string table =
          graph_.weight("score_bias", score_bias_table(weights_, spec_, options_.max_tokens));
      score_bias_ = score_bias_matrix(graph_, ids_, table, options_.max_tokens);
    }
  }

  std::vector<std::string> declare_tables(const std::string& name, bool window) {
    RotaryTables tables = rotary_tables(rotary_shape(spec_, window), options_.max_tokens);
    return {graph_.weight(name + ".cos", std::move(tables.cos)),
            graph_.weight(name + ".sin", std::move(tables.sin))};
  }

  // 1 where a column of a side path belongs to the sequence's task, else 0: [batch, 1, C].
  std::string column_mask(const std::vector<std::int64_t>& columns) {
    std::string& mask = column_masks_[columns];
    if (!mask.empty()) return mask;
    const std::string name = "adapters." + std::to_string(column_masks_.size());
    const std::string equal = graph_.node(
        {"Equal"}, name + ".equal", {task_column_, graph_.constant(name + ".columns", columns)});
    const std::string cast = graph_.node({"Cast"}, name + ".cast", {equal}, {{"to", kOnnxFloat}});
    mask = graph_.node({"Unsqueeze"}, name + ".mask", {cast, "axis_1"});
    return mask;
  }

  // y + ((x down) masked) up, where `low` is x down.
  std::string add_side_path(const std::string& name, const std::string& y, const std::string& low,
                            SidePath& path) {
    const std::string masked =
        graph_.node({"Mul"}, name + ".masked", {low, column_mask(path.columns)});
    const std::string up = graph_.weight(name + ".up", std::move(path.up));
    const std::string update = graph_.node({"MatMul"}, name + ".update", {masked, up});
    return graph_.node({"Add"}, name + ".updated", {y, update});
  }

  // The product without its bias, which the next op adds.
  std::string linear(const std::string& x, const LinearWeights& linear) {
    const std::string& name = linear.name;
    const std::string weight = graph_.weight(name + ".weight", transposed(weights_, linear));
    const std::string y = graph_.node({"MatMul"}, name + ".product", {x, weight});
    SidePath path = side_path(weights_, linear);
    if (path.columns.empty()) return y;
    const std::string down = graph_.weight(name + ".down", std::move(path.down));
    const std::string low = graph_.node({"MatMul"}, name + ".low", {x, down});
    return add_side_path(name, y, low, path);
  }

  std::string bias(const LinearWeights& linear) {
    return graph_.weight(linear.name + ".bias", joined(weights_, linear.bias));
  }

  std::string embed_words() {
    const std::string table = graph_.weight("words.table", copied(weights_, weights_.words.table));
    const std::string words = graph_.node({"Gather"}, "words", {table, ids_});
    SidePath path = side_path(weights_, weights_.words);
    if (path.columns.empty()) return words;
    const std::string down = graph_.weight("words.down", std::move(path.down));
    const std::string low = graph_.node({"Gather"}, "words.low", {down, ids_});
    return add_side_path("words", words, low, path);
  }

  // Texts are of token type 0 throughout, unless the tokenizer says otherwise or they are pairs.
  std::string embed_types() {
    if (!types_.empty()) {
      const std::string rows =
          graph_.weight("types.table", first_rows(weights_.types, spec_.type_rows()));
      return graph_.node({"Gather"}, "types", {rows, types_});
    }
    const std::string table = graph_.weight("types.table", first_row_by_task(weights_.types));
    if (!has_adapters()) return table;
    const std::string rows =
        graph_.node({"Add"}, "types.rows", {tasks_, graph_.scalar("types.first", 1)});
    const std::string types = graph_.node({"Gather"}, "types.gathered", {table, rows});
    return graph_.node({"Unsqueeze"}, "types", {types, "axis_1"});
  }

  std::string embed_positions() {
    const std::string table =
        graph_.weight("positions.table", copied(weights_, weights_.positions));
    return position_rows(graph_, ids_, {table, spec_.position_offset, spec_.pad_id});
  }

  std::string embed() {
    std::string x = embed_words();
    if (const float scale = embedding_scale(spec_, weights_); scale > 0) {
      x = graph_.node({"Mul"}, "words.scaled",
                      {x, graph_.weight("words.scale", computed({1}, {scale}))});
    }
    if (spec_.token_types > 0) {
      x = graph_.node({"Add"}, "embeddings.typed", {x, embed_types()});
    }
    if (spec_.positions == PositionKind::kAbsolute) {
      x = graph_.node({"Add"}, "embeddings.placed", {x, embed_positions()});
    }
    const NormWeights& norm = spec_.block.norm_first ? weights_.embedding_norm : weights_.norm;
    return normalised("embeddings", x, "embeddings", norm);
  }

  bool is_rms() const { return spec_.block.norm == NormKind::kRms; }

  // norm(x), named `name`; the weights are called after `owner`.
  std::string normalised(const std::string& name, const std::string& x, const std::string& owner,
                         const NormWeights& weights) {
    if (weights.weight.shape.empty()) return x;
    const std::vector<Attribute> attributes = {{"axis", std::int64_t{-1}},
                                               {"epsilon", spec_.layer_norm_eps}};
    if (is_rms()) {
      const std::string gamma =
          graph_.weight(owner + ".norm.weight", norm_weight(weights_, weights, spec_.block));
      return graph_.node({"SimplifiedLayerNormalization"}, name, {x, gamma}, attributes);
    }
    const auto [gamma, beta] = norm(owner, weights);
    return graph_.node({"LayerNormalization"}, name, {x, gamma, beta}, attributes);
  }

  std::pair<std::string, std::string> norm(const std::string& name, const NormWeights& norm) {
    return {graph_.weight(name + ".norm.weight", copied(weights_, norm.weight)),
            graph_.weight(name + ".norm.bias", norm_bias(weights_, norm))};
  }

  std::string rotate(const std::string& name, const std::string& x, std::size_t heads,
                     const std::vector<std::string>& tables) {
    return graph_.node({"RotaryEmbedding", kMicrosoft}, name,
                       {x, first_position_, tables[0], tables[1]},
                       {{"num_heads", static_cast<std::int64_t>(heads)}});
  }

  // RMSNorm of each head of x [batch, tokens, heads D].
  std::string norm_heads(const std::string& name, const std::string& x, const NormWeights& weights,
                         std::size_t heads) {
    const auto width = static_cast<std::int64_t>(spec_.head_width());
    const auto count = static_cast<std::int64_t>(heads);
    const std::string apart = graph_.node(
        {"Reshape"}, name + ".apart", {x, graph_.constant(name + ".heads", {0, 0, count, width})});
    const std::string done = normalised(name + ".normed", apart, name, weights);
    return graph_.node({"Reshape"}, name + ".together",
                       {done, graph_.constant(name + ".row", {0, 0, count * width})});
  }

  // Norms of heads, rotation, and shared keys and values.
  void prepare_heads(const std::string& name, std::size_t index, std::vector<std::string>& parts) {
    const LayerWeights& layer = weights_.layers[index];
    if (spec_.block.head_norms) {
      parts[0] = norm_heads(name + ".query_norm", parts[0], layer.query_norm, spec_.heads);
      parts[1] = norm_heads(name + ".key_norm", parts[1], layer.key_norm, spec_.kv_heads());
    }
    if (spec_.block.joint_norms) {
      parts[0] =
          normalised(name + ".queries_normed", parts[0], name + ".queries", layer.query_norm);
      parts[1] = normalised(name + ".keys_normed", parts[1], name + ".keys", layer.key_norm);
    }
    if (spec_.positions == PositionKind::kRotary) {
      const bool window = spec_.block.is_window_layer(index);
      const std::vector<std::string>& tables = window ? window_rotation_ : rotation_;
      parts[0] = rotate(name + ".query", parts[0], spec_.heads, tables);
      parts[1] = rotate(name + ".key", parts[1], spec_.kv_heads(), tables);
    }
    parts[1] = repeat_heads(graph_, {spec_.heads, spec_.kv_heads(), spec_.head_width()},
                            name + ".keys", parts[1]);
    parts[2] = repeat_heads(graph_, {spec_.heads, spec_.kv_heads(), spec_.head_width()},
                            name + ".values", parts[2]);
  }

  // A window, a bias, or both; empty: neither.
  std::string added_to_scores(const std::string& name, std::size_t index) {
    if (!spec_.block.is_window_layer(index)) return score_bias_;
    if (score_bias_.empty()) return window_;
    return graph_.node({"Add"}, name + ".added_to_scores", {window_, score_bias_});
  }

  std::string attention(const std::string& name, const std::string& x, std::size_t index) {
    const LinearWeights& qkv = weights_.layers[index].qkv;
    const bool changed = spec_.positions == PositionKind::kRotary || spec_.block.joint_norms;
    std::string fused = linear(x, qkv);
    std::string qkv_bias = spec_.block.biases ? bias(qkv) : "";
    if (changed && spec_.block.biases) {  // rotations and norms come behind it
      fused = graph_.node({"Add"}, qkv.name + ".biased", {fused, qkv_bias});
      qkv_bias.clear();
    }
    const auto queries = static_cast<std::int64_t>(spec_.heads * spec_.head_width());
    const auto keys = static_cast<std::int64_t>(spec_.kv_heads() * spec_.head_width());
    if (split_sizes_.empty()) split_sizes_ = graph_.constant("qkv.sizes", {queries, keys, keys});
    std::vector<std::string> parts =
        graph_.node_of({"Split"}, qkv.name, 3, {fused, split_sizes_}, {{"axis", std::int64_t{-1}}});
    prepare_heads(name, index, parts);
    std::vector<std::string> inputs = {parts[0], parts[1], parts[2]};
    if (!changed || options_.padded) inputs.push_back(qkv_bias);
    if (options_.padded) inputs.push_back(mask_);
    if (const std::string added = added_to_scores(name, index); !added.empty()) {
      inputs.resize(5);
      inputs.push_back(added);
    }
    std::vector<Attribute> attributes = {
        {"num_heads", static_cast<std::int64_t>(spec_.heads)},
        {"mask_filter_value", std::numeric_limits<float>::lowest()}};
    if (spec_.score_scale > 0) attributes.push_back({"scale", spec_.score_scale});
    if (spec_.block.causal) attributes.push_back({"unidirectional", std::int64_t{1}});
    return graph_.node({"MultiHeadAttention", kMicrosoft}, name + ".attention", inputs, attributes);
  }

  // LayerNorm(x + y + bias), named `name`.
  std::string add_and_norm(const std::string& name, const std::string& x, const std::string& y,
                           const LinearWeights& linear, const NormWeights& norm_weights) {
    const auto [gamma, beta] = norm(linear.name, norm_weights);
    std::vector<std::string> inputs = {y, x, gamma, beta};
    if (!linear.bias.empty()) inputs.push_back(bias(linear));
    return graph_.node({"SkipLayerNormalization", kMicrosoft}, name, inputs,
                       {{"epsilon", spec_.layer_norm_eps}});
  }

  // activation(gate) * up, of a layer without biases.
  std::string gated(const std::string& name, const std::string& x, const LinearWeights& feed_in) {
    const auto half = static_cast<std::int64_t>(spec_.intermediate);
    if (gate_sizes_.empty()) gate_sizes_ = graph_.constant("gate.sizes", {half, half});
    const std::vector<std::string> parts =
        graph_.node_of({"Split"}, feed_in.name, 2, {linear(x, feed_in), gate_sizes_},
                       {{"axis", std::int64_t{-1}}});
    const std::string gate = bare_activation(graph_, spec_.activation, name + ".gate", parts[0]);
    return graph_.node({"Mul"}, name, {gate, parts[1]});
  }

  std::string layer_norm_first(const std::string& input, std::size_t i) {
    const LayerWeights& layer = weights_.layers[i];
    const std::string name = "layer." + std::to_string(i);
    const std::string first =
        normalised(name + ".first", input, layer.attention_out.name, layer.attention_norm);
    const std::string attended = attention(name, first, i);
    const std::string projected =
        normalised(name + ".first_inner", linear(attended, layer.attention_out), name + ".attended",
                   layer.attention_second_norm);
    const std::string x = graph_.node({"Add"}, name + ".attended", {input, projected});
    const std::string second =
        normalised(name + ".second", x, layer.feed_out.name, layer.feed_norm);
    const std::string wide = gated(name + ".activation", second, layer.feed_in);
    const std::string narrow = normalised(name + ".second_inner", linear(wide, layer.feed_out),
                                          name + ".narrow", layer.feed_second_norm);
    return graph_.node({"Add"}, name, {x, narrow});
  }

  std::string layer(const std::string& input, std::size_t i) {
    if (spec_.block.norm_first) return layer_norm_first(input, i);
    const LayerWeights& layer = weights_.layers[i];
    const std::string name = "layer." + std::to_string(i);
    const std::string attended = attention(name, input, i);
    const std::string projected = linear(attended, layer.attention_out);
    std::string x = add_and_norm(name + ".attended", input, projected, layer.attention_out,
                                 layer.attention_norm);
    if (spec_.block.outer_norm) {
      const std::string sum = graph_.node({"Add"}, name + ".attended_twice", {input, x});
      x = normalised(name + ".second", sum, name + ".second", layer.attention_second_norm);
    }
    const std::string wide = spec_.block.gated
                                 ? gated(name + ".activation", x, layer.feed_in)
                                 : biased_activation(graph_, spec_.activation, name + ".activation",
                                                     linear(x, layer.feed_in), bias(layer.feed_in));
    const std::string narrow = linear(wide, layer.feed_out);
    const std::string output = i + 1 == spec_.layers ? "token_embeddings" : name;
    return add_and_norm(output, x, narrow, layer.feed_out, layer.feed_norm);
  }

  const ModelSpec& spec_;
  const EncoderWeights& weights_;
  const PortableOptions& options_;
  GraphBuilder& graph_;
  std::string ids_;
  std::string mask_;
  std::string types_;
  std::string tasks_;
  std::string task_column_;            // [batch, 1]
  std::vector<std::string> rotation_;  // cos and sin
  std::vector<std::string> window_rotation_;
  std::string window_;
  std::string score_bias_;
  std::string first_position_;
  std::string split_sizes_;
  std::string gate_sizes_;
  std::map<std::vector<std::int64_t>, std::string> column_masks_;
};

}  // namespace

void build_portable(const ModelSpec& spec, const EncoderWeights& weights,
                    const PortableOptions& options, GraphBuilder& graph) {
  PortableBuilder(spec, weights, options, graph).build();
}

}  // namespace nestvec
