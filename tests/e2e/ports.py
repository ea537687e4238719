# SPDX-License-Identifier: Apache-2.0
"""Ports for servers that are asked before they can say where they listen."""

import contextlib
import pathlib
import random
import socket


def free_port():
    """One that the system gives to nobody who asks for any."""
    (first, _) = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    while True:
        port = random.randrange(int(first) // 2, int(first))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
