// SPDX-License-Identifier: Apache-2.0
// Several models in one process: one thread runs them in turn, with one set of compute threads and
// one memory plan.
//
//   nestvec::Runtime runtime;
//   nestvec::Model embedder = runtime.load(nestvec::config_for_model("path/to/embedder"));
//   nestvec::Model reranker = runtime.load(nestvec::config_for_model("path/to/reranker"));
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "nestvec/load.h"
#include "nestvec/model.h"

namespace nestvec {

// The memory plan of all models of a runtime: the weights of all, and the workspace of the largest.
struct RuntimeMemory {
  std::size_t models = 0;
  std::uint64_t plan_bytes = 0;
  std::uint64_t budget_bytes = 0;  // the least cpu_memory of their configurations; 0 = none
  std::string plan;                // in one line
};

// Safe for concurrent use; movable, not copyable. The models share the time: a call waits for those
// of its own client to whichever model, at the client's share, and a batch holds texts of one
// model. A model may outlive the runtime, and takes its part of the memory back when it ends: what
// was queued for it ends with kCancelled, and the others go on.
//
// The number of threads is decided by the first configuration that is loaded.
class Runtime {
 public:
  Runtime();
  Runtime(Runtime&&) noexcept;
  Runtime& operator=(Runtime&&) noexcept;
  ~Runtime();

  // Loads all of the models, or none. Blocks. Throws Error as load_model(); kResourceExhausted
  // where all models, with those that are loaded, exceed the least cpu_memory: the message has the
  // share of each.
  std::vector<Model> load(std::span<const ModelConfig> configs, const LoadLog& log = {},
                          const std::stop_token& stop = {});
  Model load(const ModelConfig& config, const LoadLog& log = {}, const std::stop_token& stop = {});

  RuntimeMemory memory() const;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace nestvec
