// SPDX-License-Identifier: Apache-2.0
// Which model a command means.
#pragma once

#include "base/environment.h"
#include "nestvec/config.h"

namespace nestvec {

// Makes checkpoints.repo_id the folder or the full name of a model: what it says, else
// NESTVEC_MODEL, else the small default model where `make quickstart` put it. Returns false for the
// last. A model.id alone names no model, and another is never served under it. Blocks on file I/O.
// Throws Error: kNotFound (no model was named, or none of that short name is here; the message
// lists those that are), kInvalidArgument (model.id alone; a short name of several models).
bool choose_model(ModelConfig& config, const Environment& environment);

}  // namespace nestvec
