// SPDX-License-Identifier: Apache-2.0
// What a command may touch of the outside, so that it can run in a test.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "base/environment.h"

namespace nestvec {

struct CliContext {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  Environment environment;
  std::vector<std::string> variables = {};  // names of the environment that begin with NESTVEC_
  int exit_code = 0;                        // of a command that did what it could

  // Colours are for terminals, and never with NO_COLOR (https://no-color.org).
  bool color_out() const;
  bool color_err() const;
};

// Runs `nestvec ARGUMENTS...` (without the program's name) and returns the exit code; prints one
// line on `err` when something is wrong. Blocks. Never throws.
int run_cli(const std::vector<std::string>& arguments, CliContext& context);

}  // namespace nestvec
