# SPDX-License-Identifier: Apache-2.0
"""Exactly once: what a folder of partitions accepts, and what it does not."""

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from nestvec import _files, _partitions
from nestvec._job import Job, fingerprint

LOCAL = pafs.LocalFileSystem()


class Lengths:
    """A vector is the length of its text."""

    def __init__(self):
        self.texts = 0

    def encode(self, texts, **options):
        self.texts += len(texts)
        return np.array([[len(text)] for text in texts], np.float32).reshape(-1, 1)


def write_input(path, rows, group, first=0):
    table = pa.table({"id": pa.array(range(first, first + rows), pa.int64()),
                      "text": pa.array(["x" * row for row in range(rows)], pa.string())})
    pq.write_table(table, path, row_group_size=group)


def make_run(folder, partition_rows=10, resume=False, **job):
    """A claimed run over folder/in, and its partitions."""
    job = Job("m", **job)
    paths = _files.expand([str(folder / "in")], (".parquet",))[1]
    inputs = _partitions.plan_inputs(LOCAL, paths, job)
    manifest = _partitions.describe(job, inputs, partition_rows, {"files": "0"})
    _partitions.claim(str(folder / "out"), manifest, resume)
    run = _partitions.Run(job, LOCAL, str(folder / "out"), _partitions.identity(manifest), batch_rows=7)
    return run, _partitions.cut(inputs, partition_rows)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    write_input(tmp_path / "in/a.parquet", 25, 4)
    write_input(tmp_path / "in/b.parquet", 0, 4)
    write_input(tmp_path / "in/c.parquet", 41, 100, first=25)
    return tmp_path


def rows_of(folder):
    return [row for path in sorted((folder / "out").glob("*.parquet"))
            for row in pq.read_table(path)["id"].to_pylist()]


@pytest.mark.parametrize("partition_rows", [1, 3, 10, 41, 1000])
def test_every_row_once_and_in_order(folder, partition_rows):
    run, partitions = make_run(folder, partition_rows)
    for partition in reversed(partitions):
        _partitions.write_partition(run, partition, Lengths())
    assert rows_of(folder) == list(range(66))
    assert _partitions.pending(run, partitions) == []
    _partitions.finish(run, partitions)
    assert (folder / "out/_SUCCESS").exists()


def test_written_partitions_are_left_alone(folder):
    run, partitions = make_run(folder)
    first, again = Lengths(), Lengths()
    _partitions.write_partition(run, partitions[2], first)
    _partitions.write_partition(run, partitions[2], again)
    assert (first.texts, again.texts) == (5, 0)
    assert _partitions.pending(run, partitions) == partitions[:2] + partitions[3:]


@pytest.mark.parametrize("harm", ["cut", "empty", "foreign", "rows"])
def test_what_is_not_whole_or_not_ours_is_written_again(folder, harm):
    run, partitions = make_run(folder)
    path = folder / "out" / partitions[0].name
    writer = run
    if harm == "foreign":
        writer = dataclasses.replace(run, run="another")
    _partitions.write_partition(writer, partitions[0], Lengths())
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    elif harm == "empty":
        path.write_bytes(b"")
    elif harm == "rows":
        short = dataclasses.replace(partitions[0], rows=3)
        path.unlink()
        _partitions.write_partition(run, short, Lengths())
    assert partitions[0] in _partitions.pending(run, partitions)
    _partitions.write_partition(run, partitions[0], Lengths())
    assert partitions[0] not in _partitions.pending(run, partitions)


def test_leftovers_of_dead_workers_go(folder):
    run, partitions = make_run(folder)
    left = folder / "out" / f".nestvec-{partitions[0].name}-123.tmp"
    left.write_bytes(b"half")
    _partitions.pending(run, partitions)
    assert not left.exists()


def test_an_incomplete_run_is_not_finished(folder):
    run, partitions = make_run(folder)
    _partitions.write_partition(run, partitions[0], Lengths())
    with pytest.raises(ValueError, match="7 of 8 partitions are missing"):
        _partitions.finish(run, partitions)
    assert not (folder / "out/_SUCCESS").exists()


def test_an_input_that_shrinks_is_noticed(folder):
    run, partitions = make_run(folder)
    write_input(folder / "in/a.parquet", 22, 4)
    with pytest.raises(ValueError, match="gave 2 rows from row 20 on, 5 were expected"):
        _partitions.write_partition(run, partitions[2], Lengths())
    assert not (folder / "out" / partitions[2].name).exists()


def test_resume_accepts_the_same(folder):
    run, _ = make_run(folder)
    again, _ = make_run(folder, resume=True)
    assert again.run == run.run


@pytest.mark.parametrize("change, message", [
    ({"column": "other"}, "column was"),
    ({"partition_rows": 11}, "partition_rows was 10, is 11"),
    ({"encode": {"dimensions": 256}}, "encode.dimensions was null, is 256"),
    ({"columns": ("id",)}, r'columns was null, is \["id"\]'),
    ({"output_column": "vector"}, 'output_column was "embedding", is "vector"'),
])
def test_resume_refuses_changed_options(folder, change, message):
    for name in "abc":
        path = folder / f"in/{name}.parquet"
        found = pq.read_table(path)
        pq.write_table(found.append_column("other", found["text"]), path)
    make_run(folder)
    with pytest.raises(_partitions.ManifestError, match=message):
        make_run(folder, resume=True, **change)


def test_resume_refuses_another_model(folder):
    run, _ = make_run(folder)
    manifest = json.loads((folder / "out/_nestvec.json").read_text())
    manifest["model"]["files"] = "1"
    with pytest.raises(_partitions.ManifestError, match='model.files was "0", is "1"'):
        _partitions.claim(run.output, manifest, resume=True)


def test_resume_refuses_changed_inputs(folder):
    make_run(folder)
    write_input(folder / "in/c.parquet", 41, 50, first=25)
    write_input(folder / "in/d.parquet", 1, 1)
    (folder / "in/a.parquet").unlink()
    with pytest.raises(_partitions.ManifestError) as error:
        make_run(folder, resume=True)
    for part in ("a.parquet is missing", "c.parquet has changed", "d.parquet is new"):
        assert part in str(error.value)


def test_an_earlier_run_is_not_overwritten_unasked(folder):
    make_run(folder)
    with pytest.raises(_partitions.ManifestError, match="continue it with --resume"):
        make_run(folder)


def test_a_foreign_folder_is_refused(folder):
    (folder / "out").mkdir()
    (folder / "out/thesis.txt").write_text("mine")
    with pytest.raises(_partitions.ManifestError, match="not empty"):
        make_run(folder, resume=True)


def test_inputs_of_other_columns_are_refused(folder):
    pq.write_table(pa.table({"id": ["1"], "text": ["x"]}), folder / "in/d.parquet")
    with pytest.raises(ValueError, match="d.parquet has other columns"):
        make_run(folder)
    make_run(folder, columns=("text",))


def test_a_damaged_input_is_named(folder):
    (folder / "in/d.parquet").write_bytes(b"PAR1 no footer")
    with pytest.raises(ValueError, match="d.parquet is not a whole Parquet file"):
        make_run(folder)


def test_on_an_object_store(folder):
    """A file system that is not local: the same, without renames."""
    fsspec = pytest.importorskip("fsspec")
    memory = pafs.PyFileSystem(pafs.FSSpecHandler(fsspec.filesystem("memory")))
    memory.create_dir("bucket")
    _files.put(memory, "bucket/part", b"one")
    _files.put(memory, "bucket/part", pa.py_buffer(b"two"))
    with memory.open_input_file("bucket/part") as file:
        assert file.read() == b"two"
    assert [entry.base_name for entry in memory.get_file_info(pafs.FileSelector("bucket"))] == ["part"]


def test_fingerprint_sees_every_change(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    weights = bytearray(40 << 20)
    (tmp_path / "weights").write_bytes(weights)
    seen = {fingerprint(tmp_path)}
    for change in (0, 20 << 20, len(weights) - 1):
        # What is trained anew differs everywhere; 300 KiB are met wherever they lie.
        begin = min(change, len(weights) - (300 << 10))
        changed = bytearray(weights)
        changed[begin:begin + (300 << 10)] = b"\1" * (300 << 10)
        (tmp_path / "weights").write_bytes(changed)
        seen.add(fingerprint(tmp_path))
    (tmp_path / "config.json").write_text("[]")
    seen.add(fingerprint(tmp_path))
    (tmp_path / ".lock").write_text("not part of it")
    assert fingerprint(tmp_path) in seen
    assert len(seen) == 5


def test_dictionaries_and_large_strings_are_text():
    job = Job("m")
    for kind in (pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())):
        texts = pa.array(["a", None, "ccc"]).cast(kind)
        vectors = job.embed_texts(Lengths(), texts)
        assert vectors.to_pylist() == [[1.0], None, [3.0]], kind
    assert job.embed_texts(Lengths(), pa.array([], pa.string())).to_pylist() == []
