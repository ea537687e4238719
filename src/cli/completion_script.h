// SPDX-License-Identifier: Apache-2.0
// What a shell reads to complete a command line.
#pragma once

#include <string>
#include <vector>

#include "cli/described.h"

namespace nestvec {

// The scripts for each shell; the first of `commands` is the program. The names of models are asked
// of `nestvec list --quiet` when they are needed.
std::string bash_completions(const std::vector<DescribedCommand>& commands);
std::string zsh_completions(const std::vector<DescribedCommand>& commands);
std::string fish_completions(const std::vector<DescribedCommand>& commands);

}  // namespace nestvec
