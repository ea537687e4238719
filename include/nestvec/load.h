// SPDX-License-Identifier: Apache-2.0
// Loading with progress, a look at the small files before the weights, and a way to stop.
#pragma once

#include <functional>
#include <stop_token>

#include "nestvec/model.h"

namespace nestvec {

// Progress of the compilation that a first load does, from 0 to 1. Called often, on the loading
// thread.
using ProgressSink = std::function<void(double share)>;

// What the small files of a model say, before its weights are read: id, family, tasks,
// default_task, prompts_source, matryoshka_dimensions, folder, and, if the weights are safetensors
// or compiled, dimensions (else 0). Called on the loading thread. Throw from it to end the load
// before it costs anything.
using OutlineCheck = std::function<void(const ModelInfo& outline)>;

// Where the messages of a load go; each may be empty.
struct LoadLog {
  LogSink note = {};           // for users: warnings, and that a compilation takes a while
  LogSink detail = {};         // also in ModelInfo: the memory plan, the precision, the threads
  ProgressSink progress = {};  // of the compilation
  OutlineCheck outline = {};
};

// load_model() that ends early if `stop` is requested: it removes what it was writing into the
// cache and throws Error kCancelled. The opening of a graph is not interrupted. Blocks. Throws
// Error as load_model(config, log).
Model load_model(const ModelConfig& config, const LoadLog& log, const std::stop_token& stop);

}  // namespace nestvec
