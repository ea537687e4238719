// SPDX-License-Identifier: Apache-2.0
// Wrong command lines: what was meant, where that can be told.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "nestvec/error.h"

namespace nestvec {

// Throws Error kInvalidArgument where the first argument is neither a command nor an option of the
// program, where an option begins with one dash too few or with a dash that is no ASCII "-", or
// where the value of an option is the name of another.
// To be called once all commands are declared.
void check_arguments(const CLI::App& app, const std::vector<std::string>& arguments);

// What CLI11 says of a wrong command line, in words of ours and with what to do.
Error usage_error(const CLI::App& app, const CLI::ParseError& error);

// Takes any value but an empty one, which is mostly a variable of the shell that is not set.
CLI::Validator not_empty();

// A check for options that take one of a few words.
CLI::Validator one_of(std::vector<std::string> words);

}  // namespace nestvec
