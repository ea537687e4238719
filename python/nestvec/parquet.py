# SPDX-License-Identifier: Apache-2.0
"""Embeds the texts of Parquet files into one Parquet or Arrow file, as a stream.

    python -m nestvec.parquet --model MODEL --input 'docs/*.parquet' --output vectors.parquet

Holds one batch of rows in memory, whatever the size of the files. The output is complete or absent. To use
several processes, or to continue after a crash, use `nestvec.ray`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from typing import Any, Callable, Iterator, Sequence

from nestvec._bar import is_watched
from nestvec._extras import needs

with needs("parquet", __name__):
    import pyarrow as pa
    import pyarrow.fs as pafs
    import pyarrow.ipc
    import pyarrow.parquet as pq

    from nestvec import _arguments, _files, _partitions
    from nestvec._job import Job

SUFFIXES = (".parquet", ".arrow", ".feather")


def embed_files(inputs: str | os.PathLike | Sequence[str | os.PathLike], output: str | os.PathLike, *,
                model, column: str = "text", output_column: str = "embedding",
                columns: Sequence[str] | None = None, batch_rows: int = 4096, sparse: bool = False,
                progress: Callable[[int], None] | None = None, **encode: Any) -> int:
    """Embeds a text column and writes all rows in their order, with the vectors as the last column.

    inputs: Parquet or Arrow files, folders or globs, local or by URI (s3://...).
    output: a local .parquet file, or .arrow (Arrow IPC).
    model: a `nestvec.Model`, or what `Model.load` takes.
    columns: those to keep, all when None.
    sparse: learned sparse vectors, each a struct of two lists: indices (token ids) and values (weights).
    encode: as for `Model.encode`: task, dimensions, normalize...; with `sparse` as for `Model.sparse`.
    progress: called with the number of rows so far.

    A row without text has no vector (null). The vectors are a fixed-size list of float32. Returns the
    number of rows. Raises ValueError, FileNotFoundError, and what the model raises.
    """
    by_name = isinstance(model, (str, os.PathLike))
    job = Job(os.fspath(model) if by_name else "", column, output_column,
              None if columns is None else tuple(columns), encode=encode, sparse=sparse)
    names = [inputs] if isinstance(inputs, (str, os.PathLike)) else inputs
    filesystem, paths = _files.expand([os.fspath(name) for name in names], SUFFIXES)
    if not os.fspath(output).endswith(SUFFIXES):
        raise ValueError(f"{output}: the output's name ends in {' or '.join(SUFFIXES)}")
    loaded = job.load_model() if by_name else model
    rows = 0
    with contextlib.ExitStack() as stack:
        temporary = stack.enter_context(_files.replaced(output))
        writer = None
        for path in paths:
            for table in _read(filesystem, path, job, batch_rows):
                vectors = job.embed_table(loaded, table, progress and _Counted(progress, rows))
                if writer is None:
                    writer = stack.enter_context(_writer(temporary, os.fspath(output), vectors.schema, job))
                if not vectors.schema.equals(writer.schema):
                    raise ValueError(f"{path} has other columns than {paths[0]}; name those to keep "
                                     "by `columns`")
                writer.write_table(vectors)
                rows += len(vectors)
        if writer is None:
            raise ValueError(f"no rows in {', '.join(paths[:3])}")
    return rows


class _Counted:
    """Progress within a batch as progress of the whole."""

    def __init__(self, progress: Callable[[int], None], before: int):
        self._progress = progress
        self._before = before

    def __call__(self, rows: int) -> None:
        self._progress(self._before + rows)


def _count_rows(inputs: Sequence[str]) -> int | None:
    """The rows of Parquet files, by what they say of themselves; None for others, which do not say."""
    filesystem, paths = _files.expand(inputs, SUFFIXES)
    if not all(path.endswith(".parquet") for path in paths):
        return None
    rows = 0
    for path in paths:
        with filesystem.open_input_file(path) as source:
            rows += pq.read_metadata(source).num_rows
    return rows


def _read(filesystem: pafs.FileSystem, path: str, job: Job, batch_rows: int) -> Iterator[pa.Table]:
    with filesystem.open_input_file(path) as source:
        if path.endswith(".parquet"):
            with pq.ParquetFile(source) as file:
                job.check(file.schema_arrow, path)
                for batch in file.iter_batches(batch_rows, columns=job.read_columns()):
                    yield pa.Table.from_batches([batch])
            return
        with pa.ipc.open_file(source) as file:
            job.check(file.schema, path)
            for index in range(file.num_record_batches):
                table = pa.Table.from_batches([file.get_batch(index)])
                for first in range(0, len(table), batch_rows):
                    yield table.slice(first, batch_rows)


class _Arrow:
    """An Arrow IPC file with the calls of a ParquetWriter."""

    def __init__(self, path: os.PathLike, schema: pa.Schema):
        self.schema = schema
        self._file = pa.ipc.new_file(path, schema)

    def write_table(self, table: pa.Table) -> None:
        self._file.write_table(table)

    def __enter__(self) -> _Arrow:
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()


def _writer(temporary: os.PathLike, output: str, schema: pa.Schema, job: Job) -> pq.ParquetWriter | _Arrow:
    if output.endswith(".parquet"):
        return _partitions.parquet_writer(temporary, schema, job.output_column, {})
    return _Arrow(temporary, schema)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m nestvec.parquet", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    _arguments.add_to(parser, output="the file to write, .parquet or .arrow")
    parser.add_argument("--sparse", action="store_true",
                        help="write learned sparse vectors, as structs of two lists, indices and values")
    args = parser.parse_args(arguments)
    try:
        job = _arguments.job_of(args)
        total = _count_rows(args.input)
        model = job.load_model()
        with _bar(total) as bar:
            rows = embed_files(args.input, args.output, model=model, column=job.column,
                               output_column=job.output_column, columns=job.columns, batch_rows=args.batch_rows,
                               sparse=args.sparse, progress=lambda done: bar.update(done - bar.n), **job.encode)
    except (OSError, ValueError, RuntimeError) as error:
        print(f"nestvec.parquet: {error}", file=sys.stderr)
        return 1
    print(f"{rows:,} rows in {args.output}", file=sys.stderr)
    return 0


def _bar(total: int | None):
    """Rows, their rate and the time left; in a log a line now and then."""
    from tqdm.auto import tqdm

    return tqdm(total=total, unit=" rows", unit_scale=True, mininterval=0.2 if is_watched() else 30)


if __name__ == "__main__":
    sys.exit(main())
