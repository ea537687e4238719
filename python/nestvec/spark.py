# SPDX-License-Identifier: Apache-2.0
"""Embedding in Apache Spark: a column of a DataFrame, or a pandas UDF.

    from nestvec.spark import embed_dataframe
    df = embed_dataframe(df, "text", model="/models/jina-embeddings-v3", dimensions=256)
    df.write.parquet("vectors/")

Only the text goes to Python and only the vectors come back; the other columns stay where they are. Spark
repeats the tasks of lost executors and of killed Python workers, and its writers commit each task once.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from typing import Any, Mapping

from nestvec._extras import needs

with needs("spark", __name__):
    import pandas as pd
    import pyarrow as pa
    from pyspark import TaskContext
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.functions import pandas_udf
    from pyspark.sql.types import ArrayType, FloatType

    from nestvec._job import Job


def embed_dataframe(df: DataFrame, column: str = "text", *, model: str | os.PathLike,
                    output_column: str = "embedding", load: Mapping[str, Any] | None = None,
                    **encode: Any) -> DataFrame:
    """The DataFrame with a column of vectors, array<float>, null where the text is null.

    The arguments are those of `embedding_udf`. Raises ValueError when the columns do not fit.
    """
    if column not in df.columns:
        raise ValueError(f"the DataFrame has no column {column!r}; it has {', '.join(df.columns)}")
    if (found := df.schema[column].dataType.simpleString()) != "string":
        raise ValueError(f"column {column!r} is {found}, not string")
    if output_column in df.columns:
        raise ValueError(f"the DataFrame has a column {output_column!r} already; choose another name for "
                         "the vectors")
    embed = embedding_udf(model=model, load=load, **encode)
    return df.withColumn(output_column, embed(df[column]))


def embedding_udf(*, model: str | os.PathLike, load: Mapping[str, Any] | None = None, **encode: Any):
    """A pandas UDF from text to array<float>, for `select`, `withColumn` or SQL.

    model: a folder or repository that every executor finds, on shared or local disk.
    load: options of `Model.load`; encode: options of `Model.encode` (task, dimensions...).

    Each Python worker of Spark keeps one engine, of as many threads as a task has cores
    (`spark.task.cpus`); the workers of a machine share the weights in memory. The rows of an Arrow batch
    (`spark.sql.execution.arrow.maxRecordsPerBatch`) are embedded at once.
    """
    job = Job(os.fspath(model), load=load or {}, encode=encode)

    @pandas_udf(ArrayType(FloatType()))
    def embed(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        engine = None
        for texts in batches:
            engine = engine or _engine(job.model, tuple(sorted(job.load.items())), _cores())
            vectors = job.embed_texts(engine, pa.array(texts, type=pa.string(), from_pandas=True))
            yield pd.Series(vectors.to_numpy(zero_copy_only=False), index=texts.index)

    return embed


def _cores() -> int:
    context = TaskContext.get()
    return context.cpus() if context else 1


@functools.lru_cache(maxsize=1)
def _engine(model: str, load: tuple[tuple[str, Any], ...], threads: int):
    """The engine of this Python worker, which Spark uses again for its next tasks."""
    return Job(model, load={"threads": threads, **dict(load)}).load_model()
