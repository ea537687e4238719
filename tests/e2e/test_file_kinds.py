# SPDX-License-Identifier: Apache-2.0
"""Files are what their first bytes say: read, or refused by name; and what a wrong field leaves."""

import bz2
import gzip
import io
import json
import lzma
import zipfile

import numpy
import pytest
import zstandard

from command import nestvec  # noqa: F401 (a fixture)
from test_bulk import V3, bulk, make_texts, small, write_jsonl  # noqa: F401 (a fixture)
from test_cli_embed import on_terminal

TEXTS = make_texts(40, seed=3)
LINES = "".join(text.replace("\n", " ").replace("\r", " ") + "\n" for text in TEXTS)


def zipped(text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", text)
    return out.getvalue()


@pytest.mark.parametrize("name, data, says", [
    ("a.parquet", b"PAR1" + bytes(40) + b"PAR1", "Parquet, not text: python -m nestvec.parquet --input FILE embeds it"),
    ("a.xz", lzma.compress(LINES.encode()), "xz"),
    ("a.bz2", bz2.compress(LINES.encode()), "bzip2"),
    ("a.zip", zipped(LINES), "ZIP"),
    ("a.gz", gzip.compress(lzma.compress(LINES.encode())), "xz"),
    ("a.txt", b"one\0two\n", "byte 3 is NUL"),
    ("latin1.txt", "d\u00e9j\u00e0 vu ".encode("latin-1") * 9, "not UTF-8: byte 1 is 0xE9"),
    ("a.log", b'{"text":"one"}\n{"text":"two"}\n', "looks like JSON: read its rows with --jsonl"),
    ("a.txt.gz", gzip.compress(b'[\n  {\n    "text": "one"\n  }\n]\n'), "looks like JSON"),
    ("mac.txt", b"one\rtwo\r", "ends its lines with CR alone"),
])
def test_what_is_no_text_is_refused_by_name(nestvec, bulk, tmp_path, name, data, says):  # noqa: F811
    path = tmp_path / name
    path.write_bytes(data)
    refused = bulk(path, code=2)
    assert says in refused.stderr.decode() and str(path) in refused.stderr.decode()
    assert bulk.files() == []
    for arguments in (("--file", path), ("-",)):
        done = nestvec("embed", "-q", "--model", V3, *arguments, stdin=data)
        assert done.returncode == 2 and says in done.stderr.decode(), done.stderr
    bulk(path, flags=["--force-text"])


@pytest.mark.parametrize("pack", [
    gzip.compress,
    lambda data: gzip.compress(gzip.compress(data)),
    lambda data: gzip.compress(data) + bytes(700),
    lambda data: b"\x50\x2a\x4d\x18\x04\0\0\0size" + zstandard.compress(data),
    lambda data: b"\xef\xbb\xbf" + data,
    lambda data: data.decode().encode("utf-16"),
    lambda data: b"\xfe\xff" + data.decode().encode("utf-16-be"),
], ids=["gzip", "twice", "zeros", "pzstd", "mark", "utf-16", "utf-16-be"])
def test_what_is_text_is_read_through_every_door(nestvec, bulk, tmp_path, pack):  # noqa: F811
    path = tmp_path / "texts"
    path.write_bytes(pack(LINES.encode()))
    expected = small(nestvec, LINES.split("\n")[:-1])
    bulk(path)
    assert bulk.load().tobytes() == expected.tobytes()
    for arguments in (("--file", path), ("-",)):
        done = nestvec("embed", "-q", "--model", V3, "--format", "npy", *arguments, stdin=path.read_bytes())
        assert numpy.load(io.BytesIO(done.stdout)).tobytes() == expected.tobytes(), arguments


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_a_json_array_is_its_elements(nestvec, bulk, tmp_path, name):  # noqa: F811
    path = tmp_path / name
    path.write_text(json.dumps([{"id": i, "doc": {"body": text}} for i, text in enumerate(TEXTS)], indent=1))
    bulk(path, flags=["--field", "doc.body", "--id", "id"])
    assert bulk.load().tobytes() == small(nestvec, TEXTS).tobytes()
    assert bulk.ids() == list(range(len(TEXTS)))
    path.write_text(path.read_text()[:-30])
    refused = bulk(path, code=4, flags=["--field", "doc.body", "--restart"])
    assert "is not closed" in refused.stderr.decode()


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.jsonlines", "a.jl"])
def test_a_json_array_of_strings_is_its_texts(nestvec, bulk, tmp_path, name):  # noqa: F811
    path = tmp_path / name
    path.write_text(json.dumps(TEXTS))
    bulk(path)
    assert bulk.load().tobytes() == small(nestvec, TEXTS).tobytes()
    path.write_text("".join(json.dumps(text) + "\n" for text in TEXTS))
    bulk(path)
    assert bulk.load().tobytes() == small(nestvec, TEXTS).tobytes()


@pytest.mark.parametrize("text, code, says", [
    ('[{"text":"a"}] x', 4, "ends here, and more text follows"),
    ("[1,2]", 2, "expected an object, found an integer"),
    ('{"text":["a","b"]}', 2, "the column of a table"),
    ('{"data":[{"text":"a"}]}', 2, "jq -c '.[\"data\"][]' FILE"),
])
def test_json_that_is_no_rows_says_so(bulk, tmp_path, text, code, says):
    path = tmp_path / "a.json"
    path.write_text(text)
    assert says in bulk(path, code=code).stderr.decode()


def test_bytes_that_are_not_utf8_are_counted(nestvec, bulk, tmp_path):  # noqa: F811
    path = tmp_path / "a.txt"
    path.write_bytes(b"plain\n" * 20_000 + b"caf\xe9\n" * 3)
    done = nestvec("embed", "--model", V3, "--input", path, "--output", bulk.folder / "out.npy", "--dedupe")
    assert done.returncode == 0, done.stderr
    assert f"3 rows had bytes that are not UTF-8, which became U+FFFD, the first at {path}:20001" in done.stderr.decode()
    done = nestvec("embed", "--model", V3, "--format", "jsonl", stdin=b"one\ncaf\xe9\n")
    assert b"1 of 2 texts had bytes that are not UTF-8, which became U+FFFD" in done.stderr


@pytest.mark.parametrize("header, advice", [("id;text", "--delimiter ';'"), ("id\ttext", "--delimiter tab"),
                                            ("id|text", "--delimiter '|'")])
def test_a_header_with_another_separator_gets_advice(bulk, tmp_path, header, advice):
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\n1;a\n")
    assert advice in bulk(path, code=2).stderr.decode()


def test_an_address_is_no_file(bulk):
    done = bulk("https://example.org/a.jsonl", code=2)
    assert "pipe what curl -s URL prints and name the input -" in done.stderr.decode()


def test_csv_with_another_separator(nestvec, bulk, tmp_path):  # noqa: F811
    path = tmp_path / "a.csv"
    path.write_text("id;text\n1;fell, and rose\n2;slept\n")
    bulk(path, flags=["--delimiter", ";"])
    assert bulk.load().tobytes() == small(nestvec, ["fell, and rose", "slept"]).tobytes()
    refused = bulk(path, code=2, flags=["--delimiter", ";;"], output="other.npy")
    assert "expected one ASCII character or tab" in refused.stderr.decode()


def test_a_wrong_field_says_which_there_are_and_leaves_nothing(bulk, tmp_path):
    path = write_jsonl(tmp_path / "a.jsonl", ["a", "b"], key=[1, 2])
    refused = bulk(path, code=2, flags=["--field", "body"])
    assert 'no member "body"; it has text, key' in refused.stderr.decode()
    assert bulk.files() == []
    bulk(path, flags=["--field", "text"])


def test_the_name_of_the_output_decides(nestvec, tmp_path):  # noqa: F811
    for name in ("x.npy", "x.jsonl"):
        done = nestvec("embed", "-q", "--model", V3, "hi", "--output", tmp_path / name)
        assert done.returncode == 0, done.stderr
    row = numpy.load(tmp_path / "x.npy")
    assert row.tobytes() == small(nestvec, ["hi"]).tobytes()
    assert json.loads((tmp_path / "x.jsonl").read_text())["index"] == 0
    nestvec.ok("embed", "-q", "--model", V3, "hi", "--output", tmp_path / "x.NPY")
    assert (tmp_path / "x.NPY").read_bytes() == (tmp_path / "x.npy").read_bytes()
    reasons = {name: b"the name does not say the format" for name in ("x.csv", "x.npy.gz", "x.txt", "x.f32")}
    for name, reason in {**reasons, "x.npz": b"npz is written by --input FILE --sparse"}.items():
        refused = nestvec("embed", "-q", "--model", V3, "hi", "--output", tmp_path / name)
        assert refused.returncode == 2 and reason in refused.stderr, name
        assert not (tmp_path / name).exists()
    nestvec.ok("embed", "-q", "--model", V3, "hi", "--output", tmp_path / "x.csv", "--format", "json")
    lines = tmp_path / "a.txt"
    lines.write_text("hi\n")
    for arguments in (["hi"], ["--input", lines]):
        refused = nestvec("embed", "-q", "--model", V3, *arguments, "--output", tmp_path / "x.parquet")
        assert refused.returncode == 2 and b"python -m nestvec.parquet" in refused.stderr


def test_a_dash_is_the_standard_output(nestvec, tmp_path):  # noqa: F811
    run = ("embed", "-q", "--model", V3, "hi")
    assert nestvec.ok(*run, "--output", "-", cwd=tmp_path) == nestvec.ok(*run)
    assert list(tmp_path.glob("-")) == []


@pytest.mark.parametrize("option", ["--output", "--task", "--file"])
def test_an_empty_value_is_a_mistake(nestvec, option):  # noqa: F811
    nestvec.fails(2, "embed", "-q", "--model", V3, "hi", option, "", says=[option, "the value is empty"])


def test_no_binary_on_a_terminal(nestvec):  # noqa: F811
    code, shown = on_terminal(nestvec, "embed", "-q", "--model", V3, "--format", "npy", "hi")
    assert code == 2 and "npy is binary" in shown
