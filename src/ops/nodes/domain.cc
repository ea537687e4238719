// SPDX-License-Identifier: Apache-2.0
#include "ops/nodes/domain.h"

#include <algorithm>
#include <array>

#include "ops/embedding.h"
#include "ops/nodes/head_kernels.h"
#include "ops/nodes/node.h"
#include "ops/nodes/node_inputs.h"
#include "ops/pool.h"
#include "ops/self_attention.h"
#include "ops/team.h"

namespace nestvec {
namespace {

// The inputs that both halves of a layer have: x [T, H], offsets [N+1], tasks [N], two linear
// layers and the norm at the end.
constexpr std::array<NodeInput, 17> half_layer_inputs(const char* first, const char* second) {
  std::array<NodeInput, 17> all = {{{"x", kFloat}, {"offsets", kInt64}, {"tasks", kInt64}}};
  std::ranges::copy(linear_inputs(first), all.begin() + 3);
  std::ranges::copy(linear_inputs(second), all.begin() + 9);
  all[15] = {"norm_weight", kFloat, true};
  all[16] = {"norm_bias", kFloat, true};
  return all;
}

// ids [T], offsets [N+1], tasks [N] and, in a graph for pairs of texts, the token types [T] or, for
// texts alone, [0] -> [T, H]
class EmbeddingKernel {
 public:
  static constexpr const char* kName = "PackedEmbedding";
  static constexpr bool kInPlace = false;
  static constexpr ONNXTensorElementDataType kOutput = kFloat;
  static constexpr NodeInput kInputs[] = {{"ids", kInt64},
                                          {"offsets", kInt64},
                                          {"tasks", kInt64},
                                          {"words", kAny},
                                          {"types", kFloat, true},
                                          {"norm_weight", kFloat, true},
                                          {"norm_bias", kFloat, true},
                                          {"positions", kFloat, true},
                                          {"down", kFloat, true},
                                          {"up", kFloat, true},
                                          {"token_types", kInt64, true}};

  EmbeddingKernel(const NodeReader& node, EngineContext& context) : context_(context) {
    layer_.width = node.size("width", kAnyWidth);
    layer_.vocabulary = node.size("vocabulary", kAnyVocabulary);
    layer_.tasks = node.size("tasks", kAnyTasks);
    layer_.rank = node.size("rank", kAnyRank);
    layer_.first_position = node.size("first_position", kAnyPosition);
    layer_.pad_id = node.integer("pad_id");
    const std::size_t cells = layer_.vocabulary * layer_.width;
    if (node.type(3) == kByte) {
      read_panels(node);
    } else if (node.type(3) == kBf16) {
      layer_.words_bf16 = node.bf16(3, cells);
    } else {
      layer_.words = node.floats(3, cells);
    }
    if (node.has(4)) read_types(node);
    if (node.has(5)) layer_.norm = node.norm(5, layer_.width);
    layer_.scale = node.positive_or_zero("scale");
    if (node.takes(kTypes)) {
      node.expect_equal(layer_.tasks, 0, "attribute \"tasks\" beside input \"token_types\"");
    }
    if (node.has(7)) {
      layer_.position_rows = node.rows(7, layer_.width);
      layer_.positions = node.floats(7, layer_.position_rows * layer_.width);
      if (layer_.first_position >= layer_.position_rows) {
        node.refuse("attribute \"first_position\" is " + std::to_string(layer_.first_position) +
                    " of a table of " + std::to_string(layer_.position_rows) + " rows");
      }
    }
    const std::size_t vectors = layer_.tasks * layer_.rank;
    if (!node.has(8)) return;
    layer_.down = node.floats(8, layer_.vocabulary * vectors);
    layer_.up = node.floats(9, vectors * layer_.width);
  }

  void run(const NodeRun& run) {
    const std::span<const std::int64_t> ids = run.ints(0);
    const NodeBatch batch = run.batch(ids.size());
    const std::span<const std::int64_t> types = types_of(run, ids.size());
    float* out = run.output(ids.size(), layer_.width);
    if (context_.rehearsal) return;
    embedding(layer_, {ids, batch.offsets, batch.tasks, types}, out, context_);
  }

 private:
  static constexpr std::size_t kTypes = 10;

  std::span<const std::int64_t> types_of(const NodeRun& run, std::size_t tokens) const {
    if (!run.has(kTypes)) return {};
    const std::span<const std::int64_t> types = run.ints(kTypes);
    if (types.empty() || types.size() == tokens) return types;
    throw Error(ErrorCode::kDataLoss, "input 10 has " + std::to_string(types.size()) +
                                          " token types for " + std::to_string(tokens) + " tokens");
  }

  void read_panels(const NodeReader& node) {
    layer_.word_type = node.weight_type("word_weights");
    if (layer_.word_type == WeightType::kS8) {
      node.refuse("attribute \"word_weights\" is s8, expected f32 or bf16");
    }
    const PackedShape shape{layer_.word_type, layer_.vocabulary, layer_.width};
    layer_.word_panels = node.bytes(3, shape.bytes());
  }

  // A table of more rows than the tasks have is one of token types: "token_types" then has how many
  // tokens stand before the text, their types, the text's, and those of the tokens behind it.
  void read_types(const NodeReader& node) {
    const std::size_t rows = node.rows(4, layer_.width);
    layer_.type_rows = rows;
    layer_.types = node.floats(4, rows * layer_.width);
    if (rows == 1 + layer_.tasks) return;
    if (layer_.tasks > 0) node.expect_equal(rows, 1 + layer_.tasks, "rows of input \"types\"");
    const std::vector<std::int64_t> types = node.integers("token_types");
    const bool fits = types.size() > 1 && types[0] >= 0 &&
                      static_cast<std::uint64_t>(types[0]) <= types.size() - 2 &&
                      std::all_of(types.begin() + 1, types.end(), [&](std::int64_t type) {
                        return type >= 0 && static_cast<std::uint64_t>(type) < rows;
                      });
    if (!fits) {
      node.refuse("attribute \"token_types\" does not fit the " + std::to_string(rows) +
                  " rows of input \"types\"");
    }
    const auto text = types.begin() + 1 + types[0];
    layer_.token_types = {
        {types.begin() + 1, text}, static_cast<std::uint32_t>(*text), {text + 1, types.end()}};
  }

  EmbeddingLayer layer_;
  EngineContext& context_;
};

// The two linear layers of half a layer, [H, ...] and back.
struct LayerPair {
  const LinearLayer& first;
  const LinearLayer& second;

  std::size_t width() const { return first.shape.inputs; }  // H
  std::size_t tasks() const { return std::max(first.adapters.tasks, second.adapters.tasks); }
  // The second one's rows are added to those that the first one read.
  void check(const NodeReader& node) const {
    node.expect_equal(second.shape.outputs, first.shape.inputs,
                      "attribute \"out_outputs\" and the inputs of the first layer");
  }
};

// The inputs x, offsets, tasks, with which such nodes begin.
struct HalfLayerInput {
  LinearInput in;
  NodeBatch batch;
};
HalfLayerInput input_of(const LayerPair& layers, const NodeRun& run, EngineContext& context) {
  const std::span<const float> x = run.rows(0, layers.width());
  const std::size_t rows = x.size() / layers.width();
  const NodeBatch batch = run.batch(rows);
  const std::size_t tasks = layers.tasks();
  return {{.x = x.data(),
           .rows = rows,
           .tasks = tasks > 0 ? row_tasks(batch, tasks, context) : nullptr},
          batch};
}

// The norm of such a node, whose weights are inputs 15 and 16. Only with norms first may it be
// missing: the first layer of ModernBERT has none before its attention.
NormLayer half_layer_norm(const NodeReader& node, std::size_t width, bool optional) {
  if (node.has(15)) return node.norm(15, width);
  if (!optional) node.refuse("input \"norm_weight\" is missing");
  return {};
}

// How far a token sees: that of an attribute, counted from 1; 0: all tokens.
std::size_t reach(const NodeReader& node, const char* attribute) {
  const std::size_t value = node.size_or_zero(attribute, kAnyPosition);
  return value == 0 ? SIZE_MAX : value - 1;
}

// x [T, H], offsets [N+1], tasks [N] -> what self_attention() computes, [T, H]
class SelfAttentionKernel {
 public:
  static constexpr const char* kName = "PackedSelfAttention";
  static constexpr bool kInPlace = true;
  static constexpr ONNXTensorElementDataType kOutput = kFloat;
  static constexpr auto kInputs = [] {
    std::array<NodeInput, 28> all;
    std::ranges::copy(half_layer_inputs("qkv_", "out_"), all.begin());
    all[17] = {"cos", kFloat, true};
    all[18] = {"sin", kFloat, true};
    all[19] = {"query_norm", kFloat, true};
    all[20] = {"key_norm", kFloat, true};
    all[21] = {"score_bias", kFloat, true};
    all[22] = {"queries_norm_weight", kFloat, true};
    all[23] = {"queries_norm_bias", kFloat, true};
    all[24] = {"keys_norm_weight", kFloat, true};
    all[25] = {"keys_norm_bias", kFloat, true};
    all[26] = {"second_norm_weight", kFloat, true};
    all[27] = {"second_norm_bias", kFloat, true};
    return all;
  }();

  SelfAttentionKernel(const NodeReader& node, EngineContext& context) : context_(context) {
    layer_.qkv = node.linear(3, "qkv_");
    layer_.out = node.linear(9, "out_");
    layer_.norm_first = node.size_or_zero("norm_first", kFlag) != 0;
    layer_.norm = half_layer_norm(node, layer_.out.shape.outputs, layer_.norm_first);
    if (node.has(26)) layer_.second_norm = node.norm(26, layer_.out.shape.outputs);
    layers_.check(node);
    read_heads(node);
    read_positions(node);
  }

  void run(const NodeRun& run) {
    const auto [in, batch] = input_of(layers_, run, context_);
    float* out = run.output(in.rows, layers_.width());
    if (context_.rehearsal) return;
    const std::span<const std::int64_t> offsets = batch.offsets;
    for (std::size_t i = 0; positions_ > 0 && i + 1 < offsets.size(); ++i) {
      const auto length = static_cast<std::size_t>(offsets[i + 1] - offsets[i]);
      if (length <= positions_) continue;
      throw Error(ErrorCode::kInvalidArgument,
                  "sequence " + std::to_string(i) + " has " + std::to_string(length) +
                      " tokens, the graph was compiled for " + std::to_string(positions_));
    }
    self_attention(layer_, in, offsets, out, context_);
  }

 private:
  void read_heads(const NodeReader& node) {
    AttentionLayer& attention = layer_.attention;
    attention.heads = node.size("heads", kAnyWidth);
    attention.kv_heads = node.size_or_zero("kv_heads", kAnyWidth);
    attention.head_width = node.size("head_width", {1, kMaxHeadWidth});
    attention.query_norm = node.head_norm(19, attention.head_width);
    attention.key_norm = node.head_norm(20, attention.head_width);
    attention.scale = node.positive_or_zero("scale");
    attention.before = reach(node, "before");
    attention.behind = reach(node, "behind");
    const std::size_t width = attention.heads * attention.head_width;
    const std::size_t keys = attention.key_heads() * attention.head_width;
    if (node.has(22)) {
      layer_.queries_norm = node.norm(22, width);
      layer_.keys_norm = node.norm(24, keys);
    }
    node.expect_equal(attention.heads % attention.key_heads(), 0,
                      "what attribute \"kv_heads\" leaves of \"heads\"");
    node.expect_equal(layer_.qkv.outputs(), width + 2 * keys,
                      "attribute \"qkv_outputs\" and all heads");
    node.expect_equal(layer_.out.shape.inputs, width, "attribute \"out_inputs\" and all heads");
  }

  void read_positions(const NodeReader& node) {
    AttentionLayer& attention = layer_.attention;
    if (node.has(17)) {
      const std::size_t half = attention.head_width / 2;
      positions_ = node.rows(17, half);
      attention.cos = node.floats(17, positions_ * half);
      attention.sin = node.floats(18, positions_ * half);
    }
    if (!node.has(21)) return;
    const std::size_t distances = node.columns(21, attention.heads);
    attention.bias = node.floats(21, attention.heads * distances);
    attention.bias_positions = (distances + 1) / 2;
    node.expect_equal(distances % 2, 1, "the distances of \"score_bias\" modulo 2");
    const std::size_t both = std::min(positions_, attention.bias_positions);
    positions_ = positions_ > 0 ? both : attention.bias_positions;
  }

  SelfAttentionLayer layer_;
  LayerPair layers_{layer_.qkv, layer_.out};
  std::size_t positions_ = 0;
  EngineContext& context_;
};

// x [T, H], offsets, tasks -> what feed_forward() computes, [T, H]
class FeedForwardKernel {
 public:
  static constexpr const char* kName = "PackedFeedForward";
  static constexpr bool kInPlace = true;
  static constexpr ONNXTensorElementDataType kOutput = kFloat;
  static constexpr auto kInputs = half_layer_inputs("in_", "out_");

  FeedForwardKernel(const NodeReader& node, EngineContext& context) : context_(context) {
    layer_.in = node.linear(3, "in_");
    layer_.out = node.linear(9, "out_");
    layer_.norm = half_layer_norm(node, layer_.out.shape.outputs, false);
    layer_.norm_first = node.size_or_zero("norm_first", kFlag) != 0;
    layers_.check(node);
    node.expect_equal(layer_.out.shape.inputs, layer_.in.outputs(),
                      "attribute \"out_inputs\" and the outputs of the first layer");
    layer_.activation = static_cast<Activation>(
        node.size("activation", {0, static_cast<std::int64_t>(Activation::kSilu)}));
  }

  void run(const NodeRun& run) {
    const LinearInput in = input_of(layers_, run, context_).in;
    float* out = run.output(in.rows, layers_.width());
    if (!context_.rehearsal) feed_forward(layer_, in, out, context_);
  }

 private:
  FeedForwardLayer layer_;
  LayerPair layers_{layer_.in, layer_.out};
  EngineContext& context_;
};

// x [T, H] -> norm(x), [T, H]
class NormKernel {
 public:
  static constexpr const char* kName = "PackedNorm";
  static constexpr bool kInPlace = true;
  static constexpr ONNXTensorElementDataType kOutput = kFloat;
  static constexpr NodeInput kInputs[] = {
      {"x", kFloat}, {"norm_weight", kFloat}, {"norm_bias", kFloat, true}};

  NormKernel(const NodeReader& node, EngineContext& context)
      : width_(node.size("width", kAnyWidth)), norm_(node.norm(1, width_)), context_(context) {}

  void run(const NodeRun& run) {
    const std::span<const float> x = run.rows(0, width_);
    const std::size_t rows = x.size() / width_;
    float* out = run.output(rows, width_);
    if (context_.rehearsal) return;
    Team(context_).for_rows(rows, [&](std::size_t first, std::size_t end) {
      for (std::size_t i = first; i < end; ++i) {
        norm_.run(context_.kernels, x.data() + i * width_, out + i * width_);
      }
    });
  }

 private:
  std::size_t width_;
  NormLayer norm_;
  EngineContext& context_;
};

// x [T, H], spans [M, 2] (begin and end) -> the mean of each, [M, H]
class SpanMeanKernel {
 public:
  static constexpr const char* kName = "SpanMean";
  static constexpr bool kInPlace = false;
  static constexpr ONNXTensorElementDataType kOutput = kFloat;
  static constexpr NodeInput kInputs[] = {{"x", kFloat}, {"spans", kInt64}};

  SpanMeanKernel(const NodeReader& node, EngineContext& context)
      : width_(node.size("width", kAnyWidth)), context_(context) {}

  void run(const NodeRun& run) {
    const std::span<const float> x = run.rows(0, width_);
    const std::span<const std::int64_t> spans = run.ranges(1, x.size() / width_);
    float* out = run.output(spans.size() / 2, width_);
    if (context_.rehearsal) return;
    context_.pool.parallel_for(spans.size() / 2, [&](std::size_t i, std::size_t) {
      const auto begin = static_cast<std::size_t>(spans[2 * i]);
      const auto end = static_cast<std::size_t>(spans[2 * i + 1]);
      pool_mean(x.subspan(begin * width_, (end - begin) * width_), {out + i * width_, width_});
    });
  }

 private:
  std::size_t width_;
  EngineContext& context_;
};

}  // namespace

struct NodeDomain::Nodes {
  explicit Nodes(EngineContext& context)
      : embedding(context),
        self_attention(context),
        feed_forward(context),
        norm(context),
        dense(context),
        span_rows(context),
        vocabulary(context),
        span_mean(context) {
    domain.Add(&embedding);
    domain.Add(&self_attention);
    domain.Add(&feed_forward);
    domain.Add(&norm);
    domain.Add(&dense);
    domain.Add(&span_rows);
    domain.Add(&vocabulary);
    domain.Add(&span_mean);
  }

  Node<EmbeddingKernel> embedding;
  Node<SelfAttentionKernel> self_attention;
  Node<FeedForwardKernel> feed_forward;
  Node<NormKernel> norm;
  Node<DenseKernel> dense;
  Node<SpanRowsKernel> span_rows;
  Node<VocabularyKernel> vocabulary;
  Node<SpanMeanKernel> span_mean;
  Ort::CustomOpDomain domain{kNodeDomain};
};

NodeDomain::NodeDomain(EngineContext& context) : nodes_(std::make_unique<Nodes>(context)) {}
NodeDomain::~NodeDomain() = default;

OrtCustomOpDomain* NodeDomain::get() const noexcept { return nodes_->domain; }

}  // namespace nestvec
