# SPDX-License-Identifier: Apache-2.0
"""Embedding on a Ray cluster with Ray Data: a column of a dataset, or Parquet files to Parquet files.

    import ray, nestvec.ray
    ds = ray.data.read_parquet("docs/")
    ds = nestvec.ray.embed_dataset(ds, "text", model="/models/jina-embeddings-v3", num_cpus=4)

    python -m nestvec.ray --model MODEL --input 'docs/*.parquet' --output vectors/

Each actor holds one engine. The actors of a node map the same weight files, so the weights are in memory once
per node. Ray replaces lost actors and nodes and repeats their unfinished work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nestvec._extras import needs

if TYPE_CHECKING:
    from nestvec.ray._dataset import embed_dataset
    from nestvec.ray._run import embed_files

__all__ = ["embed_dataset", "embed_files"]


def __getattr__(name: str) -> Any:
    """Ray is imported when it is used, so that the command can say that it is missing."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with needs("ray", __name__):
        from nestvec.ray import _dataset, _run
    return {"embed_dataset": _dataset.embed_dataset, "embed_files": _run.embed_files}[name]
