# SPDX-License-Identifier: Apache-2.0
"""Learned sparse vectors and vectors of tokens against the reference's, with SciPy and without it."""

import gzip
import json
import sys

import numpy as np
import pytest

import nestvec
from command import DATA, MODELS

sparse = pytest.importorskip("scipy.sparse")

pytestmark = pytest.mark.filterwarnings("ignore::nestvec.TruncationWarning")
TOLERANCE = 3e-5
NAMES = ("bge-m3-tiny", "splade-tiny", "splade-roberta-tiny")


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def encoder(load, name):
    return load(name, precision="fp32")


def goldens(name):
    with gzip.open(DATA / "sparse" / f"{name}.jsonl.gz", "rt") as file:
        return [json.loads(line) for line in file]


def dense_rows(records, width):
    rows = np.zeros((len(records), width), np.float32)
    for row, record in zip(rows, records, strict=True):
        row[record["indices"]] = record["weights"]
    return rows


def test_weights_are_those_of_the_reference(encoder, name):
    records = goldens(name)
    rows = encoder.sparse([record["text"] for record in records])
    assert isinstance(rows, sparse.csr_matrix) and rows.dtype == np.float32
    assert rows.shape == (len(records), encoder.info.vocabulary) and rows.has_sorted_indices
    assert (rows.data > 0).all()
    np.testing.assert_allclose(rows.toarray(), dense_rows(records, encoder.info.vocabulary), rtol=0, atol=TOLERANCE)


def test_one_text_none_and_many(encoder, name):
    texts = [record["text"] for record in goldens(name)]
    rows = encoder.sparse(texts)
    one = encoder.encode_sparse(texts[3])
    assert one.shape == (1, encoder.info.vocabulary) and (one != rows[3]).nnz == 0
    assert encoder.sparse([]).shape == (0, encoder.info.vocabulary)
    told = []
    many = encoder.sparse(texts * 20, progress=told.append)
    assert told == sorted(told) and told[-1] == 20 * len(texts)
    assert (many != sparse.vstack([rows] * 20)).nnz == 0


def test_the_largest_weights(encoder, name):
    texts = [record["text"] for record in goldens(name)]
    rows = encoder.sparse(texts).toarray()
    for most in (1, 5):
        cut = encoder.sparse(texts, max_active_dims=most)
        assert (np.diff(cut.indptr) == np.minimum((rows > 0).sum(axis=1), most)).all() and cut.has_sorted_indices
        for row, kept in zip(rows, cut.toarray(), strict=True):
            assert sorted(kept[kept > 0]) == sorted(sorted(row[row > 0])[-most:])
    with pytest.raises(ValueError, match="max_active_dims is 0"):
        encoder.sparse(texts, max_active_dims=0)


def test_without_scipy(encoder, name, monkeypatch):
    texts = [record["text"] for record in goldens(name)]
    expected = encoder.sparse(texts)
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    rows = encoder.sparse(texts)
    assert isinstance(rows, nestvec.SparseVectors)
    assert rows.shape == expected.shape and len(rows) == len(texts)
    assert (rows.toarray() == expected.toarray()).all()
    again = sparse.csr_matrix((rows.data, rows.indices, rows.indptr), rows.shape)
    assert (again != expected).nnz == 0
    for row, weights in zip(rows, expected, strict=True):
        assert row == dict(zip(weights.indices.tolist(), weights.data.tolist(), strict=True))
    assert rows[-1] == rows[len(texts) - 1]
    with pytest.raises(IndexError, match=f"row {len(texts)} of {len(texts)}"):
        rows[len(texts)]


def test_dense_vectors_beside_them(load):
    """bge-m3 has both."""
    encoder = load("bge-m3-tiny", precision="fp32")
    assert encoder.info.dense and encoder.info.sparse
    records = goldens("bge-m3-tiny")
    rows = encoder.encode([record["text"] for record in records])
    np.testing.assert_allclose(rows, [record["vector"] for record in records], rtol=0, atol=TOLERANCE)
    splade = load("splade-tiny", precision="fp32")
    assert splade.info.sparse and not splade.info.dense
    with pytest.raises(nestvec.InvalidArgumentError):
        splade.encode("a")


@pytest.fixture
def m3(load):
    return load("bge-m3-tiny", precision="fp32")


def test_vectors_of_tokens_are_those_of_the_reference(m3):
    assert m3.info.multi_vector
    records = goldens("bge-m3-tiny")
    rows = m3.multi_vector([record["text"] for record in records])
    for row, record in zip(rows, records, strict=True):
        assert row.dtype == np.float32 and len(row) == len(record["ids"]) - 1
        np.testing.assert_allclose(row, record["vectors"], rtol=0, atol=TOLERANCE)
        np.testing.assert_allclose(np.linalg.norm(row, axis=1), 1, rtol=0, atol=1e-5)
    assert (m3.multi_vector(records[3]["text"]) == rows[3]).all() and m3.multi_vector([]) == []
    told = []
    many = m3.multi_vector([record["text"] for record in records] * 20, progress=told.append)
    assert told == sorted(told) and told[-1] == len(many) == 20 * len(records)
    assert all((found == row).all() for found, row in zip(many, rows * 20, strict=True))


def test_all_kinds_in_one_pass(m3):
    texts = [record["text"] for record in goldens("bge-m3-tiny")]
    before = m3.statistics().texts
    found = m3.encode_kinds(texts, ("dense", "sparse", "multi_vector"), dimensions=16, max_active_dims=3)
    assert m3.statistics().texts - before == len(texts), "each text is read once"
    assert (found.dense == m3.encode(texts, dimensions=16)).all()
    assert (found.sparse != m3.sparse(texts, max_active_dims=3)).nnz == 0
    for one, other in zip(found.multi_vector, m3.multi_vector(texts), strict=True):
        assert (one == other).all()
    both = m3.encode_kinds(texts[3])
    assert both.dense.shape == (m3.info.dimensions,) and both.multi_vector is None
    assert (both.sparse != m3.sparse(texts[3])).nnz == 0
    assert (both.dense == m3.encode(texts[3])).all()
    with pytest.warns(nestvec.TruncationWarning, match=r"1 of 2 texts .* \(index 1\)"):
        m3.encode_kinds(["a", "word " * 5000])


def test_kinds_that_are_not_there(m3, load, plain):
    splade = load("splade-tiny", precision="fp32")
    with pytest.raises(nestvec.InvalidArgumentError, match="splade-tiny has no vectors of tokens"):
        splade.multi_vector("a")
    with pytest.raises(nestvec.InvalidArgumentError, match="has no dense vectors; it gives: sparse"):
        splade.encode_kinds("a")
    with pytest.raises(nestvec.InvalidArgumentError, match="has no sparse vectors; it gives: dense"):
        plain.encode_kinds("a")
    assert splade.encode_kinds("a", ["sparse"]).dense is None
    for wrong in ("dense", ["dense", "colbert"]):
        with pytest.raises(nestvec.InvalidArgumentError, match="expected a list of 'dense'"):
            m3.encode_kinds("a", wrong)
    with pytest.raises(nestvec.InvalidArgumentError, match="nothing is asked for"):
        m3.encode_kinds("a", ())


def test_too_long(encoder):
    with pytest.warns(nestvec.TruncationWarning, match=r"1 of 2 texts .* \(index 1\)"):
        encoder.sparse(["a", "word " * 5000])
    with pytest.raises(ValueError, match="text 700 has") as caught:
        encoder.sparse(["a"] * 700 + ["word " * 5000], truncate="error")
    assert caught.value.text == 700


def test_the_command_writes_the_same(encoder, name, home, tmp_path):
    from command import Command

    texts = [record["text"] for record in goldens(name)]
    expected = encoder.sparse(texts)
    lines = tmp_path / "texts.jsonl"
    lines.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    run = ("embed", "--input", lines, "--model", MODELS / name, "--precision", "fp32", "--sparse", "--output")
    for output in ("rows.npz", "rows.jsonl"):
        done = Command(home)(*run, tmp_path / output)
        assert done.returncode == 0, done.stderr.decode()
    found = sparse.load_npz(tmp_path / "rows.npz")
    assert isinstance(found, sparse.csr_matrix) and found.dtype == np.float32 and found.shape == expected.shape
    assert (found != expected).nnz == 0
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    for index, row in enumerate(rows):
        weights = expected[index]
        assert row["index"] == index and row["sparse"]["indices"] == weights.indices.tolist()
        assert np.array(row["sparse"]["values"], np.float32).tolist() == weights.data.tolist()
    assert len(rows) == len(texts)
