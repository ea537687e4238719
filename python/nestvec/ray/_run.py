# SPDX-License-Identifier: Apache-2.0
"""Parquet files to a folder of Parquet files, resumable: the work of `python -m nestvec.ray`."""

from __future__ import annotations

import os
from typing import Any, Mapping, Sequence

import numpy as np
import ray
import ray.data

from nestvec import _files, _partitions
from nestvec._job import Job, fingerprint
from nestvec.ray._engine import Share, keep_to_itself


def embed_files(inputs: str | os.PathLike | Sequence[str | os.PathLike], output: str | os.PathLike, *,
                model: str | os.PathLike, column: str = "text", output_column: str = "embedding",
                columns: Sequence[str] | None = None, resume: bool = False,
                partition_rows: int = 10_000, batch_rows: int = 4096,
                concurrency: int | tuple[int, int] | None = None, num_cpus: float = 1,
                memory: int | None = None, load: Mapping[str, Any] | None = None,
                **encode: Any) -> int:
    """Embeds a text column of Parquet files; every row exactly once, in files in the rows' order.

    inputs: files, folders or globs, local or by URI (s3://...), that every node sees.
    output: a folder that every node sees. The file `_SUCCESS` appears in it at the end.
    resume: continue an earlier call; refused if inputs, model or options have changed.
    partition_rows: rows per output file; a failure repeats at most this many.
    The rest is as for `embed_dataset`. Uses the cluster that Ray is connected to.

    Returns the number of rows. Raises ValueError, FileNotFoundError, and what Ray raises when the model
    or an actor fails for good.
    """
    if partition_rows < 1 or batch_rows < 1:
        raise ValueError("partition_rows and batch_rows must be at least 1")
    share = Share(num_cpus, memory)
    job = share.apply_to(Job(os.fspath(model), column, output_column,
                             None if columns is None else tuple(columns), load or {}, encode))
    names = [inputs] if isinstance(inputs, (str, os.PathLike)) else inputs
    filesystem, paths = _files.expand([os.fspath(name) for name in names], (".parquet",))
    planned = _partitions.plan_inputs(filesystem, paths, job)
    partitions = _partitions.cut(planned, partition_rows)
    if not partitions:
        raise ValueError(f"no rows in {', '.join(paths[:3])}")
    keep_to_itself()
    # Where the model lies, and not here, which may be a laptop.
    found = ray.get(ray.remote(describe).options(**share.options()).remote(job))
    manifest = _partitions.describe(job, planned, partition_rows, found)
    output = _files.absolute(output)
    _partitions.claim(output, manifest, resume)
    run = _partitions.Run(job, filesystem, output, _partitions.identity(manifest), batch_rows)
    if left := _partitions.pending(run, partitions):
        _embed(run, found, left, share, concurrency)
    _partitions.finish(run, partitions)
    return sum(partition.rows for partition in partitions)


def describe(job: Job) -> dict[str, Any]:
    """What makes a model's vectors what they are; loads it."""
    return _description(job.load_model())


def _description(model) -> dict[str, Any]:
    info = model.info
    return {"files": fingerprint(info.folder), "precision": info.precision}


class _Writer:
    """One engine in one actor, which writes whole partitions."""

    def __init__(self, run: _partitions.Run, expected: dict[str, Any]):
        self._run = run
        self._model = run.job.load_model()
        if (found := _description(self._model)) != expected:
            raise RuntimeError(
                f"the model {run.job.model} on node {ray.util.get_node_ip_address()} differs from that of "
                f"the node that was asked first ({found} against {expected}): put the same files on every "
                "node, and name the precision if the processors differ")

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        for number, path, first, rows in zip(*(batch[name] for name in ("number", "path", "first", "rows"))):
            partition = _partitions.Partition(int(number), str(path), int(first), int(rows))
            _partitions.write_partition(self._run, partition, self._model)
        return {"rows": batch["rows"]}


def _embed(run: _partitions.Run, expected: dict[str, Any], left: list[_partitions.Partition],
           share: Share, concurrency: int | tuple[int, int] | None) -> None:
    """One task a partition, so that a failure costs no more than that, and Ray's progress counts them."""
    items = [{"number": partition.number, "path": partition.path, "first": partition.first,
              "rows": partition.rows} for partition in left]
    tasks = ray.data.from_items(items, override_num_blocks=len(items))
    written = tasks.map_batches(
        _Writer, fn_constructor_kwargs={"run": run, "expected": expected}, batch_size=1, batch_format="numpy",
        compute=_pool(share, concurrency, len(items)), **share.options())
    for _ in written.iter_batches(batch_size=None):
        pass


def _pool(share: Share, concurrency: int | tuple[int, int] | None, tasks: int) -> ray.data.ActorPoolStrategy:
    """One partition in flight an actor: none then waits behind another while an actor is idle. An
    autoscaling pool needs two, because Ray adds actors by what waits.
    """
    if isinstance(concurrency, tuple):
        least, most = concurrency
        return ray.data.ActorPoolStrategy(min_size=least, max_size=most, max_tasks_in_flight_per_actor=2)
    size = min(concurrency or share.fitting(), tasks)
    return ray.data.ActorPoolStrategy(size=size, max_tasks_in_flight_per_actor=1)
