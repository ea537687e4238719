# SPDX-License-Identifier: Apache-2.0
"""`nestvec rerank`: scores against the reference, order, formats of input and output, mistakes."""

import gzip
import json
import math
import os
import pty
import subprocess

import numpy
import pytest

from command import DATA, MODELS, nestvec  # noqa: F401 (a fixture)
from waiting import SECONDS

RAW = MODELS / "bert-reranker-tiny"  # its folder says that scores are raw
SIGMOID = MODELS / "xlmr-reranker-tiny"  # its folder is silent
CLASSIFIER = MODELS / "bert-classifier-tiny"
TOLERANCE = 3e-5
QUERY = "How is the weather today?"
WORDS = "sun rain wind snow cloud storm heat cold fog hail".split()
NEWER = ["modernbert-reranker", "roberta-reranker", "distilbert-reranker", "gte-reranker", "qwen3-classifier", "qwen3-reranker",
         "jina-v2-reranker", "eurobert-reranker", "mpnet-reranker", "nomic-reranker", "electra-reranker"]
DOCUMENTS = [" ".join(WORDS[(i * 7 + j) % 10] for j in range(1 + i % 9)) for i in range(40)]


def goldens(model):
    with gzip.open(DATA / "rerank" / f"{model.name}.jsonl.gz", "rt") as file:
        return [json.loads(line) for line in file]


def results(text):
    return [json.loads(line) for line in text.split("\n") if line]


def rerank(nestvec, query, documents, *arguments, model=RAW):  # noqa: F811
    """Scores in the order of the documents."""
    lines = "".join(json.dumps({"text": text}) + "\n" for text in documents)
    found = results(nestvec.ok("rerank", "-q", "-m", model, "--precision", "fp32", "--format", "jsonl", "--jsonl",
                               *arguments, "--", query, "-", stdin=lines))
    assert sorted(each["index"] for each in found) == list(range(len(documents)))
    scores = [each["score"] for each in found]
    assert scores == sorted(scores, reverse=True)
    return [each["score"] for each in sorted(found, key=lambda each: each["index"])]


@pytest.mark.parametrize("model, arguments, wanted", [
    (RAW, [], "logits"), (RAW, ["--raw"], "logits"), (SIGMOID, [], "sigmoid"), (SIGMOID, ["--raw"], "logits"),
    (MODELS / "jina-reranker-tiny", [], "sigmoid"), (MODELS / "bert-reranker-tiny-onnx", [], "logits"),
    *[(MODELS / f"{name}-tiny", [], "sigmoid") for name in NEWER],
], ids=["bert", "bert-raw", "xlmr", "xlmr-raw", "jina", "bert-onnx", *NEWER])
def test_scores_are_those_of_the_reference(nestvec, model, arguments, wanted):  # noqa: F811
    source = RAW if model.name.endswith("-onnx") else model
    records = [r for r in goldens(source) if r["second"] is not None and not {"max_tokens", "side", "rule", "instruction"} & set(r)]
    assert len(records) > 40
    for query in sorted({r["first"] for r in records}):
        if "\0" in query:  # no argument can hold it
            continue
        chosen = [r for r in records if r["first"] == query]
        scores = rerank(nestvec, query, [r["second"] for r in chosen], *arguments, model=model)
        assert numpy.abs(numpy.array(scores) - [r[wanted][0] for r in chosen]).max() < TOLERANCE


def test_an_instruction_is_of_models_that_read_one(nestvec):  # noqa: F811
    model = MODELS / "qwen3-reranker-tiny"
    record = next(r for r in goldens(model) if r.get("instruction") and r["second"] and "max_tokens" not in r)
    score, = rerank(nestvec, record["first"], [record["second"]], "--instruction", record["instruction"], model=model)
    assert abs(score - record["sigmoid"][0]) < TOLERANCE
    nestvec.fails(2, "rerank", "-m", RAW, "--instruction", "Judge", QUERY, "-", says="reads no instruction", stdin="rain\n")


@pytest.mark.parametrize("side", ["right", "left"])
def test_long_pairs_are_cut_as_the_reference_cuts_them(nestvec, side):  # noqa: F811
    records = [r for r in goldens(RAW) if r.get("side") == side and r["max_tokens"] == 32 and "rule" not in r]
    assert len(records) > 4
    for record in records:
        score, = rerank(nestvec, record["first"], [record["second"]], "--max-tokens", "32", "--truncate", side)
        assert abs(score - record["logits"][0]) < TOLERANCE


def test_a_score_does_not_depend_on_company(nestvec, tmp_path):  # noqa: F811
    """Over 512 documents make several calls of the model; the best of all are the best of a ranking of all."""
    many = [DOCUMENTS[i % 40] + f" {i}" for i in range(1100)]
    file = tmp_path / "many.txt"
    file.write_text("\n".join(many) + "\n")
    run = ("rerank", "-q", "-m", RAW, "--format", "jsonl", QUERY)
    whole = results(nestvec.ok(*run, file))
    assert [each["text"] for each in whole] == [many[each["index"]] for each in whole]
    assert len({each["index"] for each in whole}) == 1100
    assert results(nestvec.ok(*run, file, "-n", "7")) == whole[:7]
    for each in (whole[0], whole[500], whole[-1]):
        alone, = results(nestvec.ok(*run, stdin=each["text"]))
        assert alone["score"] == each["score"]


def test_equal_documents_keep_their_order(nestvec):  # noqa: F811
    same = results(nestvec.ok("rerank", "-q", "-m", RAW, "--format", "jsonl", QUERY, stdin="rain\nsun\nrain\nrain\n"))
    assert [each["index"] for each in same if each["text"] == "rain"] == [0, 2, 3]
    best, = results(nestvec.ok("rerank", "-q", "-m", RAW, "--format", "jsonl", "-n", "1", QUERY, stdin="rain\nrain\n"))
    assert best["index"] == 0


def test_inputs(nestvec, tmp_path):  # noqa: F811
    texts = DOCUMENTS[:5]
    files = {
        "a.txt": "\n".join(texts) + "\n",
        "a.jsonl": "".join(json.dumps({"body": text}) + "\n" for text in texts),
        "a.json": json.dumps([{"body": text} for text in texts]),
        "a.csv": "id,body\n" + "".join(f'{i},"{text}"\n' for i, text in enumerate(texts)),
        "a.tsv": "body\tid\n" + "".join(f"{text}\t{i}\n" for i, text in enumerate(texts)),
        "no-ending": "".join(json.dumps({"body": text}) + "\n" for text in texts),
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(files["a.jsonl"].encode()))
    run = ("rerank", "-q", "-m", RAW, "--format", "jsonl")
    expected = nestvec.ok(*run, QUERY, tmp_path / "a.txt")
    for name in ("a.jsonl", "a.json", "a.csv", "a.tsv", "a.jsonl.gz"):
        assert nestvec.ok(*run, QUERY, tmp_path / name, "--field", "body") == expected, name
    assert nestvec.ok(*run, QUERY, tmp_path / "no-ending", "--field", "body", "--jsonl") == expected
    assert nestvec.ok(*run, QUERY, tmp_path / "no-ending", "--field", "body", "--input-format", "jsonl") == expected
    # As another program writes tables: its separator is told, and the name of the file says nothing.
    (tmp_path / "semicolons.txt").write_text("id;body\n" + "".join(f'{i};"{text}"\n' for i, text in enumerate(texts)))
    separated = ("--field", "body", "--delimiter")
    assert nestvec.ok(*run, QUERY, tmp_path / "semicolons.txt", *separated, ";") == expected
    assert nestvec.ok(*run, QUERY, tmp_path / "a.tsv", *separated, "tab") == expected
    assert nestvec.ok(*run, QUERY, tmp_path / "a.[j]sonl", "--field", "body") == expected
    assert nestvec.ok(*run, QUERY, stdin=files["a.txt"]) == expected
    assert nestvec.ok(*run, QUERY, "-", stdin=files["a.txt"]) == expected
    # The documents of several files are counted through.
    (tmp_path / "b.txt").write_text("\n".join(texts[3:]))
    assert nestvec.ok(*run, QUERY, "-", tmp_path / "b.txt", stdin="\n".join(texts[:3])) == expected


def test_queries_that_look_like_something_else(nestvec):  # noqa: F811
    for query in ("[a,b]", "{}", "info", "--help", "-n", "%%"):
        expected = rerank(nestvec, query, DOCUMENTS[:3])
        assert expected != rerank(nestvec, "another", DOCUMENTS[:3])
    run = ("rerank", "-q", "-m", RAW)
    assert nestvec.ok(*run, "[a,b]", stdin="x") == nestvec.ok(*run, "--", "[a,b]", stdin="x")


def test_outputs(nestvec, tmp_path):  # noqa: F811
    lines = json.dumps({"text": "tab\there\nand line"}) + "\n" + json.dumps({"text": "plain \u6f22"}) + "\n"
    run = ("rerank", "-q", "-m", RAW, "--jsonl", QUERY)
    found = results(nestvec.ok(*run, "--format", "jsonl", stdin=lines))
    table = nestvec.ok(*run, stdin=lines)
    shown = {0: "tab here and line", 1: "plain \u6f22"}
    rows = [line.split("\t") for line in table.splitlines()]
    assert [(float(score), int(index), text) for score, index, text in rows] == [
        (each["score"], each["index"], shown[each["index"]]) for each in found]
    for name, expected in (("out.tsv", table), ("out.jsonl", nestvec.ok(*run, "--format", "jsonl", stdin=lines))):
        assert nestvec.ok(*run, "-o", tmp_path / name, stdin=lines) == ""
        assert (tmp_path / name).read_text() == expected
    assert nestvec.ok(*run, stdin="") == ""


def test_on_a_terminal(nestvec, tmp_path):  # noqa: F811
    (tmp_path / "many.txt").write_text("\n".join(f"{text} {'long ' * 30}" for text in DOCUMENTS))

    def shown(*arguments):
        leader, follower = pty.openpty()
        done = subprocess.Popen([nestvec.binary, "rerank", "-q", "-m", str(RAW), QUERY, str(tmp_path / "many.txt"),
                                 *arguments], env=nestvec.environment(), stdout=follower, stdin=follower)
        os.close(follower)
        output = b""
        try:
            while piece := os.read(leader, 65536):
                output += piece
        except OSError:  # the program has ended
            pass
        os.close(leader)
        assert done.wait(SECONDS) == 0
        return output.decode().replace("\r\n", "\n").splitlines()

    lines = shown()
    assert len(lines) == 21 and lines[-1].startswith("  ... and 20 more documents")
    assert all(len(line) <= 80 for line in lines)
    scores = [float(line.split()[0]) for line in lines[:-1]]
    assert scores == sorted(scores, reverse=True)
    assert len(shown("-n", "30")) == 30


def test_long_documents(nestvec):  # noqa: F811
    long = " ".join(WORDS * 40)
    run = ("rerank", "-m", RAW, "--format", "jsonl", QUERY)
    done = nestvec(*run, stdin=f"short\n{long}\n")
    assert done.returncode == 0
    assert b"1 of 2 documents had more than 96 tokens with the query and lost some (index 1)" in done.stderr
    limited = nestvec(*run, "--max-document-tokens", "4", stdin="sun\nrain wind snow cloud storm heat\n")
    assert limited.returncode == 0
    assert b"had more than 4 tokens and lost some (index 1)" in limited.stderr
    best = nestvec(*run, "--best-window", stdin=f"short\n{long}\n")
    assert best.returncode == 0 and b"lost some" not in best.stderr
    nestvec.fails(2, *run, "--truncate", "error", stdin=f"short\n{long}\n", says=["standard input:2: ", "96"])


def test_bytes_that_are_not_utf8(nestvec):  # noqa: F811
    done = nestvec("rerank", "-m", RAW, "--format", "jsonl", QUERY, stdin=b"a \xff b\n")
    assert b"1 of 1 document had bytes that are not UTF-8" in done.stderr
    assert done.stdout == nestvec("rerank", "-m", RAW, "--format", "jsonl", QUERY, stdin="a \ufffd b\n".encode()).stdout


def test_mistakes(nestvec, tmp_path):  # noqa: F811
    (tmp_path / "lines.txt").write_text("a\nb\n")
    (tmp_path / "rows.jsonl").write_text('{"text":"a"}\n{"body":"b"}\n')
    rows = ("rerank", "-m", RAW, QUERY)
    nestvec.fails(2, "rerank", says='rerank needs a query: nestvec rerank "a question" FILE')
    nestvec.fails(3, *rows, tmp_path / "absent.txt", says=["absent.txt", "texts come by standard input"])
    nestvec.fails(3, *rows, "Do cats sit on mats?", says=["no file matches the pattern", "texts come by standard input"])
    nestvec.fails(3, *rows, "a text " * 2000, says=["too long", "texts come by standard input"])
    nestvec.fails(2, *rows, "https://example.org/a.txt", says="pipe what curl -s URL prints")
    nestvec.fails(2, *rows, "-", "-", stdin="a\n", says="can be read only once")
    nestvec.fails(2, *rows, tmp_path / "rows.jsonl", says=["line 2 of", 'no member "text"'])
    nestvec.fails(2, *rows, tmp_path / "lines.txt", "--field", "body", says="have no fields")
    nestvec.fails(2, *rows, stdin='{"text":"a"}\n', says="--jsonl")
    nestvec.fails(2, *rows, tmp_path / "lines.txt", "-n", "0", says="--top-n is 0; expected at least 1")
    nestvec.fails(2, *rows, tmp_path / "lines.txt", "--top-k", "3", says="did you mean --top-n?")
    out = tmp_path / "out.jsonl"
    nestvec.fails(2, *rows, tmp_path / "rows.jsonl", "-o", out)
    lines = tmp_path / "lines.txt"
    (tmp_path / "link").symlink_to(lines)
    before = lines.read_bytes()
    for same in (lines, tmp_path / "link"):
        nestvec.fails(2, *rows, lines, "-o", same, says="would replace an input")
    assert lines.read_bytes() == before
    assert b"note: the query is empty" in nestvec("rerank", "-m", RAW, "", lines).stderr
    nestvec.fails(2, *rows, tmp_path, says=["is a folder", "/*'"])
    assert not out.exists()


def test_models_of_other_kinds(nestvec, tmp_path):  # noqa: F811
    (tmp_path / "lines.txt").write_text("a\nb\n")
    documents = (QUERY, tmp_path / "lines.txt")
    nestvec.fails(2, "rerank", "-m", MODELS / "bert-tiny", *documents, says="use nestvec embed")
    nestvec.fails(2, "rerank", "-m", CLASSIFIER, *documents, says="classifier of 3 labels")
    nestvec.fails(2, "embed", "-m", RAW, "a text", says="use nestvec rerank")
    nestvec.fails(2, "embed", "-m", RAW, "--input", tmp_path / "lines.txt", "-o", tmp_path / "out.npy",
                  says="use nestvec rerank")
    nestvec.fails(2, "embed", "-m", CLASSIFIER, "a text", says="classifier of 3 labels")


def test_scores_behind_a_sigmoid_are_between_0_and_1(nestvec):  # noqa: F811
    raw = rerank(nestvec, QUERY, DOCUMENTS, "--raw", model=SIGMOID)
    smooth = rerank(nestvec, QUERY, DOCUMENTS, model=SIGMOID)
    assert max(raw) > 1 and 0 < min(smooth) and max(smooth) < 1
    assert max(abs(1 / (1 + math.exp(-a)) - b) for a, b in zip(raw, smooth)) < 1e-6
