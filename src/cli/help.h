// SPDX-License-Identifier: Apache-2.0
// Help as the terminal shows it: a first screen with what matters, and everything with --help-all.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/rest_mark.h"

namespace nestvec {

// The group of options on the first screen; those of every other group wait for --help-all.
inline constexpr const char* kFirstScreen = "Options";

class HelpFormatter final : public CLI::FormatterBase {
 public:
  // `name` is what the user typed: "nestvec embed". Lines are at most 80 columns wide, but for
  // those of the footer, which are as they were written.
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
};

// The first screen of the program, whichever command has been chosen.
std::string top_help(const CLI::App& app);

}  // namespace nestvec
