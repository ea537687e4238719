// SPDX-License-Identifier: Apache-2.0
// What a caller gives the scheduler, and gets from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <vector>

#include "base/memory_account.h"
#include "base/out_of_memory.h"
#include "base/run_control.h"
#include "batch/fair_queue.h"
#include "batch/packed_batch.h"
#include "nestvec/error.h"
#include "nestvec/options.h"
#include "session/session.h"

namespace nestvec {

// Of one sequence.
struct SequenceOutput {
  std::vector<float> rows;     // [spans, width]
  std::vector<float> tokens;   // [length, width], where they were wanted
  TokenWeights sparse;         // of Sequence::sparse, where it is not empty
  std::vector<float> vectors;  // [tokens of Sequence::vectors, SideOutputs::token_vectors]
};

// The results of a job.
struct JobOutput {
  std::vector<SequenceOutput> sequences;  // in the job's order
  MemoryShare memory;                     // what they, and Job::answer_bytes, were charged
  double queue_seconds = 0;
  double compute_seconds = 0;
};

// A caller's sequences.
struct Job {
  std::vector<Sequence> sequences;  // at least one
  LaneId lane = 0;                  // of the model that is asked
  bool want_tokens = false;
  RunControl control;
  QueueOptions queue;
  // At most, of sparse weights and of vectors of tokens in the results.
  std::size_t side_bytes = 0;
  // What the caller will allocate for what it makes of the results: charged together with them.
  std::size_t answer_bytes = 0;
  std::function<void(Result<JobOutput>)> done;  // see Model::predict_async

  // Of the results.
  std::size_t output_bytes(std::size_t width) const;
};

// What `make` makes, or out_of_memory() where there is none for its text.
template <typename Make>
Error made_error(const Make& make) noexcept {
  try {
    return make();
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

// Refuses an answer that has no room in what all of them share. The account must have refused it.
Error no_memory_for_answer(const MemoryAccount& account, std::size_t bytes, double retry_seconds);

}  // namespace nestvec
