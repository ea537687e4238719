# SPDX-License-Identifier: Apache-2.0
"""Waits for an event, not for a time."""

import array
import fcntl
import os
import termios
import time

# Of a slow machine that has other work; NESTVEC_TEST_PATIENCE times as many of one that is emulated.
SECONDS = 120 * int(os.environ.get("NESTVEC_TEST_PATIENCE", "1"))


def wait_until(condition, what, seconds=SECONDS):
    """The first true value of condition(). `what` names the event, as text or as a function that gives one."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {seconds} seconds: {what() if callable(what) else what}"
        time.sleep(0.005)
    return value


def has_read_all(process):
    """Whether the process has taken everything that was written to its standard input, a pipe."""
    left = array.array("i", [0])
    fcntl.ioctl(process.stdin, termios.FIONREAD, left)
    return left[0] == 0
