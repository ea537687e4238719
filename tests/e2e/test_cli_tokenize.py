# SPDX-License-Identifier: Apache-2.0
"""`nestvec tokenize` against the goldens of Hugging Face tokenizers."""

import gzip
import json
import lzma

import pytest

from command import DATA, MODELS, nestvec  # noqa: F401 (a fixture)

BERT = MODELS / "bert-tiny"
GOLDENS = DATA / "tokenizer"
# Bytes, prompts and metaspaces that come back changed. src/tokenizer/golden_test.cc has every component.
COMPONENTS = ["added_metaspace_first", "dec_byte_fallback", "model_byte_fallback", "norm_nfkd_u"]
DECODED = {"decoded": (), "decoded_all": ("--keep-special",)}


def lines(text):
    return [json.loads(line) for line in text.split("\n") if line]  # a text may hold U+2028


def records(path):
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]


def test_offsets_are_in_characters(nestvec):  # noqa: F811
    text = "the \u00e9 \u6f22\u5b57 \U0001f600 the"
    (line,) = lines(nestvec.ok("tokenize", "--tokenizer", BERT, "--offsets", stdin=text))
    assert len(line["ids"]) == len(line["offsets"])
    assert line["offsets"][0] == [0, 0] and line["offsets"][-1] == [0, 0]
    assert line["offsets"][1] == [0, 3]
    assert line["offsets"][-2] == [len(text) - 3, len(text)]


def test_lines_and_json_lines_agree(nestvec):  # noqa: F811
    texts = ["the", "", "two words", "tab\tinside", "\u00e9"]
    run = ("tokenize", "--tokenizer", BERT / "tokenizer.json", "--offsets")
    plain = nestvec.ok(*run, stdin="\n".join(texts))
    assert len(lines(plain)) == len(texts)
    as_json = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    assert nestvec.ok(*run, "--jsonl", stdin=as_json) == plain
    without = lines(nestvec.ok("tokenize", "--tokenizer", BERT, stdin="\n".join(texts)))
    assert without == [{"ids": line["ids"]} for line in lines(plain)]


def test_decode_gives_text_back(nestvec):  # noqa: F811
    run = ("tokenize", "--tokenizer", BERT)
    ids = nestvec.ok(*run, stdin="the the\n")
    assert lines(nestvec.ok(*run, "--decode", stdin=ids)) == [{"text": "the the"}]
    (kept,) = lines(nestvec.ok(*run, "--decode", "--keep-special", stdin=ids))
    assert kept["text"].startswith("[CLS]") and kept["text"].endswith("[SEP]")


def test_special_tokens_and_limits(nestvec):  # noqa: F811
    def ids(*arguments, stdin):
        return lines(nestvec.ok("tokenize", "--tokenizer", BERT, *arguments, stdin=stdin))[0]["ids"]

    full = ids(stdin="the of and to")
    assert ids("--no-add-special", stdin="the of and to") == full[1:-1]
    assert len(ids("--no-special", stdin="[SEP]")) > len(ids(stdin="[SEP]"))
    assert ids("--max-tokens", "4", stdin="the of and to") == [*full[:3], full[-1]]
    assert ids("--max-tokens", "4", "--truncate", "left", stdin="the of and to") == [
        full[0], *full[-3:]]
    assert len(ids("--no-truncation", stdin="the " * 400)) > len(ids(stdin="the " * 400))


def test_bytes_that_are_no_text(nestvec):  # noqa: F811
    run = ("tokenize", "--tokenizer", BERT, "--offsets")
    broken = nestvec(*run, stdin=b"a \xff\xfe b")
    repaired = nestvec(*run, stdin="a \ufffd\ufffd b")
    assert broken.returncode == 0 and broken.stdout == repaired.stdout
    lone = nestvec.ok(*run, "--jsonl", stdin=b'{"text":"a \\ud83d b"}')
    assert lone == nestvec.ok(*run, stdin="a \ufffd b")
    assert nestvec(*run, stdin=b"a\0b").returncode == 0


def test_a_megabyte_without_a_space(nestvec):  # noqa: F811
    (line,) = lines(nestvec.ok("tokenize", "--tokenizer", MODELS / "v3-tiny", stdin="x" * 10_000_000,
                               timeout=300))
    assert len(line["ids"]) > 1000


def check_goldens(nestvec, tokenizer, path):  # noqa: F811
    """Records without options; the others are tested in C++ beside the tokenizer."""
    chosen = [r for r in records(path) if set(r) <= {"text", "ids", "offsets", *DECODED}]
    stdin = "".join(json.dumps({"text": r["text"]}) + "\n" for r in chosen)
    run = ("tokenize", "--tokenizer", tokenizer)
    got = lines(nestvec.ok(*run, "--no-truncation", "--jsonl", "--offsets", stdin=stdin))
    assert [line["ids"] for line in got] == [r["ids"] for r in chosen]
    assert [line["offsets"] for line in got] == [r["offsets"] for r in chosen]
    for key, option in DECODED.items():
        known = [r for r in chosen if key in r]
        stdin = "".join(json.dumps({"ids": r["ids"]}) + "\n" for r in known)
        got = lines(nestvec.ok(*run, "--decode", *option, stdin=stdin)) if known else []
        assert [line["text"] for line in got] == [r[key] for r in known]
    return len(chosen)


@pytest.mark.parametrize("name", COMPONENTS)
def test_components(nestvec, name):  # noqa: F811
    folder = GOLDENS / "components"
    assert check_goldens(nestvec, folder / f"{name}.json", folder / f"{name}.jsonl.gz") > 0


@pytest.mark.parametrize("name, count", [("xlm-roberta", 1235), ("wordpiece", 618)])
def test_the_real_tokenizers(nestvec, tmp_path, name, count):  # noqa: F811
    tokenizer = tmp_path / "tokenizer.json"
    tokenizer.write_bytes(lzma.decompress((GOLDENS / name / "tokenizer.json.xz").read_bytes()))
    assert check_goldens(nestvec, tokenizer, GOLDENS / name / "goldens.jsonl.gz") == count
