# SPDX-License-Identifier: Apache-2.0
"""Several models in one process, which share its threads and its memory budget."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from nestvec import _core
from nestvec._model import Model, load_model


@dataclass(frozen=True)
class RuntimeMemory:
    """The memory plan of all models of a runtime: the weights of all, and the workspace of the largest."""

    models: int
    plan_bytes: int
    budget_bytes: int  # the least cpu_memory of their settings; 0: none
    plan: str  # in one line


class Runtime:
    """Loads models that share one set of threads and one memory plan: an embedding model and a reranker, for example.

        shared = nestvec.Runtime()
        embedder = shared.load("BAAI/bge-m3", cpu_memory="6Gi")
        reranker = shared.load("BAAI/bge-reranker-v2-m3", cpu_memory="6Gi")

    One thread runs them in turn with the cores that the first model's settings allow, so calls of both do not compete
    for cores, and the workspace exists once. Models loaded by ``Model.load`` share nothing. A model may outlive its
    runtime; when it ends, it gives its memory back to the plan. Safe for use by several threads. A pickle of a model
    loads it by itself, and a forked child cannot use its parent's runtime.
    """

    def __init__(self) -> None:
        self._core = _core.LoadedRuntime()

    def load(
        self,
        path_or_repo: str | os.PathLike[str] | None = None,
        *,
        config: str | os.PathLike[str] | None = None,
        download: bool = False,
        show_progress_bar: bool | None = None,
        **settings: str | float | Mapping[str, str] | None,
    ) -> Model:
        """Loads one more model, as ``Model.load`` does and with its arguments.

        Raises ResourceExhaustedError if all models together exceed the least ``cpu_memory`` of their settings; the
        message has the share of each, and the models that are there stay.
        """
        return load_model(self._core.load, path_or_repo, config, download, show_progress_bar, settings)

    @property
    def memory(self) -> RuntimeMemory:
        return RuntimeMemory(*self._core.memory())

    def __repr__(self) -> str:
        return f"<nestvec.Runtime: {self.memory.models} models>"
