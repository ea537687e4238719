// SPDX-License-Identifier: Apache-2.0
// Loading in parts: read only the small files, or load with progress and a way to stop.
#pragma once

#include <functional>
#include <stop_token>

#include "nestvec/model.h"

namespace nestvec {

// Progress of the compilation that a first load does, from 0 to 1. Called often, on the loading
// thread.
using ProgressSink = std::function<void(double share)>;

// Where the messages of a load go; each may be empty.
struct LoadLog {
  LogSink note = {};           // for users: warnings, and that a compilation takes a while
  LogSink detail = {};         // also in ModelInfo: the memory plan, the precision, the threads
  ProgressSink progress = {};  // of the compilation
};

// load_model() that ends early if `stop` is requested: it removes what it was writing into the
// cache and throws Error kCancelled. The opening of a graph is not interrupted. Blocks. Throws
// Error as load_model(config, log).
Model load_model(const ModelConfig& config, const LoadLog& log, const std::stop_token& stop);

// Reads only the small files of the configured model, to find mistakes before the weights are
// read. Fills id, family, tasks, default_task, prompts_source, matryoshka_dimensions, folder, and,
// if the weights are safetensors or compiled, dimensions (else 0). Blocks on file I/O. Throws Error
// as load_model does for these files.
ModelInfo outline_model(const ModelConfig& config);

}  // namespace nestvec
