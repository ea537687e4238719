# SPDX-License-Identifier: Apache-2.0
"""nestvec.parquet: one process, one output file."""

import pathlib
import re
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest

import nestvec
from nestvec.parquet import embed_files


def test_parquet_to_parquet(model, corpus, table, is_embedded, tmp_path):
    rows = embed_files(corpus / "*.parquet", tmp_path / "out.parquet", model=model, batch_rows=77)
    found = pq.read_table(tmp_path / "out.parquet")
    assert rows == len(table)
    assert found["id"].to_pylist() == table["id"].to_pylist()  # the order, too
    assert found.schema.field("embedding").type == pa.list_(pa.float32(), model.info.dimensions)
    is_embedded(found)


def test_parquet_to_arrow_and_back(model, corpus, is_embedded, tmp_path):
    embed_files([corpus], tmp_path / "out.arrow", model=model)
    with pa.ipc.open_file(tmp_path / "out.arrow") as file:
        is_embedded(file.read_all())
    embed_files(tmp_path / "out.arrow", tmp_path / "again.parquet", model=model,
                output_column="again", dimensions=5)
    again = pq.read_table(tmp_path / "again.parquet")
    is_embedded(again)
    assert again.schema.field("again").type == pa.list_(pa.float32(), 5)


class Lengths:
    """A sparse encoder whose one weight stands at the length of the text; of an empty text there is none."""

    def sparse(self, texts, progress=None):
        lengths = [len(text) for text in texts]
        starts = np.cumsum([0, *(length > 0 for length in lengths)])
        ids = np.array([length for length in lengths if length > 0], np.int32)
        return nestvec.SparseVectors(starts, ids, ids.astype(np.float32) / 2, (len(texts), 1000))


def test_sparse_vectors_are_structs_of_two_lists(tmp_path):
    texts = ["four", None, "", "of six", None, "a"]
    pq.write_table(pa.table({"text": texts}), tmp_path / "in.parquet")
    rows = embed_files(tmp_path / "in.parquet", tmp_path / "out.parquet", model=Lengths(), sparse=True, batch_rows=4)
    found = pq.read_table(tmp_path / "out.parquet")
    assert rows == 6 and found.column_names == ["text", "embedding"]
    assert found["embedding"].to_pylist() == [
        {"indices": [4], "values": [2.0]}, None, {"indices": [], "values": []}, {"indices": [6], "values": [3.0]}, None,
        {"indices": [1], "values": [0.5]}]


def test_command(model_folder, corpus, table, tmp_path):
    run = subprocess.run([sys.executable, "-m", "nestvec.parquet", "--model", model_folder, "--input", corpus,
                          "--output", tmp_path / "out.parquet", "--columns", "id"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert re.search(r"600/600 \[\d\d:\d\d<\d\d:\d\d, .* rows/s\]", run.stderr), run.stderr
    assert f"600 rows in {tmp_path / 'out.parquet'}" in run.stderr
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.column_names == ["id", "embedding"]
    assert len(found) == len(table)


def test_progress_counts_rows_within_a_batch(model, corpus, tmp_path):
    seen = []
    embed_files(corpus, tmp_path / "out.parquet", model=model, batch_rows=250, progress=seen.append)
    assert seen == sorted(seen) and seen[-1] == 600
    assert {250, 351, 600} <= set(seen)  # at the end of each batch, nulls and all


@pytest.mark.parametrize("change, message", [
    ({"column": "body"}, "no column 'body'; it has id, text, tags"),
    ({"column": "id"}, "column 'id' of .* is int64, not text"),
    ({"output_column": "tags"}, "has a column 'tags' already"),
    ({"columns": ["id", "nothing"]}, "no column 'nothing'"),
    ({"dimensions": 100_000}, "100000"),
])
def test_refused(model, corpus, tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        embed_files(corpus, tmp_path / "out.parquet", model=model, **change)
    assert list(tmp_path.iterdir()) == []


def test_no_such_input(model, tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing-here"):
        embed_files(tmp_path / "nothing-here-*.parquet", tmp_path / "out.parquet", model=model)


def test_output_is_whole_or_as_before(model, corpus, tmp_path):
    class Failing:
        def __init__(self):
            self.calls = 0

        def encode(self, texts, **options):
            self.calls += 1
            if self.calls == 3:
                raise RuntimeError("lost power")
            return model.encode(texts, **options)

    output = tmp_path / "out.parquet"
    output.write_bytes(b"before")
    with pytest.raises(RuntimeError, match="lost power"):
        embed_files(corpus, output, model=Failing(), batch_rows=50)
    assert output.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [output]


def test_patterns(model, corpus, table, tmp_path, monkeypatch):
    for name in ("a/x.parquet", "a/y.parquet", "b/deep/x.parquet", "b/_hidden/x.parquet", "b/x.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(corpus / "1.parquet")
    monkeypatch.chdir(tmp_path)
    for pattern, files in (("a/*.parquet", 2), ("*/x.parquet", 1), ("**/x.parquet", 3), ("b", 1),
                           (["a/y.parquet", "a"], 2), (f"file://{tmp_path}/a", 2), ("a/[xz].parquet", 1)):
        rows = embed_files(pattern, "out.parquet", model=_Counting())
        assert rows == files * 101, pattern
        pathlib.Path("out.parquet").unlink()


class _Counting:
    """Vectors without a model."""

    def encode(self, texts, **options):
        import numpy as np

        return np.zeros((len(texts), 1), np.float32)
