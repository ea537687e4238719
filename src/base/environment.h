// SPDX-License-Identifier: Apache-2.0
// Environment variables as a parameter: the program hands in the process's own, tests a table.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nestvec {

// The value of a variable; nullopt where it is unset or empty, which means the same everywhere
// here.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// The environment of this process, read at each call. Safe for concurrent use as long as nobody
// calls setenv meanwhile.
Environment process_environment();

// The names of the variables of this process that begin with `prefix`, set to anything, in the
// order of the environment.
std::vector<std::string> process_variables(std::string_view prefix);

}  // namespace nestvec
