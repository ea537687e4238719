// SPDX-License-Identifier: Apache-2.0
// The program: the process's streams and environment, handed to run_cli.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <iostream>

#include "cli/context.h"
#include "cli/stream.h"

namespace {

// A standard stream that the caller has closed would be the number of the next file that is opened,
// which would be read or written in its place. Held like this, its use is an error.
void hold_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) == -1) ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace

int main(int argc, char** argv) {
  hold_standard_streams();
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
                              nestvec::process_environment(),
                              nestvec::process_variables("NESTVEC_")};
  return nestvec::run_cli({argv + 1, argv + argc}, context);
}
