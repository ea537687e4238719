# SPDX-License-Identifier: Apache-2.0
"""A column of a Ray dataset."""

from __future__ import annotations

import os
from typing import Any, Mapping, Sequence

import pyarrow as pa
import ray.data

from nestvec._job import Job
from nestvec.ray._engine import Share


class _Embedder:
    """One engine, in one actor."""

    def __init__(self, job: Job):
        self._job = job
        self._model = job.load_model()

    def __call__(self, table: pa.Table) -> pa.Table:
        return self._job.embed_table(self._model, table)


def embed_dataset(ds: ray.data.Dataset, column: str = "text", *, model: str | os.PathLike,
                  output_column: str = "embedding", columns: Sequence[str] | None = None,
                  concurrency: int | tuple[int, int] | None = None, num_cpus: float = 1,
                  memory: int | None = None, batch_size: int = 1024,
                  load: Mapping[str, Any] | None = None, **encode: Any) -> ray.data.Dataset:
    """The dataset with a column of vectors: fixed-size lists of float32, null where the text is null.

    model: a folder or repository that every node finds, on shared or local disk.
    columns: columns of the dataset to keep; None keeps all.
    concurrency: number of actors, or their least and most; None starts as many as fit. Actors keep
        their CPUs, so a fixed number must leave some for reading and whatever else the dataset does.
    num_cpus: CPUs of an actor, and threads of its engine.
    memory: bytes that Ray reserves per actor; 256 MiB of them are for Python and rows.
    batch_size: rows that are embedded at a time. Texts of one batch share the engine's runs, so it may
        be large; it bounds what is in memory and what is done again after a failure.
    load: more options of `Model.load`; encode: options of `Model.encode` (task, dimensions...).

    Lazy, as all of Ray Data. The order of the rows is Ray's (see `ExecutionOptions.preserve_order`).
    """
    share = Share(num_cpus, memory)
    job = Job(os.fspath(model), column, output_column, None if columns is None else tuple(columns),
              load or {}, encode)
    least, most = concurrency if isinstance(concurrency, tuple) else (concurrency or 1, concurrency)
    pool = ray.data.ActorPoolStrategy(min_size=least, max_size=most or share.fitting())
    return ds.map_batches(_Embedder, fn_constructor_kwargs={"job": share.apply_to(job)},
                          batch_size=batch_size, batch_format="pyarrow", compute=pool,
                          udf_modifying_row_count=False, **share.options())
