# SPDX-License-Identifier: Apache-2.0
"""The processes that this one has started, and those that they have: others on this machine may look like them."""

import dataclasses
import os
import pathlib


@dataclasses.dataclass(frozen=True)
class Process:
    number: int
    parent: int
    command: bytes


def descendants() -> list[Process]:
    """Those of this process, as far as they can be read while others come and go."""
    everything = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                everything[int(entry.name)] = Process(int(entry.name), parent, (entry / "cmdline").read_bytes())
            except OSError:
                continue
    found, generation = [], {os.getpid()}
    while generation:
        children = [process for process in everything.values() if process.parent in generation]
        found += children
        generation = {process.number for process in children}
    return found
