# SPDX-License-Identifier: Apache-2.0
"""Embedding on a Ray cluster with Ray Data: a column of a dataset, or Parquet files to Parquet files.

    import ray, nestvec.ray
    ds = ray.data.read_parquet("docs/")
    ds = nestvec.ray.embed_dataset(ds, "text", model="/models/jina-embeddings-v3", num_cpus=4)

    python -m nestvec.ray --model MODEL --input 'docs/*.parquet' --output vectors/

Each actor of a pool holds one engine. Those of a node map the same files of weights, so that the weights
are in memory once a node. An actor or a node that is lost is replaced, and what it had not finished is
done again.
"""

from nestvec.ray._dataset import embed_dataset
from nestvec.ray._run import embed_files

__all__ = ["embed_dataset", "embed_files"]
