# SPDX-License-Identifier: Apache-2.0
"""`nestvec embed`, `info` and `quickstart`: inputs, formats, which setting wins."""

import base64
import gzip
import io
import json
import os
import pty
import select
import signal
import time

import numpy
import pytest

from command import DATA, MODELS, REPOSITORY, nestvec  # noqa: F401 (a fixture)
from waiting import SECONDS, has_read_all, wait_until

V3 = MODELS / "v3-tiny"
BERT = MODELS / "bert-tiny"
TEXTS = ["Hello, world!", "Zwei Zeilen sind genug.", "\u6f22\u5b57 and emoji \U0001f600", "a"]


def rows(text):
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["index"] for line in lines] == list(range(len(lines)))
    return numpy.array([line["embedding"] for line in lines], dtype=numpy.float64)


def embed(nestvec, *arguments, **options):  # noqa: F811
    return rows(nestvec.ok("embed", "-q", "--model", V3, "--format", "jsonl", *arguments, **options))


@pytest.fixture(scope="module")
def expected(nestvec):  # noqa: F811
    return embed(nestvec, *TEXTS)


def test_vectors_are_those_of_the_reference(nestvec):  # noqa: F811
    with gzip.open(DATA / "embed" / "v3-tiny.jsonl.gz", "rt") as file:
        records = [json.loads(line) for line in file]
    plain = [r for r in records if "text" in r and "\n" not in r["text"] and "\r" not in r["text"]
             and not set(r) - {"text", "task", "ids", "vector"}]
    assert len(plain) > 20
    for task in sorted({r["task"] for r in plain}):
        chosen = [r for r in plain if r["task"] == task]
        lines = "".join(json.dumps({"text": r["text"]}) + "\n" for r in chosen)
        vectors = embed(nestvec, "--precision", "fp32", "--task", task, "--jsonl", "-", stdin=lines)
        assert numpy.abs(vectors - numpy.array([r["vector"] for r in chosen])).max() < 1e-5


def test_texts_from_arguments_file_and_standard_input(nestvec, expected, tmp_path):  # noqa: F811
    lines = "\n".join(TEXTS)
    path = tmp_path / "texts"
    path.write_text(lines + "\n")
    as_json = tmp_path / "texts.jsonl"
    as_json.write_text("".join(json.dumps({"text": text}) + "\n\n" for text in TEXTS))
    windows = "\r\n".join(TEXTS)
    for vectors in (embed(nestvec, "-", stdin=lines), embed(nestvec, stdin=lines + "\n"),
                    embed(nestvec, stdin=windows), embed(nestvec, "--file", path),
                    embed(nestvec, "--jsonl", "--file", as_json),
                    embed(nestvec, "--jsonl", stdin=as_json.read_bytes()),
                    embed(nestvec, TEXTS[0], "-", TEXTS[3], stdin="\n".join(TEXTS[1:3]))):
        assert numpy.array_equal(vectors, expected)


def test_texts_that_look_like_something_else(nestvec):  # noqa: F811
    odd = ["[a,b]", "{}", "info", "--help", "-", "%%", "a,b"]
    # "--" ends the options but "-" still is standard input.
    as_lines = embed(nestvec, stdin="\n".join(text for text in odd if text != "-"))
    as_arguments = embed(nestvec, "--", *(text for text in odd if text != "-"))
    assert numpy.array_equal(as_lines, as_arguments)
    assert len(as_lines) == 6


def test_formats(nestvec, expected, tmp_path):  # noqa: F811
    run = ("embed", "-q", "--model", V3, *TEXTS, "--format")
    whole = json.loads(nestvec.ok(*run, "json"))
    assert whole["dimensions"] == expected.shape[1]
    assert numpy.array_equal(numpy.array(whole["embeddings"]), expected)

    output = tmp_path / "vectors.npy"
    assert nestvec.ok(*run, "npy", "--output", output) == ""
    array = numpy.load(output)
    assert array.dtype == numpy.float32 and numpy.array_equal(array, expected.astype(numpy.float32))
    piped = nestvec(*run, "npy").stdout
    assert numpy.array_equal(numpy.load(io.BytesIO(piped)), array)
    # Nine digits read back as the very same floats.
    assert numpy.array_equal(expected.astype(numpy.float32).astype(str),
                             array.astype(str))

    lines = [json.loads(line)["embedding"] for line in nestvec.ok(*run, "base64").splitlines()]
    decoded = [numpy.frombuffer(base64.b64decode(line, validate=True), "<f4") for line in lines]
    assert numpy.array_equal(decoded, array)

    bits = numpy.packbits(array >= 0, axis=1)
    assert numpy.array_equal(rows(nestvec.ok(*run, "ubinary")), bits)
    assert numpy.array_equal(rows(nestvec.ok(*run, "binary")), bits.astype(int) - 128)


def test_dimensions_are_cut_then_normalised(nestvec, expected):  # noqa: F811
    cut = embed(nestvec, *TEXTS, "--dimensions", "20")
    again = expected[:, :20] / numpy.linalg.norm(expected[:, :20], axis=1, keepdims=True)
    assert numpy.abs(cut - again).max() < 1e-6
    raw = embed(nestvec, *TEXTS, "--no-normalize")
    assert numpy.abs(raw / numpy.linalg.norm(raw, axis=1, keepdims=True) - expected).max() < 1e-6
    assert numpy.abs(numpy.linalg.norm(raw, axis=1) - 1).max() > 1e-3


def test_prompt_and_task(nestvec):  # noqa: F811
    query = embed(nestvec, "--task", "retrieval.query", "x")
    bare = embed(nestvec, "--task", "retrieval.query", "--no-prompt", "x")
    typed = embed(nestvec, "--task", "retrieval.query", "--no-prompt",
                  "Represent the query for retrieving evidence documents: x")
    assert not numpy.array_equal(query, bare)
    assert numpy.array_equal(query, typed)
    assert numpy.array_equal(embed(nestvec, "x"), embed(nestvec, "--task", "text-matching", "x"))


def test_late_chunking_of_one_chunk_is_plain(nestvec):  # noqa: F811
    assert numpy.abs(embed(nestvec, "--late-chunking", "one chunk") - embed(nestvec, "one chunk")).max() < 1e-6
    two = embed(nestvec, "--late-chunking", "The cat sat.", "It slept.")
    assert numpy.abs(two - embed(nestvec, "The cat sat.", "It slept.")).max() > 1e-3


def test_truncation_is_reported_in_one_line(nestvec):  # noqa: F811
    long = "word " * 300
    run = ("embed", "--model", BERT, "--format", "jsonl", "short", long, "--quiet")
    done = nestvec(*run)
    assert done.returncode == 0
    assert done.stderr.decode() == ("nestvec: note: 1 of 2 texts had more than 96 tokens and lost "
                                    "some (index 1)\n")
    right = rows(done.stdout.decode())
    left = rows(nestvec.ok("embed", "-q", "--model", BERT, "--format", "jsonl", "--truncate", "left",
                           "short", "other " * 50 + long))
    assert right.shape == left.shape
    nestvec.fails(2, *run, "--truncate", "error", says=["text 1", "96"])


def test_settings_from_file_environment_and_flag(nestvec, tmp_path):  # noqa: F811
    config = tmp_path / "config.yaml"
    config.write_text(f"checkpoints: {{repo_id: {V3}}}\nruntime:\n  max_tokens: 40\n  thread: 1\n")

    def info(*arguments, env=None):
        done = nestvec("info", "--json", "--config", config, *arguments, env=env)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    assert info()["max_tokens"] == 40
    assert info(env={"NESTVEC_MAX_TOKENS": "50"})["max_tokens"] == 50
    assert info("--max-tokens", "60", env={"NESTVEC_MAX_TOKENS": "50"})["max_tokens"] == 60
    assert info("--threads", "1")["threads"] == 1
    assert info(env={"NESTVEC_MODEL": str(BERT)})["family"] == "jina-embeddings-v3"
    assert info("--model", BERT)["family"] == "bert"
    warning = nestvec("embed", "--config", config, "x").stderr.decode()
    assert f"nestvec: {config}:4:3: unknown key" in warning
    assert 'did you mean "threads"?' in warning
    for line in ("memory plan: ", "threads: 1: "):
        assert f"nestvec: {line}" in nestvec("embed", "-v", "--threads", "1", "--config", config, "x").stderr.decode()


def test_the_default_model_is_found(nestvec, tmp_path):  # noqa: F811
    assert json.loads(nestvec.ok("info", "--json", env={"NESTVEC_MODEL": str(BERT)}))["dimensions"] > 0
    folder = tmp_path / "models" / "all-MiniLM-L6-v2"
    folder.parent.mkdir()
    folder.symlink_to(BERT)
    assert "bert" in nestvec.ok("info", env={"NESTVEC_CACHE": str(tmp_path)})


def test_info_tells_what_was_decided(nestvec):  # noqa: F811
    facts = json.loads(nestvec.ok("info", "--json", "--model", V3, "--threads", "1"))
    assert facts["id"] == "v3-tiny" and facts["family"] == "jina-embeddings-v3"
    assert facts["dimensions"] == 64 and facts["matryoshka_dimensions"] == [32, 64]
    assert facts["tasks"]["retrieval.passage"] == "Represent the document for retrieval: "
    assert facts["threads_reason"] == "1: as configured"
    assert facts["memory_plan_bytes"] > 0 and facts["resident_bytes"] > 0
    table = nestvec.ok("info", "--model", V3, "--threads", "1")
    for part in ("v3-tiny", "retrieval.query", facts["isa"], facts["memory_plan"]):
        assert part in table


def test_quickstart_is_readable(nestvec):  # noqa: F811
    text = nestvec.ok("quickstart", "--model", V3, "--quiet")
    assert "64 dimensions" in text and "norm 1.0000" in text and "Closest" in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) < 100
    own = nestvec.ok("quickstart", "--model", V3, "-q", "[one]", "\u6f22\u5b57\u6f22\u5b57")
    assert "[one]" in own and "\u6f22\u5b57" in own
    table = [line for line in own.splitlines() if " 1.00" in line and "norm" not in line]
    assert len(table) == 2 and table[0].startswith("   1  [one] ")


def test_quickstart_shows_what_is_nearest_to_one_text(nestvec):  # noqa: F811
    text = nestvec.ok("quickstart", "--model", V3, "-q", "The central bank raised interest rates.")
    head, _, below = text.partition("Nearest to your text")
    assert "norm 1.0000" in head and "Closest" not in text
    ranked = [line.split(None, 1) for line in below.splitlines() if line.startswith("    ")]
    values = [float(value) for value, _ in ranked]
    assert len(ranked) == 6 and values == sorted(values, reverse=True)
    assert values[0] == 1 and ranked[0][1].startswith("The central bank raised interest rates.")


def on_terminal(command, *arguments, env=None):
    """What a run prints on a pseudo-terminal."""
    master, slave = pty.openpty()
    process = command.start(*arguments, env={"TERM": "xterm-256color", **(env or {})}, stdin=slave,
                            stdout=slave, stderr=slave)
    os.close(slave)
    seen = b""
    deadline = time.monotonic() + 2 * SECONDS
    while time.monotonic() < deadline:
        if select.select([master], [], [], 0.2)[0]:
            try:
                piece = os.read(master, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            seen += piece
    os.close(master)
    return process.wait(SECONDS), seen.decode()


def test_colours_on_a_terminal_only(nestvec):  # noqa: F811
    run = ("quickstart", "--model", V3, "-q")
    code, text = on_terminal(nestvec, *run)
    assert code == 0 and "\x1b[" in text
    assert "\x1b[" not in on_terminal(nestvec, *run, env={"NO_COLOR": "1"})[1]
    assert "\x1b[" not in on_terminal(nestvec, *run, env={"TERM": "dumb"})[1]
    code, text = on_terminal(nestvec, "embd")
    assert code == 2 and "\x1b[" in text
    code, text = on_terminal(nestvec, "embed", "--model", V3)
    assert code == 2 and "no text was given" in text


def test_short_results_are_for_terminals_only(nestvec, tmp_path):  # noqa: F811
    texts = [f"text {i}" for i in range(25)]
    code, shown = on_terminal(nestvec, "embed", "-q", "--model", V3, *texts)
    assert code == 0 and "64 dimensions" in shown and "... and 5 more texts" in shown
    assert shown.count("norm 1.0000") == 20 and "embeddings" not in shown
    first = json.loads(nestvec.ok("embed", "-q", "--model", V3, texts[0]))["embeddings"][0][0]
    assert f"text 0{' ' * 26} [ {first:+.4f} " in shown
    output = tmp_path / "vectors.npy"
    code, shown = on_terminal(nestvec, "embed", "-q", "--model", V3, *texts, "-o", str(output))
    assert code == 0 and shown == "" and numpy.load(output).shape == (25, 64)
    assert '"index":24' in on_terminal(nestvec, "embed", "--model", V3, "--format", "jsonl", *texts)[1]


def test_notes_are_few(nestvec):  # noqa: F811
    nestvec.ok("embed", "--model", V3, "x")
    assert nestvec("embed", "--model", V3, "x").stderr == b""
    told = nestvec("embed", "-v", "--model", V3, "x").stderr.decode()
    assert [line.split(":")[1].strip() for line in told.splitlines()] == ["memory plan", "precision", "threads"]
    assert nestvec("embed", "-v", "-q", "--model", V3, "x").stderr == b""


def test_json_lines_come_while_texts_do(nestvec):  # noqa: F811
    process = nestvec.start("embed", "-q", "--model", V3, "--format", "jsonl", "-",
                            stdin=-1, stdout=-1)
    for _ in range(600):
        process.stdin.write(b"a line\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["index"] == 0, "nothing until the end of input"
    process.stdin.close()
    assert sum(1 for _ in process.stdout) == 599
    assert process.wait(SECONDS) == 0


def test_a_reader_that_leaves_is_no_error(nestvec):  # noqa: F811
    process = nestvec.start("embed", "-q", "--model", V3, "--format", "jsonl", "--file", "/dev/stdin",
                            stdin=-1, stdout=-1, stderr=-1)
    process.stdout.close()
    for _ in range(2000):
        try:
            process.stdin.write(b"text\n")
        except BrokenPipeError:
            break
    try:
        process.stdin.close()
    except BrokenPipeError:
        pass
    assert process.stderr.read() == b""
    assert process.wait(SECONDS) == 141


def test_interrupted_writing_leaves_nothing(nestvec, tmp_path):  # noqa: F811
    output = tmp_path / "out.jsonl"
    process = nestvec.start("embed", "-q", "--model", V3, "--format", "jsonl", "--output", output,
                            "-", stdin=-1, stderr=-1)
    process.stdin.write(b"a line\n" * 600)
    process.stdin.flush()
    wait_until(lambda: list(tmp_path.iterdir()) and has_read_all(process), "a file is begun")
    process.send_signal(signal.SIGINT)
    assert process.wait(SECONDS) == 130
    assert process.stderr.read() == b""
    assert list(tmp_path.iterdir()) == []


def test_the_reference_page_is_printed(nestvec):  # noqa: F811
    assert nestvec.ok("config-reference") == (REPOSITORY / "docs" / "config.md").read_text()
