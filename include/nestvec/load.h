// SPDX-License-Identifier: Apache-2.0
// A load that can be ended early, for programs that must go when they are told to.
#pragma once

#include <functional>
#include <stop_token>

#include "nestvec/model.h"

namespace nestvec {

// How far a first load is that compiles the model: the part that is done, from 0 to 1. Called on
// the loading thread, often.
using ProgressSink = std::function<void(double share)>;

// load_model() until `stop` is requested: what it was writing into the cache is removed, and Error
// kCancelled is thrown, soon; only the opening of a graph is not interrupted. `progress` may be
// empty. Blocks. Throws Error as load_model(config, log).
Model load_model(const ModelConfig& config, const LogSink& log, const std::stop_token& stop,
                 const ProgressSink& progress = {});

}  // namespace nestvec
