// SPDX-License-Identifier: Apache-2.0
// The program: the process's streams and environment, handed to run_cli.
#include <unistd.h>

#include <csignal>
#include <iostream>

#include "cli/context.h"
#include "cli/stream.h"

int main(int argc, char** argv) {
  // A reader that goes away becomes a failed write instead of a signal.
  std::signal(SIGPIPE, SIG_IGN);
  nestvec::InputBuffer input(STDIN_FILENO, "standard input");
  nestvec::OutputBuffer output(
      [](std::string_view bytes) { nestvec::write_all(STDOUT_FILENO, "standard output", bytes); });
  std::istream in(&input);
  std::ostream out(&output);
  in.exceptions(std::ios::badbit);
  out.exceptions(std::ios::badbit);
  nestvec::CliContext context{in,
                              out,
                              std::cerr,
                              isatty(STDIN_FILENO) == 1,
                              isatty(STDOUT_FILENO) == 1,
                              isatty(STDERR_FILENO) == 1,
                              nestvec::process_environment()};
  return nestvec::run_cli({argv + 1, argv + argc}, context);
}
