// SPDX-License-Identifier: Apache-2.0
// The commands and options as data, for completions and manual pages.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/described.h"

namespace nestvec {

// The program itself, with what all of its commands share, and then each command that its help
// shows.
std::vector<DescribedCommand> describe_commands(const CLI::App& app);

}  // namespace nestvec
