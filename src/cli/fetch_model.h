// SPDX-License-Identifier: Apache-2.0
// The download of a model that a command needs and that is not on this machine.
#pragma once

#include "cli/context.h"
#include "cli/pull_display.h"
#include "nestvec/config.h"

namespace nestvec {

// Does nothing where the model is here, or is no repository. Downloads it where checkpoints.pull is
// set, or where a person at a terminal says yes. Blocks. Throws Error: kNotFound where it is not
// downloaded, else as pull_with_display.
void fetch_absent_model(const ModelConfig& config, PullTalk talk, CliContext& context);

}  // namespace nestvec
