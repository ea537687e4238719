# SPDX-License-Identifier: Apache-2.0
"""`nestvec embed --input`: what is read and written against Python's own readers, and runs that are killed."""

import csv
import gzip
import io
import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy
import pytest
import zstandard

from command import MODELS, REPOSITORY, nestvec  # noqa: F401 (a fixture)
from test_cli_embed import on_terminal
from waiting import SECONDS, has_read_all, wait_until

V3 = MODELS / "v3-tiny"
ROUNDS = int(os.environ.get("NESTVEC_KILL_ROUNDS", "6"))  # each mix of the options once
WORDS = "the cat sat on a mat and the d\u00e9j\u00e0 vu of 42 \u6f22\u5b57 slept".split()
ODD = ["", " ", "a,b", 'say "no"', "two\nlines", "tab\there", "back\\slash", "\u00e9\U0001f600", "\u2028"]


def make_texts(count, seed=0, most=30):
    chosen = random.Random(seed)
    texts = [" ".join(chosen.choices(WORDS, k=chosen.randint(1, most))) for _ in range(count - len(ODD))]
    for text in ODD:
        texts.insert(chosen.randrange(len(texts) + 1), text)
    return texts


def small(nestvec, texts, *arguments, tasks=None):  # noqa: F811
    """The vectors of the same texts from the command without --input."""
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    out = nestvec("embed", "-q", "--model", V3, "--jsonl", "--format", "npy", *arguments, "-", stdin=lines)
    assert out.returncode == 0, out.stderr
    return numpy.load(io.BytesIO(out.stdout))


def write_jsonl(path, texts, **members):
    rows = [dict({"text": text}, **{key: values[i] for key, values in members.items()})
            for i, text in enumerate(texts)]
    path.write_text("".join(json.dumps(row, ensure_ascii=i % 2 == 0) + "\n" for i, row in enumerate(rows)))
    return path


class Bulk:
    """`nestvec embed --input` in a folder of its own."""

    def __init__(self, command, folder):
        self.command = command
        self.folder = folder

    def arguments(self, *inputs, output="out.npy", batch=256, model=V3):
        return ["embed", "-q", "--model", model, "--threads", "1", "--max-batch-tokens", str(batch),
                "--output", self.folder / output, "--input", *inputs]

    def __call__(self, *inputs, flags=(), code=0, output="out.npy", batch=256, **options):
        done = self.command(*self.arguments(*inputs, output=output, batch=batch), *flags, **options)
        assert done.returncode == code, (done.returncode, done.stderr.decode())
        return done

    def load(self, name="out.npy"):
        return numpy.load(self.folder / name)

    def ids(self, name="out.ids.jsonl"):
        return [json.loads(line) for line in (self.folder / name).read_text().splitlines()]

    def errors(self, name="out.errors.jsonl"):
        return self.ids(name)

    def files(self):
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def bulk(nestvec, tmp_path):  # noqa: F811
    folder = tmp_path / "out"
    folder.mkdir()
    return Bulk(nestvec, folder)


def test_json_lines(nestvec, bulk, tmp_path):  # noqa: F811
    texts = make_texts(300)
    keys = [f"k\u00e9y {i}" if i % 2 else i for i in range(len(texts))]
    path = write_jsonl(tmp_path / "in.jsonl", texts, key=keys, unused=[[i] for i in range(len(texts))])
    bulk(path, flags=["--id", "key"])
    assert bulk.load().tobytes() == small(nestvec, texts).tobytes()
    assert bulk.ids() == keys
    assert bulk.files() == ["out.ids.jsonl", "out.npy", "out.npy.checkpoint"]
    write_jsonl(path, ["x"], body=["y"])
    bulk(path, flags=["--field", "body"])
    assert numpy.array_equal(bulk.load(), small(nestvec, ["y"]))


@pytest.mark.parametrize("dialect, name", [("excel", "in.csv"), ("excel-tab", "in.tsv"), ("unix", "in.csv")])
def test_csv_as_python_writes_it(nestvec, bulk, tmp_path, dialect, name):  # noqa: F811
    texts = make_texts(200, seed=1)
    path = tmp_path / name
    with open(path, "w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, ["id", "body", "rest"], dialect=dialect)
        writer.writeheader()
        writer.writerows({"id": f"#{i}", "body": text, "rest": "x"} for i, text in enumerate(texts))
    bulk(path, flags=["--field", "body", "--id", "id"])
    assert bulk.load().tobytes() == small(nestvec, texts).tobytes()
    assert bulk.ids() == [f"#{i}" for i in range(len(texts))]


def test_csv_as_python_reads_it(nestvec, bulk, tmp_path):  # noqa: F811
    chosen = random.Random(3)
    pieces = [",", '"', '""', "\n", "\r\n", "a", "b c", " "]
    body = "".join(chosen.choices(pieces, k=4000))
    path = tmp_path / "in.csv"
    path.write_bytes(b"text,other\n" + body.encode())
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    # What stands in no column of the header, and a quote that is open to the end, make a row a bad one.
    wrong = [any(row.get(None) or []) for row in rows]
    wrong[-1] = wrong[-1] or is_open(body)
    assert any(wrong)
    bulk(path, flags=["--on-error", "null"], code=8)
    expected = small(nestvec, [row["text"] for row in rows])
    got = bulk.load()
    assert len(got) == len(rows) > 100
    bad = numpy.isnan(got).any(axis=1)
    assert numpy.array_equal(got[~bad], expected[~bad])
    assert bad.tolist() == wrong


def is_open(body):
    """Whether Python's reader takes what follows for part of the last field."""
    return list(csv.reader(io.StringIO(body + "\nlast,row\n", newline="")))[-1] != ["last", "row"]


def test_lines_files_patterns_and_standard_input(nestvec, bulk, tmp_path):  # noqa: F811
    texts = [text for text in make_texts(120, seed=2) if "\n" not in text]
    assert texts[89], "a last line that is blank and has no end is none"
    (tmp_path / "b.txt").write_text("\n".join(texts[50:90]))
    (tmp_path / "a.txt").write_text("".join(text + "\r\n" for text in texts[:50]), newline="")
    (tmp_path / "[c].txt").write_text("".join(text + "\n" for text in texts[90:]))
    expected = small(nestvec, texts).tobytes()
    bulk(tmp_path / "a.txt", tmp_path / "b.txt", tmp_path / "[c].txt")
    assert bulk.load().tobytes() == expected
    bulk(tmp_path / "[ab].txt", tmp_path / "[c].txt")
    assert bulk.load().tobytes() == expected
    bulk("-", stdin="".join(text + "\n" for text in texts))
    assert bulk.load().tobytes() == expected
    bulk(tmp_path / "a.txt", "-", tmp_path / "[c].txt", stdin="\n".join(texts[50:90]))
    assert bulk.load().tobytes() == expected
    assert bulk.ids() == list(range(len(texts)))


def test_compressed_inputs(nestvec, bulk, tmp_path):  # noqa: F811
    texts = make_texts(200, seed=4)
    plain = write_jsonl(tmp_path / "in.jsonl", texts).read_bytes()
    half = plain.index(b"\n", len(plain) // 2) + 1
    (tmp_path / "in.jsonl.gz").write_bytes(gzip.compress(plain[:half]) + gzip.compress(plain[half:]))
    packed = zstandard.ZstdCompressor().compress
    (tmp_path / "in.jsonl.zst").write_bytes(packed(plain[:half]) + packed(plain[half:]))
    expected = small(nestvec, texts).tobytes()
    for name in ("in.jsonl.gz", "in.jsonl.zst"):
        bulk(tmp_path / name)
        assert bulk.load().tobytes() == expected
        bulk("-", flags=["--input-format", "jsonl"], stdin=(tmp_path / name).read_bytes())
        assert bulk.load().tobytes() == expected
        cut = (tmp_path / name).read_bytes()[:-9]
        (tmp_path / name).write_bytes(cut)
        done = bulk(tmp_path / name, code=4)
        assert name in done.stderr.decode()
        bulk(tmp_path / name, flags=["--restart"], code=4)
        (bulk.folder / "out.npy.checkpoint").unlink()


def test_tasks_of_rows(nestvec, bulk, tmp_path):  # noqa: F811
    texts = make_texts(60, seed=5)
    names = ["retrieval.query", "none", None, "separation"]
    tasks = [names[i % 4] for i in range(len(texts))]
    bulk(write_jsonl(tmp_path / "in.jsonl", texts, kind=tasks),
         flags=["--task-field", "kind", "--task", "classification"])
    got = bulk.load()
    for i, name in enumerate(names):
        rows = small(nestvec, texts[i::4], "--task", name or "classification")
        assert numpy.array_equal(got[i::4], rows), name


def test_formats(nestvec, bulk, tmp_path):  # noqa: F811
    texts = make_texts(90, seed=6)
    path = write_jsonl(tmp_path / "in.jsonl", texts)
    expected = small(nestvec, texts, "--dimensions", "48")
    flags = ["--dimensions", "48"]

    bulk(path, flags=[*flags, "--dtype", "float16"])
    assert bulk.load().dtype == numpy.float16
    assert bulk.load().tobytes() == expected.astype(numpy.float16).tobytes()

    bulk(path, flags=[*flags, "--dtype", "int8"])
    values, scales = bulk.load(), bulk.load("out.scales.npy")
    assert values.dtype == numpy.int8 and scales.dtype == numpy.float32 and scales.shape == (90,)
    assert numpy.array_equal(scales, numpy.abs(expected).max(axis=1) / numpy.float32(127))
    assert numpy.abs(values).max(axis=1).tolist() == [127] * 90
    steps = expected.astype(float) / scales.astype(float)[:, None]
    assert numpy.abs(steps - values).max() <= 0.5 + 127 * 2**-24  # the scale is rounded to float32

    bulk(path, flags=[*flags, "--dtype", "ubinary"])
    assert bulk.load().dtype == numpy.uint8
    assert numpy.array_equal(bulk.load(), numpy.packbits(expected >= 0, axis=1))

    bulk(path, flags=flags, output="out.f32")
    raw = numpy.fromfile(bulk.folder / "out.f32", "<f4").reshape(-1, 48)
    assert raw.tobytes() == expected.tobytes()

    bulk(path, flags=flags, output="out.jsonl")
    rows = [json.loads(line) for line in (bulk.folder / "out.jsonl").read_text().splitlines()]
    assert [row["index"] for row in rows] == list(range(90))
    assert numpy.array([row["embedding"] for row in rows], dtype=numpy.float32).tobytes() == expected.tobytes()
    own = nestvec.ok("embed", "-q", "--model", V3, *flags, "--format", "jsonl", "--jsonl", "--file", path)
    assert (bulk.folder / "out.jsonl").read_text() == own

    bulk(tmp_path / "in.jsonl", flags=["--format", "raw"], output="unnamed")
    assert numpy.fromfile(bulk.folder / "unnamed", "<f4").reshape(90, -1).shape[1] == 64
    assert b"npy only" in bulk(path, flags=["--dtype", "int8"], output="x.jsonl", code=2).stderr
    assert b"in .npy" in bulk(path, output="x", code=2).stderr


def test_an_empty_input_is_an_empty_array(bulk, tmp_path):
    (tmp_path / "in.csv").write_text("")
    bulk(tmp_path / "in.csv")
    assert bulk.load().shape == (0, 64) and bulk.ids() == []


def bad_rows(tmp_path):
    path = tmp_path / "in.jsonl"
    lines = [json.dumps({"text": f"good {i}", "id": i}) for i in range(40)]
    lines[7] = '{"text": 1, "id": 7}'
    lines[20] = "{"
    lines[30] = json.dumps({"text": "word " * 9000, "id": 30})
    path.write_text("\n".join(lines))
    return path


def test_bad_rows_are_skipped_or_null(nestvec, bulk, tmp_path):  # noqa: F811
    path = bad_rows(tmp_path)
    texts = [f"good {i}" for i in range(40) if i not in (7, 20, 30)]
    expected = small(nestvec, texts)
    flags = ["--truncate", "error", "--id", "id"]
    done = bulk(path, flags=[*flags, "--on-error", "skip"], code=8)
    assert numpy.array_equal(bulk.load(), expected)
    assert bulk.ids() == [i for i in range(40) if i not in (7, 20, 30)]
    assert b"3 bad; see " in done.stderr and done.stderr.count(b"\n") == 1
    errors = bulk.errors()
    assert [(error["row"], error["line"], error["file"]) for error in errors] == [
        (i, i + 1, str(path)) for i in (7, 20, 30)]
    assert "expected a string, found an integer" in errors[0]["reason"]
    assert "the text has " in errors[2]["reason"] and errors[2]["id"] == 30

    bulk(path, flags=[*flags, "--on-error", "null", "--dtype", "int8"], code=8)
    scales = bulk.load("out.scales.npy")
    assert numpy.flatnonzero(numpy.isnan(scales)).tolist() == [7, 20, 30]
    assert not bulk.load()[[7, 20, 30]].any()
    assert bulk.ids() == list(range(40))
    bulk(path, flags=[*flags, "--on-error", "null"], code=8, output="out.jsonl")
    rows = [json.loads(line) for line in (bulk.folder / "out.jsonl").read_text().splitlines()]
    assert [row["index"] for row in rows if row["embedding"] is None] == [7, 20, 30]

    # Without bad rows the report of an earlier run goes.
    bulk(write_jsonl(tmp_path / "good.jsonl", ["a"]))
    assert "out.errors.jsonl" not in bulk.files()


def test_a_bad_row_ends_the_run_and_what_came_before_stays(nestvec, bulk, tmp_path):  # noqa: F811
    path = bad_rows(tmp_path)
    run = [*bulk.arguments(path), "--truncate", "error"]
    error = nestvec.fails(2, *run, says=[f"{path}:8: ", "--resume"])
    assert "expected a string" in error
    part = numpy.load(bulk.folder / "out.npy.partial")
    assert numpy.array_equal(part, small(nestvec, [f"good {i}" for i in range(7)]))
    nestvec.fails(2, *run, says="--resume")
    nestvec.fails(2, *run, "--resume", "--dimensions", "32", says=["--dimensions", "64"])
    bulk(path, flags=["--truncate", "error", "--resume", "--on-error", "skip"], code=8)
    assert len(bulk.load()) == 37


def test_equal_texts_are_embedded_once(nestvec, bulk, tmp_path):  # noqa: F811
    chosen = random.Random(8)
    texts = [f"text {chosen.randrange(40)}" for _ in range(500)]
    path = write_jsonl(tmp_path / "in.jsonl", texts)
    for output, flags in (("out.npy", ["--dtype", "int8"]), ("out.jsonl", [])):
        bulk(path, flags=flags, output=output)
        plain = (bulk.folder / output).read_bytes()
        done = bulk(path, flags=[*flags, "--dedupe", "--progress", "json"], output=output)
        last = json.loads(done.stderr.decode().splitlines()[-1])
        assert (bulk.folder / output).read_bytes() == plain
        assert last["event"] == "done" and last["rows"] == 500
        assert last["duplicates"] == 500 - len(set(texts))
        assert bulk.files() == sorted(set(bulk.files()) - {f"{output}.digests.partial"})


def kill_and_resume(bulk, run, seed, longest):
    """Kills the run at a random moment, again and again; returns how often it was alive then."""
    chosen = random.Random(seed)
    kills = 0
    while True:
        process = bulk.command.start(*run, "--resume", stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            process.wait(chosen.uniform(0, longest))
        except subprocess.TimeoutExpired:
            process.kill()
            kills += 1
        error = process.stderr.read().decode()
        code = process.wait()
        if code != -signal.SIGKILL:
            assert code == 0, (seed, error)
            return kills
        longest *= 1.1  # so that it comes to an end on any machine


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_killed_at_any_moment_nothing_is_lost(nestvec, bulk, tmp_path, round_):  # noqa: F811
    seed = int(os.environ.get("NESTVEC_SEED", random.SystemRandom().randrange(1 << 30)))
    print(f"NESTVEC_SEED={seed}")
    texts = make_texts(900, seed=9)
    if round_ % 2:
        texts = [text for text in texts if len(text) < 40] * 3
    plain = write_jsonl(tmp_path / "in.jsonl", texts)
    packed = tmp_path / "in.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    source = packed if round_ % 3 == 0 else plain
    output = ("out.npy", "out.jsonl", "out.npy")[round_ % 3]
    flags = ["--checkpoint-seconds", "0.02"]
    flags += ["--dedupe"] if round_ % 2 else []
    flags += ["--dtype", "int8"] if round_ % 3 == 2 else []
    small(nestvec, ["a"])  # compiles
    begun = time.monotonic()
    bulk(source, output="whole" + output[3:], flags=flags)
    longest = time.monotonic() - begun
    kills = kill_and_resume(bulk, [*bulk.arguments(source, output=output), *flags], seed, longest / 2)
    print(f"killed {kills} times")
    whole = [name for name in bulk.files() if name.startswith("whole")]
    assert bulk.files() == sorted(whole + ["out" + name[5:] for name in whole])
    for name in whole:
        expected, got = ((bulk.folder / each).read_bytes() for each in (name, "out" + name[5:]))
        if name.endswith(".checkpoint"):
            expected, got = (json.loads(each)["counts"] for each in (expected, got))
        assert got == expected, (seed, name)


def interrupted(bulk, tmp_path, texts):
    """A run over the texts that got Ctrl-C when it had written some vectors: its code and its last line."""
    path = write_jsonl(tmp_path / "in.jsonl", texts)
    process = bulk.command.start(*bulk.arguments(path), "--restart", "--progress", "json", stderr=subprocess.PIPE)
    partial = bulk.folder / "out.npy.partial"
    wait_until(lambda: process.poll() is not None or (partial.exists() and partial.stat().st_size > 1000), "vectors")
    process.send_signal(signal.SIGINT)
    lines = process.stderr.read().decode().splitlines()
    return process.wait(SECONDS), json.loads(lines[-1])


def test_ctrl_c_leaves_what_can_go_on(nestvec, bulk, tmp_path):  # noqa: F811
    path, partial = tmp_path / "in.jsonl", bulk.folder / "out.npy.partial"
    small(nestvec, ["a"])  # compiles
    for count in (3000, 12_000, 48_000):  # until one is still at work when the signal comes
        texts = make_texts(count, seed=10)
        code, last = interrupted(bulk, tmp_path, texts)
        if code != 0:
            break
    assert code == 130
    assert last["event"] == "interrupted" and 0 < last["rows"] < count
    part = numpy.load(partial)
    expected = small(nestvec, texts)
    assert len(part) == last["rows"], "the checkpoint is of all that was done"
    assert numpy.array_equal(part, expected[:len(part)])
    assert "out.npy" not in bulk.files()
    done = bulk(path, flags=["--resume", "--progress", "json"])
    assert json.loads(done.stderr.decode().splitlines()[-1])["resumed_rows"] == last["rows"]
    written = (bulk.folder / "out.npy").stat().st_mtime_ns
    bulk(path, flags=["--resume"])
    assert (bulk.folder / "out.npy").stat().st_mtime_ns == written, "it was done already"
    assert bulk.load().tobytes() == expected.tobytes()
    assert bulk.files() == ["out.ids.jsonl", "out.npy", "out.npy.checkpoint"]


def test_a_silent_pipe_can_be_interrupted(nestvec, bulk):  # noqa: F811
    process = nestvec.start(*bulk.arguments("-"), stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(b"one\ntwo\n")
    process.stdin.flush()
    wait_until(lambda: "out.npy.checkpoint" in bulk.files() and has_read_all(process), "both rows are read")
    process.send_signal(signal.SIGINT)
    assert process.wait(SECONDS) == 130
    process.stdin.close()
    process.stderr.close()
    bulk("-", flags=["--resume"], stdin="one\ntwo\nthree\n")
    assert bulk.load().tobytes() == small(nestvec, ["one", "two", "three"]).tobytes()


@pytest.fixture
def half_done(nestvec, bulk, tmp_path):  # noqa: F811
    """A run that ended at a bad row, with its flags."""
    path = write_jsonl(tmp_path / "in.jsonl", [f"text {i}" for i in range(50)])
    with open(path, "a") as file:
        file.write("{\n" + json.dumps({"text": "last"}) + "\n")
    nestvec.fails(2, *bulk.arguments(path))
    return path


def test_a_changed_input_is_refused(nestvec, bulk, half_done):  # noqa: F811
    run = [*bulk.arguments(half_done), "--resume", "--on-error", "skip"]
    before, times = half_done.read_bytes(), half_done.stat()
    half_done.write_bytes(before + b'{"text":"more"}\n')
    nestvec.fails(2, *run, says=[str(half_done), "bytes, and it had"])
    half_done.write_bytes(before.replace(b"text 3", b"TEXT 3"))
    nestvec.fails(2, *run, says="was written since")
    os.utime(half_done, ns=(times.st_atime_ns, times.st_mtime_ns))
    nestvec.fails(2, *run, says="differ from those read before")
    half_done.write_bytes(before)
    os.utime(half_done, ns=(times.st_atime_ns, times.st_mtime_ns))
    nestvec.fails(2, *bulk.arguments(half_done, half_done), "--resume", says="2 inputs")
    bulk(half_done, flags=["--resume", "--on-error", "skip"], code=8)
    assert numpy.array_equal(bulk.load(), small(nestvec, [f"text {i}" for i in range(50)] + ["last"]))


def test_another_model_or_option_is_refused(nestvec, bulk, half_done):  # noqa: F811
    run = [*bulk.arguments(half_done), "--resume", "--on-error", "skip"]
    other = bulk.arguments(half_done, model=MODELS / "xlmr-tiny")
    nestvec.fails(2, *other, "--resume", "--on-error", "skip", says="--resume")
    nestvec.fails(2, *run, "--precision", "int8", says="does not compute what")
    for flags in (["--dtype", "float16"], ["--task", "separation"], ["--dedupe"], ["--no-prompt"],
                  ["--field", "x"], ["--truncate", "left"], ["--input-format", "jsonl"]):
        nestvec.fails(2, *run, *flags, says=["--resume", flags[0]])
    checkpoint = bulk.folder / "out.npy.checkpoint"
    whole = checkpoint.read_text()
    checkpoint.write_text(whole[:len(whole) // 2])
    nestvec.fails(4, *run, says=["checkpoint", "--restart"])
    checkpoint.write_text(whole)
    with open(bulk.folder / "out.npy.partial", "r+b") as file:
        file.truncate(200)
    nestvec.fails(4, *run, says="out.npy.partial")
    bulk(half_done, flags=["--restart", "--on-error", "skip"], code=8)
    assert len(bulk.load()) == 51


def test_two_runs_do_not_write_one_output(nestvec, bulk):  # noqa: F811
    first = nestvec.start(*bulk.arguments("-"), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    wait_until(lambda: "out.npy.checkpoint" in bulk.files(), "the run has begun")
    nestvec.fails(1, *bulk.arguments("-"), "--restart", stdin="a\n", says="another run")
    first.stdin.close()
    assert first.wait(SECONDS) == 0


def test_mistakes(nestvec, bulk, tmp_path):  # noqa: F811
    path = write_jsonl(tmp_path / "in.jsonl", ["a"])
    nestvec.fails(3, *bulk.arguments(tmp_path / "none.csv"), says="none.csv")
    nestvec.fails(3, *bulk.arguments(tmp_path / "*.csv"), says="*.csv")
    nestvec.fails(2, *bulk.arguments(tmp_path), says="folder")
    nestvec.fails(2, *bulk.arguments("-", "-"), says="only once")
    nestvec.fails(2, *bulk.arguments(path), "--late-chunking", says="--late-chunking")
    nestvec.fails(2, *bulk.arguments(path), "--on-error", "ignore", says="fail, skip or null")
    nestvec.fails(2, *bulk.arguments(path, output="../in.jsonl"), says="would replace an input")
    nestvec.fails(3, *bulk.arguments(path, output="no/such/out.npy"), says="no/such")
    nestvec.fails(2, "embed", "--dedupe", "text", says="--dedupe goes with --input")
    nestvec.fails(2, "embed", "--input", path, says="--output")
    nestvec.fails(2, "embed", "a text", *bulk.arguments(path)[1:], says="leave one out")
    csv_path = tmp_path / "in.csv"
    csv_path.write_text("id,body\n1,x\n")
    nestvec.fails(2, *bulk.arguments(csv_path), says=["in.csv", '"text"', "id, body"])


def test_progress(nestvec, bulk, tmp_path):  # noqa: F811
    path = write_jsonl(tmp_path / "in.jsonl", make_texts(2000, seed=11))
    quiet = bulk(path)
    assert quiet.stderr == b""
    arguments = [argument for argument in bulk.arguments(path, batch=64) if argument != "-q"]
    done = nestvec(*arguments)
    assert done.returncode == 0
    summary = done.stderr.decode().splitlines()[-1]
    assert summary.startswith("nestvec: 2,000 texts, ") and "\r" not in done.stderr.decode()
    code, text = on_terminal(nestvec, *arguments)
    assert code == 0 and "nestvec: 2,000 texts, " in text
    # The bar is drawn five times a second: until a run takes long enough for one.
    for count in (4000, 16_000, 64_000):
        write_jsonl(path, make_texts(count, seed=11))
        code, text = on_terminal(nestvec, *arguments, "--progress", "bar")
        if "\r\x1b[K" in text:
            break
    assert code == 0 and "\r\x1b[K" in text and "% " in text and "texts/s" in text


def test_memory_does_not_grow_with_the_input(nestvec, bulk, tmp_path):  # noqa: F811
    lines = "".join(json.dumps({"text": str(i)}) + "\n" for i in range(10_000))
    peaks = {}
    for copies in (2, 12):
        path = tmp_path / f"{copies}.jsonl"
        path.write_text(lines * copies)
        command = [nestvec.binary, *map(os.fspath, bulk.arguments(path, output=f"{copies}.npy", batch=2048))]
        subprocess.run([sys.executable, "-S", REPOSITORY / "scripts" / "peak_memory.py", tmp_path / "peak", *command],
                       env=nestvec.environment(), stdin=subprocess.DEVNULL, check=True)
        peaks[copies] = int((tmp_path / "peak").read_text()) >> 20
        assert numpy.load(bulk.folder / f"{copies}.npy", mmap_mode="r").shape == (10_000 * copies, 64)
    print(peaks)
    # All vectors would be 24 MiB more.
    assert peaks[12] - peaks[2] < 12, peaks
