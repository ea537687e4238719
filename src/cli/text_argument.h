// SPDX-License-Identifier: Apache-2.0
// Texts as arguments, exactly as they were typed.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace nestvec {

// Declares the positional arguments TEXT... of a command.
void add_text_arguments(CLI::App& command, std::vector<std::string>& texts,
                        const std::string& description);

// Takes the mark of protect_text_arguments off.
void unmark_argument(std::string& argument);

// CLI11 takes an argument "[a,b]" for a list. Returns `arguments` with such texts marked; the mark
// is taken off where they are stored. To be called once all commands are declared.
std::vector<std::string> protect_text_arguments(const CLI::App& app,
                                                const std::vector<std::string>& arguments);

}  // namespace nestvec
