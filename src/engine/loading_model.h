// SPDX-License-Identifier: Apache-2.0
// A model between its plan and its graph: what is known before anything large is mapped.
#pragma once

#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>

#include "engine/memory_plan.h"
#include "engine/scheduler.h"
#include "nestvec/config.h"
#include "nestvec/load.h"
#include "nestvec/model.h"
#include "ops/engine_context.h"

namespace nestvec {

// What the models of a runtime share.
struct SharedParts {
  std::shared_ptr<Scheduler> scheduler;
  std::shared_ptr<Compute> compute;
  std::shared_ptr<const void> share;  // of the memory plan, while the model lives
};

class LoadingModel {
 public:
  // Finds the model, reads its small files, and compiles its weights into the cache where needed.
  // Blocks. Throws Error as load_model() with a stop, but for the memory plan.
  LoadingModel(const ModelConfig& config, const LoadLog& log, const std::stop_token& stop,
               std::size_t threads);
  LoadingModel(LoadingModel&&) noexcept;
  LoadingModel& operator=(LoadingModel&&) = delete;
  ~LoadingModel();

  // With its id as the name.
  ModelShare share() const;

  // Opens the graph; the rest of load_model(). To be called once.
  Model open(SharedParts parts, const std::string& threads_reason);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nestvec
