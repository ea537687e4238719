// SPDX-License-Identifier: Apache-2.0
// A load that says what it does and can be ended early.
#pragma once

#include <functional>
#include <stop_token>

#include "nestvec/model.h"

namespace nestvec {

// How far a first load is that compiles the model: the part that is done, from 0 to 1. Called on
// the loading thread, often.
using ProgressSink = std::function<void(double share)>;

// What the small files of a model say before its weights are read: id, family, tasks, default_task,
// prompts_source, matryoshka_dimensions, folder, and dimensions where the weights are safetensors
// or compiled (else 0). Called on the loading thread. What it throws ends the load, so that a
// mistake of the caller's costs nothing.
using OutlineCheck = std::function<void(const ModelInfo& outline)>;

// Who hears of a load; each may be empty.
struct LoadLog {
  LogSink note = {};    // what a user should know: warnings, a compilation that takes a while
  LogSink detail = {};  // what ModelInfo has, too: the memory plan, the precision, the threads
  ProgressSink progress = {};  // of the compilation
  OutlineCheck outline = {};
};

// load_model() until `stop` is requested: what it was writing into the cache is removed, and Error
// kCancelled is thrown, soon; only the opening of a graph is not interrupted. Blocks. Throws Error
// as load_model(config, log).
Model load_model(const ModelConfig& config, const LoadLog& log, const std::stop_token& stop);

}  // namespace nestvec
