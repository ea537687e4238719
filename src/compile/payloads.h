// SPDX-License-Identifier: Apache-2.0
// Weights as a graph of fp32 stock ops wants them, made from a checkpoint block by block.
#pragma once

#include <cstdint>
#include <vector>

#include "compile/encoder_weights.h"
#include "compile/graph.h"

namespace nestvec {

// The functions below keep views into `weights` and a reference to it: it must outlive the payload.

// A tensor as it is, in fp32.
Payload copied(const EncoderWeights& weights, const TensorView& tensor);

// Vectors behind one another: [sum of lengths].
Payload joined(const EncoderWeights& weights, const std::vector<TensorView>& vectors);

// The layer's weight as the right-hand side of a product, [in, out].
Payload transposed(const EncoderWeights& weights, const LinearWeights& linear);

// Values that are there already. Precondition: their number is the product of `shape`.
Payload computed(std::vector<std::int64_t> shape, std::vector<float> values);

// What the word table is multiplied by, in its own precision, as PyTorch does; 0: nothing.
float embedding_scale(const ModelSpec& spec, const EncoderWeights& weights);

// A norm's weight, as the block stores it.
Payload norm_weight(const EncoderWeights& weights, const NormWeights& norm, const BlockSpec& block);

// A LayerNorm's bias; zeros where it has none.
Payload norm_bias(const EncoderWeights& weights, const NormWeights& norm);

// The side paths of all tasks as two products: x down [in, C], masked by the sequence's task, times
// up [C, out], which has the scaling folded in. Column c belongs to task columns[c].
struct SidePath {
  std::vector<std::int64_t> columns;  // [C]; empty when no task updates this weight
  Payload down;
  Payload up;
};
SidePath side_path(const EncoderWeights& weights, const LinearWeights& linear);
// For a table, `down` is [rows, C], of which a row is gathered as of the table itself.
SidePath side_path(const EncoderWeights& weights, const TableWeights& table);

// [1 + tasks, width]: row 0 of the table as it is, then with each task's update.
Payload first_row_by_task(const TableWeights& table);

// [rows, width]: the first rows of a table that no task updates.
Payload first_rows(const TableWeights& table, std::size_t rows);

// cos and sin of position * base^(-2i / width) / divisor, [positions, width / 2]. Frequencies and
// angles are rounded to fp32 where PyTorch rounds them, so that long texts get the angles the model
// was trained on.
struct RotaryTables {
  Payload cos;
  Payload sin;
};
struct RotaryShape {
  double base;
  double divisor;  // of all frequencies
  std::size_t width;
  std::vector<float> frequencies = {};  // [width / 2], in place of those; empty: as above
  float magnitude = 1.0f;               // of cos and sin
};
// That of a model's layers, or of those with a window.
RotaryShape rotary_shape(const ModelSpec& spec, bool window);

RotaryTables rotary_tables(const RotaryShape& rotary, std::size_t positions);

}  // namespace nestvec
