// SPDX-License-Identifier: Apache-2.0
#include "ops/vocabulary.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace nestvec {
namespace {

// The part of a span in a block.
struct SpanPiece {
  std::size_t span = 0;
  std::size_t first = 0;  // row of the block
  std::size_t rows = 0;
};

// Neighbouring rows of the batch that spans have.
struct SpanBlock {
  std::size_t begin = 0;  // row of the batch
  std::size_t rows = 0;
  std::vector<SpanPiece> pieces;
};

std::vector<SpanBlock> blocks_of(std::span<const std::int64_t> spans, std::size_t most) {
  std::vector<SpanBlock> blocks;
  for (std::size_t i = 0; i < spans.size() / 2; ++i) {
    const auto end = static_cast<std::size_t>(spans[2 * i + 1]);
    for (auto begin = static_cast<std::size_t>(spans[2 * i]); begin < end;) {
      const bool follows = !blocks.empty() && blocks.back().rows < most &&
                           blocks.back().begin + blocks.back().rows == begin;
      if (!follows) blocks.push_back({begin, 0, {}});
      SpanBlock& block = blocks.back();
      const std::size_t rows = std::min(end - begin, most - block.rows);
      block.pieces.push_back({i, block.rows, rows});
      block.rows += rows;
      begin += rows;
    }
  }
  return blocks;
}

// The outputs [first, first + count) of a layer; `first` is a multiple of a panel.
LinearLayer columns_of(const LinearLayer& layer, std::size_t first, std::size_t count) {
  LinearLayer part = layer;
  const std::size_t panel = first / kPanel;
  part.shape.outputs = count;
  part.panels = static_cast<const std::byte*>(layer.panels) + panel * layer.shape.panel_bytes();
  part.bias += first;
  if (part.scales != nullptr) part.scales += first;
  if (part.sums != nullptr) part.sums += first;
  return part;
}

float scaled(float score, VocabularyScale scale) {
  if (!(score > 0.0f)) return 0.0f;
  const float once = std::log1p(score);
  return scale == VocabularyScale::kLogTwice ? std::log1p(once) : once;
}

bool is_finite(std::span<const float> x) {
  return std::all_of(x.begin(), x.end(), [](float value) { return std::isfinite(value); });
}

class VocabularyPool {
 public:
  VocabularyPool(const VocabularyLayer& layer, const VocabularyInput& in, float* out,
                 EngineContext& context)
      : layer_(layer), in_(in), out_(out), context_(context), spoilt_(in.spans.size() / 2) {}

  void run() {
    // A sum begins at 0; so may a maximum, because scores below 0 count as 0.
    std::fill_n(out_, spoilt_.size() * vocabulary(), 0.0f);
    for (const SpanBlock& block : blocks_of(in_.spans, kVocabularyRows)) run_block(block);
    for (std::size_t i = 0; i < spoilt_.size(); ++i) {
      if (spoilt_[i] == 0) continue;
      std::fill_n(out_ + i * vocabulary(), vocabulary(), std::numeric_limits<float>::quiet_NaN());
    }
    if (layer_.pooling == VocabularyPooling::kMax) scale_maxima();
  }

 private:
  std::size_t width() const { return layer_.transform.shape.inputs; }
  std::size_t vocabulary() const { return layer_.decoder.shape.outputs; }

  void run_block(const SpanBlock& block) {
    auto* const states = context_.head_states.get<float>(block.rows * width());
    linear(layer_.transform, {.x = in_.x.data() + block.begin * width(), .rows = block.rows},
           {.out = states, .activation = layer_.activation, .norm = &layer_.norm}, context_);
    note_spoilt(block, states);
    for (std::size_t first = 0; first < vocabulary(); first += kVocabularyColumns) {
      context_.pause();
      const std::size_t columns = std::min(kVocabularyColumns, vocabulary() - first);
      auto* const scores = context_.scores.get<float>(block.rows * columns);
      linear(columns_of(layer_.decoder, first, columns), {.x = states, .rows = block.rows},
             {.out = scores}, context_);
      pool(block, scores, first, columns);
    }
  }

  void note_spoilt(const SpanBlock& block, const float* states) {
    for (const SpanPiece& piece : block.pieces) {
      const std::size_t size = piece.rows * width();
      if (!is_finite({states + piece.first * width(), size})) spoilt_[piece.span] = 1;
    }
  }

  // Threads share the columns, so that each adds up a text's tokens in their order.
  void pool(const SpanBlock& block, const float* scores, std::size_t first, std::size_t columns) {
    constexpr std::size_t kShare = 128;
    context_.pool.parallel_for((columns + kShare - 1) / kShare, [&](std::size_t i, std::size_t) {
      const std::size_t begin = i * kShare;
      const std::size_t count = std::min(kShare, columns - begin);
      for (const SpanPiece& piece : block.pieces) {
        float* const out = out_ + piece.span * vocabulary() + first + begin;
        for (std::size_t row = piece.first; row < piece.first + piece.rows; ++row) {
          add({scores + row * columns + begin, count}, out);
        }
      }
    });
  }

  void add(std::span<const float> scores, float* out) const {
    if (layer_.pooling == VocabularyPooling::kMax) {
      for (std::size_t i = 0; i < scores.size(); ++i) out[i] = std::max(out[i], scores[i]);
    } else {
      for (std::size_t i = 0; i < scores.size(); ++i) out[i] += scaled(scores[i], layer_.scale);
    }
  }

  // The scale rises with the score, so the maximum may be scaled in place of each score.
  void scale_maxima() {
    context_.pool.parallel_for(spoilt_.size(), [&](std::size_t i, std::size_t) {
      if (spoilt_[i] != 0) return;
      for (float& value : std::span(out_ + i * vocabulary(), vocabulary())) {
        value = scaled(value, layer_.scale);
      }
    });
  }

  const VocabularyLayer& layer_;
  const VocabularyInput& in_;
  float* const out_;
  EngineContext& context_;
  std::vector<std::uint8_t> spoilt_;  // spans with a hidden state that is not finite
};

}  // namespace

void vocabulary_rows(const VocabularyLayer& layer, const VocabularyInput& in, float* out,
                     EngineContext& context) {
  VocabularyPool(layer, in, out, context).run();
}

void span_rows(const LinearLayer& layer, const VocabularyInput& in, float* out,
               EngineContext& context) {
  for (const SpanBlock& block : blocks_of(in.spans, in.x.size())) {
    linear(layer, {.x = in.x.data() + block.begin * layer.shape.inputs, .rows = block.rows},
           {.out = out}, context);
    out += block.rows * layer.shape.outputs;
  }
}

}  // namespace nestvec
