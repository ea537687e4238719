// SPDX-License-Identifier: Apache-2.0
// Nodes of what stands on an encoder, for the domain; see node.h.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "ops/nodes/node_inputs.h"
#include "ops/nodes/node_reader.h"
#include "ops/nodes/node_run.h"
#include "ops/vocabulary.h"

namespace nestvec {

// x [S, K] -> activation(W x + bias), [S, N]
class DenseKernel {
 public:
  static constexpr const char* kName = "PackedDense";
  static constexpr bool kInPlace = false;
  static constexpr ONNXTensorElementDataType kOutput = kFloat;
  static constexpr auto kInputs = [] {
    std::array<NodeInput, 7> all = {{{"x", kFloat}}};
    std::ranges::copy(linear_inputs(""), all.begin() + 1);
    return all;
  }();

  DenseKernel(const NodeReader& node, EngineContext& context)
      : layer_(node.linear(1, "")), context_(context) {
    node.expect_equal(layer_.adapters.tasks, 0, "attribute \"tasks\"");
    activation_ = static_cast<Activation>(
        node.size("activation", {0, static_cast<std::int64_t>(Activation::kTanh)}));
  }

  void run(const NodeRun& run) {
    const std::span<const float> x = run.rows(0, layer_.shape.inputs);
    const std::size_t rows = x.size() / layer_.shape.inputs;
    float* out = run.output(rows, layer_.shape.outputs);
    if (context_.rehearsal || rows == 0) return;
    linear(layer_, {.x = x.data(), .rows = rows}, {.out = out, .activation = activation_},
           context_);
  }

 private:
  LinearLayer layer_;
  Activation activation_ = Activation::kNone;
  EngineContext& context_;
};

// Rows of all ranges together.
inline std::size_t rows_of(std::span<const std::int64_t> spans) {
  std::size_t rows = 0;
  for (std::size_t i = 0; i < spans.size(); i += 2) {
    rows += static_cast<std::size_t>(spans[i + 1] - spans[i]);
  }
  return rows;
}

// x [T, K], spans [M, 2] -> W x + bias of the rows of the spans, [their rows, N]
class SpanRowsKernel {
 public:
  static constexpr const char* kName = "PackedSpanRows";
  static constexpr bool kInPlace = false;
  static constexpr ONNXTensorElementDataType kOutput = kFloat;
  static constexpr auto kInputs = [] {
    std::array<NodeInput, 8> all = {{{"x", kFloat}, {"spans", kInt64}}};
    std::ranges::copy(linear_inputs(""), all.begin() + 2);
    return all;
  }();

  SpanRowsKernel(const NodeReader& node, EngineContext& context)
      : layer_(node.linear(2, "")), context_(context) {
    node.expect_equal(layer_.adapters.tasks, 0, "attribute \"tasks\"");
  }

  void run(const NodeRun& run) {
    const std::span<const float> x = run.rows(0, layer_.shape.inputs);
    const std::span<const std::int64_t> spans = run.ranges(1, x.size() / layer_.shape.inputs);
    const std::size_t rows = rows_of(spans);
    float* out = run.output(rows, layer_.shape.outputs);
    if (!context_.rehearsal && rows > 0) span_rows(layer_, {x, spans}, out, context_);
  }

 private:
  LinearLayer layer_;
  EngineContext& context_;
};

// x [T, H], spans [M, 2] -> a masked language model's scores pooled over each span, [M, V]
class VocabularyKernel {
 public:
  static constexpr const char* kName = "PackedVocabulary";
  static constexpr bool kInPlace = false;
  static constexpr ONNXTensorElementDataType kOutput = kFloat;
  static constexpr auto kInputs = [] {
    std::array<NodeInput, 16> all = {{{"x", kFloat}, {"spans", kInt64}}};
    std::ranges::copy(linear_inputs("transform_"), all.begin() + 2);
    std::ranges::copy(linear_inputs("decoder_"), all.begin() + 8);
    all[14] = {"norm_weight", kFloat};
    all[15] = {"norm_bias", kFloat};
    return all;
  }();

  VocabularyKernel(const NodeReader& node, EngineContext& context) : context_(context) {
    layer_.transform = node.linear(2, "transform_");
    layer_.decoder = node.linear(8, "decoder_");
    const std::size_t width = layer_.transform.shape.outputs;
    layer_.norm = node.norm(14, width);
    node.expect_equal(layer_.transform.adapters.tasks, 0, "attribute \"tasks\"");
    node.expect_equal(layer_.decoder.adapters.tasks, 0, "attribute \"tasks\"");
    node.expect_equal(layer_.transform.shape.inputs, width,
                      "attribute \"transform_inputs\" and \"transform_outputs\"");
    node.expect_equal(layer_.decoder.shape.inputs, width,
                      "attribute \"decoder_inputs\" and \"transform_outputs\"");
    layer_.activation = static_cast<Activation>(
        node.size("activation", {0, static_cast<std::int64_t>(Activation::kTanh)}));
    layer_.pooling = static_cast<VocabularyPooling>(node.size("pooling", kFlag));
    layer_.scale = static_cast<VocabularyScale>(node.size("scale", kFlag));
  }

  void run(const NodeRun& run) {
    const std::size_t width = layer_.transform.shape.inputs;
    const std::span<const float> x = run.rows(0, width);
    const std::span<const std::int64_t> spans = run.ranges(1, x.size() / width);
    float* out = run.output(spans.size() / 2, layer_.decoder.shape.outputs);
    if (!context_.rehearsal) vocabulary_rows(layer_, {x, spans}, out, context_);
  }

 private:
  VocabularyLayer layer_;
  EngineContext& context_;
};

}  // namespace nestvec
