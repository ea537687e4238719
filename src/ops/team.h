// SPDX-License-Identifier: Apache-2.0
// Who works on a block of rows: all threads together, or one of them beside others that have blocks
// of their own.
#pragma once

#include <algorithm>
#include <cstddef>

#include "ops/engine_context.h"

namespace nestvec {

class Team {
 public:
  // All threads; the caller is the one that runs the model.
  explicit Team(EngineContext& context)
      : context_(context),
        scratch_(context.row_scratch.front()),
        threads_(context.pool.threads()) {}
  // The calling thread alone, `thread` of a loop of the pool.
  Team(EngineContext& context, std::size_t thread)
      : context_(context), scratch_(context.row_scratch[thread]), threads_(1) {}

  std::size_t threads() const noexcept { return threads_; }
  const EngineContext& context() const noexcept { return context_; }
  const Kernels& kernels() const noexcept { return context_.kernels; }
  RowScratch& scratch() const noexcept { return scratch_; }

  // body(index) for each index below `count`; each thread walks neighbours.
  template <class Body>
  void for_runs(std::size_t count, Body body) const {
    if (threads_ == 1) {
      for (std::size_t index = 0; index < count; ++index) body(index);
    } else {
      context_.pool.parallel_runs(count, [&](std::size_t index, std::size_t) { body(index); });
    }
  }

  // body(first, end) for pieces of all rows, of several where there are many.
  template <class Body>
  void for_rows(std::size_t rows, Body body) const {
    const std::size_t size = std::clamp<std::size_t>(rows / (4 * threads_), 1, 16);
    for_runs((rows + size - 1) / size,
             [&](std::size_t piece) { body(piece * size, std::min(rows, (piece + 1) * size)); });
  }

 private:
  EngineContext& context_;
  RowScratch& scratch_;
  std::size_t threads_;
};

}  // namespace nestvec
