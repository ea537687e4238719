// SPDX-License-Identifier: Apache-2.0
// The one table from errors to exit codes.
#pragma once

#include "nestvec/error.h"

namespace nestvec {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailure = 1,
  kExitUsage = 2,
  kExitNotFound = 3,
  kExitCorrupt = 4,
  kExitOverBudget = 5,
  kExitUnavailable = 6,
  kExitDenied = 7,
  kExitBadRows = 8,
  kExitNewerFormat = 9,
  kExitInterrupted = 130,  // 128 + SIGINT, as a shell reports it
  kExitBrokenPipe = 141,   // 128 + SIGPIPE
};

ExitCode exit_code_for(ErrorCode code);

// The table as --help prints it.
inline constexpr const char* kExitCodeHelp =
    "Exit codes:\n"
    "    0  done\n"
    "    1  something else went wrong\n"
    "    2  wrong usage, or an argument or file that cannot be used as given\n"
    "    3  no such file, model or repository\n"
    "    4  a corrupt or truncated file\n"
    "    5  over a limit: memory budget, disk space, size\n"
    "    6  a server that cannot be reached or does not answer\n"
    "    7  not permitted: file permissions, a missing or refused token\n"
    "    8  done, but rows of the input could not be embedded (embed --input)\n"
    "    9  a compiled model in the format of a newer nestvec\n"
    "  130  interrupted\n"
    "  141  the reader of the output went away\n";

}  // namespace nestvec
