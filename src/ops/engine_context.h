// SPDX-License-Identifier: Apache-2.0
// What all operators of a loaded graph share: threads, kernels, scratch memory and the wish to
// stop. Graphs that run on one thread share the first and the third, too.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "base/run_control.h"
#include "base/thread_pool.h"
#include "ops/isa.h"
#include "ops/kernels/table.h"

namespace nestvec {

// Memory that is reused from operator to operator. It grows to the largest demand, which the
// operators bound by working on kBlockRows rows at a time.
class Scratch {
 public:
  // At least `count` values, aligned to a cache line; what was there before is lost.
  template <class T>
  T* get(std::size_t count) {
    return static_cast<T*>(bytes(count * sizeof(T)));
  }
  std::size_t size() const noexcept { return size_; }

 private:
  struct Free {
    void operator()(void* memory) const { ::operator delete(memory, std::align_val_t{64}); }
  };
  void* bytes(std::size_t size) {
    if (size > size_) {
      memory_.reset();
      memory_.reset(::operator new(size, std::align_val_t{64}));
      size_ = size;
    }
    return memory_.get();
  }

  std::unique_ptr<void, Free> memory_;
  std::size_t size_ = 0;
};

// Rows that threads work on together: enough that streaming the weights for each block costs
// little, few enough that the block's activations stay in the last cache level.
inline constexpr std::size_t kBlockRows = 512;

// What a block of rows needs on its way through a layer.
struct RowScratch {
  Scratch normed;       // the input behind its norm
  Scratch activations;  // the same as the product reads it
  Scratch scales;       // of its rows
  Scratch low_rank;     // h = down x
  Scratch middle;       // a feed-forward layer's wide activations
};

// What belongs to one run. A run that takes place in a pause of another has a state of its own,
// which is swapped in for it; scratch keeps its addresses.
struct RunState {
  explicit RunState(std::size_t threads) : row_scratch(threads) {}

  // Of the run in progress; asked in each pause.
  const RunControl* control = nullptr;
  // Called in each pause, where another run may take place; null or empty: nobody waits for one.
  const std::function<void()>* on_pause = nullptr;
  // Activations stay fp32 whatever the weights are: slower, for values that bf16 or int8 cannot
  // carry.
  bool full_precision = false;

  // The run in progress is a rehearsal: nodes check shapes and make their outputs, but compute
  // nothing.
  bool rehearsal = false;

  std::vector<RowScratch> row_scratch;  // one a thread
  Scratch row_tasks;                    // of the batch's rows
  Scratch positions;                    // the same
  Scratch qkv;                          // queries, keys and values of all heads
  Scratch keys;                         // packed keys and values
  Scratch attended;                     // the result of all heads
  Scratch head_states;                  // rows on their way through a head
  Scratch scores;                       // of some of them, for a part of the vocabulary
};

// The threads and the scratch memory of sessions that one thread runs: one after another, or one in
// a pause of another, no deeper.
struct Compute {
  explicit Compute(std::size_t threads)
      : pool(threads), states{RunState(pool.threads()), RunState(pool.threads())} {}

  ThreadPool pool;
  // By the depth of the run. That of a run in progress is swapped for the one of its session.
  std::array<RunState, 2> states;
  std::size_t depth = 0;  // of the next run
};

// One a session; its operators run one after another.
struct EngineContext : RunState {
  EngineContext(std::shared_ptr<Compute> shared, Isa instruction_set)
      : RunState(shared->pool.threads()),
        compute(std::move(shared)),
        pool(compute->pool),
        isa(instruction_set),
        kernels(nestvec::kernels(instruction_set)) {}
  EngineContext(std::size_t threads, Isa instruction_set)
      : EngineContext(std::make_shared<Compute>(threads), instruction_set) {}

  bool pauses() const noexcept { return on_pause != nullptr && *on_pause; }

  // Between two loops, on the thread that runs the model: before each operator, and within those
  // that take long. Throws Error: kCancelled, kDeadlineExceeded.
  void pause() const {
    if (pauses()) (*on_pause)();
    if (control != nullptr) control->check();
  }

  const std::shared_ptr<Compute> compute;
  ThreadPool& pool;
  Isa isa;
  const Kernels& kernels;
};

}  // namespace nestvec
