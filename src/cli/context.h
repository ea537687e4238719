// SPDX-License-Identifier: Apache-2.0
// What a command sees of the world, so that tests can run one inside their process.
#pragma once

#include <functional>
#include <istream>
#include <ostream>

#include "base/environment.h"

namespace nestvec {

// Streams throw Error when they cannot be read or written. Outlives the command.
struct CliContext {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  Environment environment;
  // Throws Error kCancelled once the user has pressed Ctrl-C; called between pieces of work.
  std::function<void()> check_interrupt;
};

// Colours on a terminal, unless NO_COLOR is set (https://no-color.org) or TERM is "dumb".
bool use_colour(bool is_terminal, const Environment& environment);

}  // namespace nestvec
