// SPDX-License-Identifier: Apache-2.0
// Divides a packed batch into the rectangular runs that a graph of stock ops can take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "batch/packed_batch.h"

namespace nestvec {

struct RunRules {
  bool can_pad = false;         // the graph has an attention mask
  bool one_task_a_run = false;  // the graph takes a single task
  std::size_t max_rows = 0;     // sequences of a run at most; 0 = any number
  std::uint32_t length = 0;     // of every run, where the graph fixes it; then it can pad
};

// One call of the graph: these sequences of the batch, each padded to `length`.
struct GraphRun {
  std::vector<std::uint32_t> sequences;
  std::uint32_t length = 0;
  std::int32_t task = kNoTask;  // meaningful with one_task_a_run
};

// Every sequence in exactly one run. Without a mask all sequences of a run have the same length;
// with one, sequences of like lengths share a run as long as padding stays under a quarter of its
// tokens. Where the length is fixed, no sequence may be longer.
std::vector<GraphRun> plan_runs(const PackedBatch& batch, const RunRules& rules);

}  // namespace nestvec
