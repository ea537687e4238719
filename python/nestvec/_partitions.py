# SPDX-License-Identifier: Apache-2.0
"""A folder of Parquet files that is written exactly once, by any number of workers.

The rows of the inputs, in their order, are cut into partitions; a partition becomes one file, of a name
that follows from its number. A worker may die anywhere, and two may write the same partition: a file is
whole or absent, and either writer's holds the same rows. What counts is only which files are there, so
a run continues from the folder alone.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import hashlib
import json
import posixpath
from typing import Any, Iterator

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from nestvec import _files
from nestvec._job import Job

MANIFEST = "_nestvec.json"
SUCCESS = "_SUCCESS"
RUN_KEY = b"nestvec.run"
PARTITION_KEY = b"nestvec.partition"
THREADS = 32  # that read footers; they wait for a disk or a network


class ManifestError(ValueError):
    """The output folder belongs to another run."""


@dataclasses.dataclass(frozen=True)
class Input:
    """A Parquet file as it was when the run was planned."""

    path: str
    size: int
    modified: int  # nanoseconds
    rows: int
    footer: str  # hash over its schema and row groups


@dataclasses.dataclass(frozen=True)
class Partition:
    """Rows first <= row < first + rows of one input."""

    number: int
    path: str
    first: int
    rows: int

    @property
    def name(self) -> str:
        return f"part-{self.number:07d}.parquet"


@dataclasses.dataclass(frozen=True)
class Run:
    """What workers need to know of a run."""

    job: Job
    source: pafs.FileSystem  # of the inputs
    output: str
    run: str  # identity: a hash over everything that shapes the output
    batch_rows: int


def plan_inputs(filesystem: pafs.FileSystem, paths: list[str], job: Job) -> list[Input]:
    """Reads the footers. Raises ValueError for a file that cannot be embedded or differs in schema."""
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(lambda path: _read_input(filesystem, path, job), paths))
    first_schema = found[0][1]
    for entry, schema in found:
        if not schema.equals(first_schema):
            raise ValueError(f"{entry.path} has other columns than {found[0][0].path}:\n{schema}\n"
                             f"against\n{first_schema}\nName those to keep by `columns`")
    return [entry for entry, _ in found]


def _read_input(filesystem: pafs.FileSystem, path: str, job: Job) -> tuple[Input, pa.Schema]:
    info = filesystem.get_file_info(path)
    with filesystem.open_input_file(path) as file:
        try:
            metadata = pq.read_metadata(file)
        except pa.ArrowInvalid as error:
            raise ValueError(f"{path} is not a whole Parquet file: {error}") from error
    schema = metadata.schema.to_arrow_schema()
    job.check(schema, path)
    groups = json.dumps(metadata.to_dict(), sort_keys=True, default=str)
    kept = schema if job.columns is None else pa.schema(schema.field(name) for name in job.columns)
    return Input(path, info.size, info.mtime_ns or 0, metadata.num_rows,
                 hashlib.sha256(groups.encode()).hexdigest()), kept.remove_metadata()


def cut(inputs: list[Input], partition_rows: int) -> list[Partition]:
    """Partitions of at most partition_rows rows; none spans two files."""
    partitions: list[Partition] = []
    for entry in inputs:
        for first in range(0, entry.rows, partition_rows):
            rows = min(partition_rows, entry.rows - first)
            partitions.append(Partition(len(partitions), entry.path, first, rows))
    return partitions


def describe(job: Job, inputs: list[Input], partition_rows: int, model: dict[str, Any]) -> dict[str, Any]:
    """The manifest. Where the model lies and on how many threads it runs does not shape the output."""
    return {
        "format": 1,
        "column": job.column,
        "output_column": job.output_column,
        "columns": list(job.columns) if job.columns is not None else None,
        "encode": dict(sorted(job.encode.items())),
        "model": model,
        "partition_rows": partition_rows,
        "inputs": [dataclasses.asdict(entry) for entry in inputs],
    }


def identity(manifest: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def claim(output: str, manifest: dict[str, Any], resume: bool) -> None:
    """Makes the output folder this run's. Raises ManifestError when it is another's."""
    filesystem, folder = _files.resolve(output)
    path = posixpath.join(folder, MANIFEST)
    earlier = _read_manifest(filesystem, path)
    if earlier is None:
        entries = filesystem.get_file_info(pafs.FileSelector(folder, allow_not_found=True))
        if entries:
            raise ManifestError(f"{output} is not empty and holds no {MANIFEST}; name an empty folder")
        filesystem.create_dir(folder, recursive=True)
        _files.put(filesystem, path, json.dumps(manifest, indent=1).encode())
        return
    if not resume:
        raise ManifestError(f"{output} holds an earlier run; continue it with --resume, or name an "
                            "empty folder")
    if differences := list(_differences(earlier, manifest)):
        raise ManifestError(f"{output} was begun with other choices: {'; '.join(differences[:5])}. Repeat the "
                            "earlier choices, or name an empty folder")


def _read_manifest(filesystem: pafs.FileSystem, path: str) -> dict[str, Any] | None:
    if filesystem.get_file_info(path).type != pafs.FileType.File:
        return None
    with filesystem.open_input_file(path) as file:
        try:
            return json.loads(file.read())
        except ValueError as error:
            raise ManifestError(f"{path} is damaged: {error}; name an empty folder") from error


def _differences(earlier: Any, now: Any, where: str = "") -> Iterator[str]:
    if isinstance(earlier, dict) and isinstance(now, dict):
        for key in sorted({*earlier, *now}):
            yield from _differences(earlier.get(key), now.get(key), f"{where}.{key}" if where else key)
    elif where == "inputs" and isinstance(earlier, list):
        yield from _different_inputs(earlier, now)
    elif earlier != now:
        yield f"{where} was {json.dumps(earlier)}, is {json.dumps(now)}"


def _different_inputs(earlier: list[dict], now: list[dict]) -> Iterator[str]:
    before = {entry["path"]: entry for entry in earlier}
    after = {entry["path"]: entry for entry in now}
    for path in before:
        if path not in after:
            yield f"input {path} is missing"
        elif before[path] != after[path]:
            yield f"input {path} has changed"
    for path in after:
        if path not in before:
            yield f"input {path} is new"
    if list(before) != list(after) and before.keys() == after.keys():
        yield "the inputs were in another order"


def pending(run: Run, partitions: list[Partition]) -> list[Partition]:
    """Those whose file is not there yet. Removes what dead workers left half written."""
    filesystem, folder = _files.resolve(run.output)
    present = set()
    for entry in filesystem.get_file_info(pafs.FileSelector(folder)):
        if _files.TEMPORARY.fullmatch(entry.base_name):
            filesystem.delete_file(entry.path)
        present.add(entry.base_name)
    found = [partition for partition in partitions if partition.name in present]
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        written = {partition.number for partition, is_there in
                   zip(found, pool.map(lambda partition: is_written(run, partition), found)) if is_there}
    return [partition for partition in partitions if partition.number not in written]


def is_written(run: Run, partition: Partition) -> bool:
    """Whether the partition's file is whole and of this run."""
    filesystem, folder = _files.resolve(run.output)
    try:
        with filesystem.open_input_file(posixpath.join(folder, partition.name)) as file:
            metadata = pq.read_metadata(file)
    except (FileNotFoundError, pa.ArrowInvalid):
        return False
    return metadata.num_rows == partition.rows and metadata.metadata.get(RUN_KEY) == run.run.encode()


def write_partition(run: Run, partition: Partition, model) -> None:
    """Embeds a partition into its file, unless that is there. Idempotent."""
    if is_written(run, partition):
        return
    sink = pa.BufferOutputStream()
    writer, rows = None, 0
    for table in _read_rows(run, partition):
        vectors = run.job.embed_table(model, table)
        if writer is None:
            writer = parquet_writer(sink, vectors.schema, run.job.output_column, {
                RUN_KEY: run.run.encode(), PARTITION_KEY: str(partition.number).encode()})
        writer.write_table(vectors)
        rows += len(vectors)
    if rows != partition.rows:
        raise ValueError(f"{partition.path} gave {rows} rows from row {partition.first} on, "
                         f"{partition.rows} were expected: it has changed during the run")
    writer.close()
    filesystem, folder = _files.resolve(run.output)
    _files.put(filesystem, posixpath.join(folder, partition.name), sink.getvalue())


def _read_rows(run: Run, partition: Partition) -> Iterator[pa.Table]:
    with run.source.open_input_file(partition.path) as source, pq.ParquetFile(source) as file:
        groups, skip = _groups_of(file.metadata, partition.first, partition.rows)
        left = partition.rows
        for batch in file.iter_batches(run.batch_rows, row_groups=groups, columns=run.job.read_columns()):
            table = pa.Table.from_batches([batch]).slice(skip, left)
            skip = max(0, skip - len(batch))
            left -= len(table)
            if len(table):
                yield table
            if not left:
                return


def _groups_of(metadata: pq.FileMetaData, first: int, rows: int) -> tuple[list[int], int]:
    """The row groups that hold the rows, and how many rows to skip in them."""
    groups, begin, skip = [], 0, 0
    for group in range(metadata.num_row_groups):
        end = begin + metadata.row_group(group).num_rows
        if begin < first + rows and first < end:
            skip = skip if groups else first - begin
            groups.append(group)
        begin = end
    return groups, skip


def parquet_writer(sink, schema: pa.Schema, vectors: str, metadata: dict[bytes, bytes]) -> pq.ParquetWriter:
    """Vectors as they are: floats hardly compress, do not repeat, and have no useful statistics."""
    leaves = _leaves(schema)
    others = [leaf for leaf in leaves if leaf.partition(".")[0] != vectors]
    return pq.ParquetWriter(
        sink, schema.with_metadata({**(schema.metadata or {}), **metadata}),
        compression={leaf: "zstd" if leaf in others else "none" for leaf in leaves},
        use_dictionary=others or False, write_statistics=others or False)


def _leaves(schema: pa.Schema) -> list[str]:
    """The columns as Parquet names them: "text", "embedding.list.element"."""
    sink = pa.BufferOutputStream()
    pq.write_table(schema.empty_table(), sink)
    parquet = pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema
    return [parquet.column(index).path for index in range(len(parquet.names))]


def finish(run: Run, partitions: list[Partition]) -> None:
    """Checks that nothing is missing and marks the output as whole."""
    if missing := pending(run, partitions):
        raise ValueError(f"{len(missing)} of {len(partitions)} partitions are missing in {run.output}, "
                         f"the first is {missing[0].name}; continue with --resume")
    filesystem, folder = _files.resolve(run.output)
    _files.put(filesystem, posixpath.join(folder, SUCCESS), b"")
