# SPDX-License-Identifier: Apache-2.0
"""A Ray cluster of several node processes on this machine, and ways to hurt it."""

import os
import signal
import subprocess
import sys

import ray
from ray.cluster_utils import Cluster
from processes import descendants
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
    """A head that runs nothing, and nodes of one CPU, the first of which stays."""

    def __init__(self, nodes: int):
        self._cluster = _patiently(lambda: Cluster(initialize_head=True, head_node_args={
            "num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False}))
        self.nodes = []
        for _ in range(nodes):
            self.add_node()
        self.address = self._cluster.address

    def add_node(self) -> None:
        self.nodes.append(_patiently(
            lambda: self._cluster.add_node(num_cpus=1, object_store_memory=STORE, memory=2 << 30)))

    def kill_last_node(self) -> None:
        assert len(self.nodes) > 1
        self._cluster.remove_node(self.nodes.pop(), allow_graceful=False)

    def shutdown(self) -> None:
        ray.shutdown()
        self._cluster.shutdown()


def actors(name: str) -> list[int]:
    """Process ids of this cluster's actors whose title holds the name."""
    return [process.number for process in descendants()
            if process.command.startswith(b"ray::") and name.encode() in process.command]


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
