# SPDX-License-Identifier: Apache-2.0
"""A Ray cluster of several node processes on this machine, and ways to hurt it."""

import os
import pathlib
import signal
import subprocess
import sys

import ray
from ray.cluster_utils import Cluster
from waiting import wait_until

WAIT_SECONDS = 600
STORE = 100 << 20  # bytes of a node's object store


def _patiently(start):
    """A raylet gives its agents 15 seconds, compiled in; at the next attempt their code is in the page cache."""
    for left in (2, 1, 0):
        try:
            return start()
        except Exception:
            if not left:
                raise


class RayCluster:
    """A head that runs nothing, and nodes of one CPU."""

    def __init__(self, nodes: int):
        self._cluster = _patiently(lambda: Cluster(initialize_head=True, head_node_args={
            "num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False}))
        self.nodes = [self.add_node() for _ in range(nodes)]
        self.address = self._cluster.address

    def add_node(self):
        return _patiently(
            lambda: self._cluster.add_node(num_cpus=1, object_store_memory=STORE, memory=2 << 30))

    def kill_node(self, node) -> None:
        self._cluster.remove_node(node, allow_graceful=False)

    def shutdown(self) -> None:
        ray.shutdown()
        self._cluster.shutdown()


def actors(name: str) -> list[int]:
    """Process ids of Ray's actors whose title holds the name."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                title = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if title.startswith(b"ray::") and name.encode() in title:
                found.append(int(entry.name))
    return found


class Command:
    """`python -m nestvec.ray` under way."""

    def __init__(self, cluster: RayCluster, *arguments):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "nestvec.ray", "--address", cluster.address, *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def wait_for(self, condition, what: str) -> None:
        wait_until(lambda: condition() or self._process.poll() is not None, what, WAIT_SECONDS)
        assert self._process.poll() is None, f"it ended before {what}: {self._process.communicate()}"

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate()

    def finish(self) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        out, err = self._process.communicate(timeout=WAIT_SECONDS * 2)
        return self._process.returncode, out, err


def kill_process(process: int) -> None:
    os.kill(process, signal.SIGKILL)
