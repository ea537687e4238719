// SPDX-License-Identifier: Apache-2.0
// Options that take a whole number.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>

namespace nestvec {

// Declares an option of the form "--name N". Anything but digits that fit is a usage error that
// says what was found.
void add_count_option(CLI::App& command, const std::string& name, std::size_t& value,
                      const std::string& description);

}  // namespace nestvec
