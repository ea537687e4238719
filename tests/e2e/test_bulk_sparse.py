# SPDX-License-Identifier: Apache-2.0
"""`nestvec embed --sparse`: files, resumed runs, duplicates, bad rows, mistakes; texts and a terminal."""

import json
import zipfile

import numpy
import pytest

from command import MODELS, nestvec  # noqa: F401 (a fixture)
from test_cli_embed import on_terminal

SPLADE = MODELS / "splade-tiny"
BOTH = MODELS / "bge-m3-tiny"
WORDS = "the cat sat on a mat and the dog slept".split()
TEXTS = [" ".join(WORDS[(i * 3 + j) % 10] for j in range(1 + i % 7)) for i in range(90)]


@pytest.fixture
def lines(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    return path


def csr(path):
    """The arrays of an archive, and what Python's zipfile makes of it."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == ["data.npy", "format.npy", "indices.npy", "indptr.npy", "shape.npy"]
    with numpy.load(path) as arrays:
        assert arrays["format"].item() == b"csr"
        return {name: arrays[name] for name in ("indptr", "indices", "data", "shape")}


def rows_of(arrays):
    starts = arrays["indptr"]
    return [dict(zip(arrays["indices"][a:b].tolist(), arrays["data"][a:b].tolist()))
            for a, b in zip(starts[:-1], starts[1:])]


def run(nestvec, model, *arguments, code=0):  # noqa: F811
    done = nestvec("embed", "-q", "--model", model, "--precision", "fp32", "--sparse", "--input", *arguments)
    assert done.returncode == code, done.stderr.decode()
    return done.stderr.decode()


@pytest.mark.parametrize("model", [SPLADE, BOTH], ids=["splade", "bge-m3"])
def test_both_formats_hold_the_same(nestvec, lines, tmp_path, model):  # noqa: F811
    run(nestvec, model, lines, "-o", tmp_path / "rows.npz")
    run(nestvec, model, lines, "-o", tmp_path / "rows.jsonl")
    arrays = csr(tmp_path / "rows.npz")
    assert arrays["shape"][0] == len(TEXTS) and arrays["indptr"][-1] == len(arrays["indices"]) == len(arrays["data"])
    assert arrays["data"].dtype == numpy.float32 and (arrays["data"] > 0).all()
    records = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert [record["index"] for record in records] == list(range(len(TEXTS)))
    for record, row in zip(records, rows_of(arrays)):
        weights = numpy.array(record["sparse"]["values"], numpy.float32).tolist()
        assert dict(zip(record["sparse"]["indices"], weights)) == row
        assert record["sparse"]["indices"] == sorted(record["sparse"]["indices"])
    assert len({tuple(row.items()) for row in rows_of(arrays)}) > 20
    assert not list(tmp_path.glob("*.partial"))


def test_equal_texts_and_ids(nestvec, tmp_path):  # noqa: F811
    path = tmp_path / "rows.csv"
    path.write_text("key,text\n" + "".join(f"k{i},{TEXTS[i % 5]}\n" for i in range(20)))
    run(nestvec, SPLADE, path, "--id", "key", "-o", tmp_path / "plain.npz")
    run(nestvec, SPLADE, path, "--id", "key", "--dedupe", "-o", tmp_path / "once.npz")
    assert (tmp_path / "plain.npz").read_bytes() == (tmp_path / "once.npz").read_bytes()
    ids = [json.loads(line) for line in (tmp_path / "once.ids.jsonl").read_text().splitlines()]
    assert ids == [f"k{i}" for i in range(20)]


@pytest.mark.parametrize("ending", ["npz", "jsonl"])
def test_bad_rows_and_a_run_that_goes_on(nestvec, tmp_path, ending):  # noqa: F811
    path = tmp_path / "rows.jsonl"
    good = [json.dumps({"text": text}) for text in TEXTS]
    path.write_text("\n".join([*good[:40], '{"body":"x"}', *good[40:]]) + "\n")
    out = tmp_path / f"out.{ending}"
    assert ":41: " in run(nestvec, SPLADE, path, "-o", out, "--checkpoint-seconds", "0", code=2)
    assert not out.exists()
    run(nestvec, SPLADE, path, "-o", out, "--resume", "--on-error", "null", code=8)
    whole = tmp_path / f"whole.{ending}"
    run(nestvec, SPLADE, path, "-o", whole, "--on-error", "null", code=8)
    assert out.read_bytes() == whole.read_bytes()
    if ending == "npz":
        assert rows_of(csr(out))[40] == {} and csr(out)["shape"][0] == len(TEXTS) + 1
    else:
        assert json.loads(out.read_text().splitlines()[40]) == {"index": 40, "sparse": None}


def test_a_dense_run_is_not_continued_as_a_sparse_one(nestvec, tmp_path):  # noqa: F811
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text":"a"}\n{"body":"x"}\n')
    out = tmp_path / "out.jsonl"
    dense = ("embed", "-q", "--model", BOTH, "--precision", "fp32", "--input", path, "-o", out)
    assert nestvec(*dense).returncode == 2
    nestvec.fails(2, *dense, "--sparse", "--resume", "--on-error", "skip", says="of sparse vectors")


def test_mistakes(nestvec, lines, tmp_path):  # noqa: F811
    run_of = ("embed", "-q", "--input", lines)
    sparse = (*run_of, "--model", SPLADE, "--sparse", "-o")
    nestvec.fails(2, *sparse, tmp_path / "out.npy", says="written as jsonl or npz, not as npy")
    nestvec.fails(2, *sparse, tmp_path / "out.npz", "--dtype", "int8", says="is for dense vectors")
    nestvec.fails(2, *sparse, tmp_path / "out.npz", "--dimensions", "8", says="are for dense vectors")
    nestvec.fails(2, *run_of, "--model", BOTH, "-o", tmp_path / "out.npz", says="npz is for sparse vectors")
    nestvec.fails(2, *run_of, "--model", MODELS / "bert-tiny", "--sparse", "-o", tmp_path / "out.npz",
                  says="bert-tiny has no sparse vectors")
    nestvec.fails(2, *run_of, "--model", SPLADE, "-o", tmp_path / "out.npy", says="add --sparse")
    nestvec.fails(2, "embed", "-q", "--model", SPLADE, "a text", says="add --sparse")
    for_texts = ("embed", "-q", "--model", BOTH, "--sparse", "a text")
    nestvec.fails(2, *for_texts, "-o", tmp_path / "out.npz", says="npz is written by --input FILE --sparse")
    nestvec.fails(2, *for_texts, "--format", "base64", says="written as json or jsonl")
    nestvec.fails(2, *for_texts, "--dimensions", "8", says="are for dense vectors")
    nestvec.fails(2, *for_texts, "--late-chunking", says="--late-chunking pools dense vectors")
    nestvec.fails(2, "embed", "-q", "--model", MODELS / "bert-tiny", "--sparse", "a text", says="no sparse vectors")
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("model", [SPLADE, BOTH])
def test_texts_without_files(nestvec, model, lines, tmp_path):  # noqa: F811
    """The same weights as of --input, as JSON and as lines."""
    bulk = tmp_path / "bulk.jsonl"
    how = ("-q", "--model", model, "--precision", "fp32", "--sparse")
    assert nestvec("embed", *how, "--input", lines, "-o", bulk).returncode == 0
    texts = [json.loads(line)["text"] for line in lines.read_text().splitlines()]
    (tmp_path / "texts.txt").write_text("".join(text + "\n" for text in texts))
    done = nestvec("embed", *how, "--file", tmp_path / "texts.txt", "--format", "jsonl")
    assert done.returncode == 0 and done.stdout == bulk.read_bytes()
    named = nestvec("embed", *how, "-o", tmp_path / "some.jsonl", texts[0], texts[1])
    assert named.returncode == 0
    assert (tmp_path / "some.jsonl").read_bytes() == b"".join(bulk.read_bytes().splitlines(True)[:2])
    whole = json.loads(nestvec("embed", *how, texts[0], texts[1]).stdout)
    assert whole["sparse"] == [json.loads(line)["sparse"] for line in bulk.read_text().splitlines()[:2]]
    assert set(whole) == {"vocabulary", "sparse"}
    assert json.loads(nestvec("embed", *how, "-", stdin="").stdout)["sparse"] == []


@pytest.mark.parametrize("model", [SPLADE, BOTH])
def test_tokens_and_weights_on_a_terminal(nestvec, model):  # noqa: F811
    how = ("embed", "-q", "--model", model, "--precision", "fp32", "--sparse")
    row = json.loads(nestvec(*how, TEXTS[0]).stdout)["sparse"][0]
    code, text = on_terminal(nestvec, *how, TEXTS[0], "")
    assert code == 0
    head, shown, *tokens = [line.strip() for line in text.splitlines()]
    assert head.startswith(f"{model.name}: sparse vectors, weights of") and shown == TEXTS[0]
    best = sorted(row["values"], reverse=True)[:10]
    found = [line.rsplit(maxsplit=1) for line in tokens[:len(best)]]
    assert [weight for _, weight in found] == [f"{weight:.4f}" for weight in best]
    vocabulary = json.loads((model / "tokenizer.json").read_text())["model"]["vocab"]
    ids = vocabulary if isinstance(vocabulary, dict) else {token: i for i, (token, _) in enumerate(vocabulary)}
    by_id = dict(zip(row["indices"], row["values"], strict=True))
    for token, weight in found:
        assert f"{by_id[ids[token]]:.4f}" == weight, "the token as the vocabulary spells it"
