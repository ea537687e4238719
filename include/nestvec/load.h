// SPDX-License-Identifier: Apache-2.0
// A load that can be ended early, for programs that must go when they are told to.
#pragma once

#include <stop_token>

#include "nestvec/model.h"

namespace nestvec {

// Where the notes of a load go; either may be empty.
struct LoadLog {
  LogSink note;    // what a user should know: warnings, a compilation that takes a while
  LogSink detail;  // what ModelInfo has, too: the memory plan, the precision, the threads
};

// load_model() until `stop` is requested: what it was writing into the cache is removed, and Error
// kCancelled is thrown, soon; only the opening of a graph is not interrupted. Blocks. Throws Error
// as load_model(config, log).
Model load_model(const ModelConfig& config, const LoadLog& log, const std::stop_token& stop);

}  // namespace nestvec
