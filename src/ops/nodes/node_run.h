// SPDX-License-Identifier: Apache-2.0
// What nodes are given at each run.
#pragma once

#include <onnxruntime_cxx_api.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "ops/engine_context.h"

namespace nestvec {

// Sequences behind one another.
struct NodeBatch {
  std::span<const std::int64_t> offsets;  // [N+1], from 0 to the rows, not descending
  std::span<const std::int64_t> tasks;    // [N], -1: base weights
};

// The inputs and outputs of one run of a node. Which value is wired to which input is the graph's
// to say, so the shapes are checked at each run. All of these throw Error kDataLoss for another
// shape than the node can take.
class NodeRun {
 public:
  explicit NodeRun(OrtKernelContext* context) : context_(context) {}

  // Whether an optional input is there.
  bool has(std::size_t index) const;
  // An input [n, width], and one [n].
  std::span<const float> rows(std::size_t index, std::size_t width) const;
  std::span<const std::int64_t> ints(std::size_t index) const;
  // An input [n, 2] of ranges, begin and end, of `rows` rows.
  std::span<const std::int64_t> ranges(std::size_t index, std::size_t rows) const;
  // The inputs 1 and 2, offsets and tasks, for so many rows.
  NodeBatch batch(std::size_t rows) const;

  // The output [rows, width].
  float* output(std::size_t rows, std::size_t width) const;

 private:
  Ort::ConstValue input(std::size_t index) const;
  Ort::KernelContext context_;
};

// The task of each row, each below `tasks`. Null where none has one.
const std::int32_t* row_tasks(const NodeBatch& batch, std::size_t tasks, EngineContext& context);

}  // namespace nestvec
