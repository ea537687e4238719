# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C in a process of its own."""

import re
import signal
import subprocess
import sys


def interrupted(script, *arguments):
    """What a script prints that shows a bar and gets Ctrl-C once some of its texts are done."""
    process = subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    try:
        bar = ""
        while not re.search(r"[1-9]\d*/\d+", bar):
            assert (character := process.stderr.read(1)), bar
            bar += character
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0
    return output
