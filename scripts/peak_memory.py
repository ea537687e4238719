#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""peak_memory.py FILE COMMAND...: runs a command and writes its greatest resident memory, in bytes, to FILE.

Linux counts for a child what its parent had when it began, so a large program cannot ask this of its own children:
this small one stands between them. Exits as the command does.
"""

import pathlib
import resource
import subprocess
import sys

if __name__ == "__main__":
    code = subprocess.call(sys.argv[2:])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    pathlib.Path(sys.argv[1]).write_text(f"{peak}\n")
    sys.exit(code if code >= 0 else 128 - code)
