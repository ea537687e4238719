# SPDX-License-Identifier: Apache-2.0
"""What one actor is given, and how many of them a cluster holds."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import ray

from nestvec._job import Job

# Of an actor's memory: for Python, Arrow, and the rows under way. The rest is the engine's budget.
RESERVE = 256 << 20


def keep_to_itself() -> None:
    """Ray and Ray Data report how they are used unless RAY_USAGE_STATS_ENABLED says otherwise. Where this package
    connects to Ray they do not; what the user has set, and a connection of the user's, stay as they are.
    """
    if not ray.is_initialized():
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")


@dataclasses.dataclass(frozen=True)
class Share:
    """Resources of one actor, as Ray counts them."""

    num_cpus: float = 1
    memory: int | None = None

    def __post_init__(self):
        if self.num_cpus <= 0:
            raise ValueError(f"an actor needs CPUs: num_cpus is {self.num_cpus}")
        if self.memory is not None and self.memory <= RESERVE:
            raise ValueError(f"memory of an actor is {self.memory} bytes; {RESERVE} of them are kept for "
                             "Python and rows, and the model needs more")

    def apply_to(self, job: Job) -> Job:
        """The job with an engine that keeps to this share. What `job.load` says goes before."""
        limits: dict[str, Any] = {"threads": max(1, int(self.num_cpus))}
        if self.memory is not None:
            limits["cpu_memory"] = self.memory - RESERVE
        return dataclasses.replace(job, load={**limits, **job.load})

    def options(self) -> dict[str, Any]:
        """For `@ray.remote` and `map_batches`."""
        chosen: dict[str, Any] = {"num_cpus": self.num_cpus}
        if self.memory is not None:
            chosen["memory"] = self.memory
        return chosen

    def fitting(self) -> int:
        """How many actors fit into the cluster's nodes as they are now, at least 1."""
        return max(1, sum(self._on(node["Resources"]) for node in ray.nodes() if node["Alive"]))

    def _on(self, resources: dict[str, float]) -> int:
        count = resources.get("CPU", 0) // self.num_cpus
        if self.memory is not None:
            count = min(count, resources.get("memory", 0) // self.memory)
        return int(count)
