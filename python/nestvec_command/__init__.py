# SPDX-License-Identifier: Apache-2.0
"""The script ``nestvec``: becomes the program that lies in the package nestvec.

Outside that package, because importing it loads NumPy and the engine, which takes longer than most commands run.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn


def find_program() -> str | None:
    """The program's file; None where the package was built or unpacked without it."""
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    program = os.path.join(folder, "nestvec", "bin", "nestvec")
    if os.path.isfile(program):
        return program
    import sysconfig  # an editable installation has its Python elsewhere

    program = os.path.join(sysconfig.get_path("platlib"), "nestvec", "bin", "nestvec")
    return program if os.path.isfile(program) else None


def main() -> NoReturn:
    """Signals, streams and the exit code are then the program's own: no Python is left to stand between."""
    program = find_program()
    if program is None:
        sys.exit("nestvec: error: the program is not in this package; install the wheel with pip or uv")
    # Python ignores these, and what is ignored stays so in the program.
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execv(program, ["nestvec", *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"nestvec: error: cannot run {program}: {error.strerror}")
