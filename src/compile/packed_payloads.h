// SPDX-License-Identifier: Apache-2.0
// Weights as the packed graph's operators want them, made from a checkpoint block by block.
#pragma once

#include "compile/encoder_weights.h"
#include "compile/graph.h"
#include "ops/packed_matrix.h"

namespace nestvec {

// The functions below keep views into `weights` and a reference to it: it must outlive the payload.

// The layer's weight in panels, bytes [panels, panel bytes].
Payload packed_panels(const EncoderWeights& weights, const LinearWeights& linear, WeightType type);

// Scales (fp32) and sums (int32) of an s8 weight, [N rounded up to 32] each.
Payload column_scales(const LinearWeights& linear);
Payload column_sums(const LinearWeights& linear);

// The bias, [N rounded up to 32].
Payload padded_bias(const LinearWeights& linear);

// The updates of all tasks, each stacked to the same rank: the largest in this layer, times the
// projections that have updates of their own.
struct StackedUpdates {
  std::size_t rank = 0;  // 0: no task updates this layer
  Payload down;          // [tasks, rank, K]
  Payload up;            // [tasks, rank, N rounded up to 32], scaling folded in
};
StackedUpdates stacked_updates(const LinearWeights& linear);

// The updates of a table: down [rows, tasks rank], up [tasks rank, width]. Every task has as many
// columns as the largest rank here, of zeros where it has no update. Rank 0: no task updates the
// table.
StackedUpdates stacked_updates(const EncoderWeights& weights, const TableWeights& table,
                               const AdapterSpec& adapters);

// A table as rows of w8 (ops/packed_matrix.h), int8 [rows, bytes of a row].
Payload w8_table(const EncoderWeights& weights, const TensorView& table);

// A table in the type it has in the checkpoint where that is bf16, else in fp32.
Payload compact_table(const EncoderWeights& weights, const TensorView& table);

}  // namespace nestvec
