// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <iostream>

#include "cli/context.h"

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  nestvec::CliContext context{std::cin,
                              std::cout,
                              std::cerr,
                              isatty(STDIN_FILENO) == 1,
                              isatty(STDOUT_FILENO) == 1,
                              isatty(STDERR_FILENO) == 1,
                              nestvec::process_environment()};
  return nestvec::run_cli({argv + 1, argv + argc}, context);
}
