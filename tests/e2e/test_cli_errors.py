# SPDX-License-Identifier: Apache-2.0
"""Bad input at the command: one line on standard error, the documented exit code, nothing half-done."""

import json
import os
import resource
import shutil
import signal
import subprocess

import numpy
import pytest

from command import MODELS, nestvec  # noqa: F401 (a fixture)
from waiting import SECONDS

V3 = MODELS / "v3-tiny"
BERT = MODELS / "bert-tiny"
EMBED = ("embed", "-q", "--model", V3, "--format", "jsonl")


def vectors(text):
    return [json.loads(line)["embedding"] for line in text.splitlines()]


@pytest.mark.parametrize("text", ["", " ", " \t  ", "\u3000", "\u200b", "\x00", "\x00a\x00b", "\ufffd"])
def test_texts_without_content_have_a_vector(nestvec, text):  # noqa: F811
    (vector,) = vectors(nestvec.ok(*EMBED, "--jsonl", stdin=json.dumps({"text": text})))
    assert abs(numpy.linalg.norm(vector) - 1) < 1e-6


def test_ill_formed_text_is_repaired_everywhere(nestvec):  # noqa: F811
    expected = nestvec.ok(*EMBED, "a \ufffd b")
    assert nestvec(*EMBED, stdin=b"a \xff b").stdout.decode() == expected
    assert nestvec(*EMBED, b"a \xff b").stdout.decode() == expected
    assert nestvec.ok(*EMBED, "--jsonl", stdin=b'{"text":"a \\ud800 b"}') == expected
    assert nestvec.ok(*EMBED, "--jsonl", stdin=b'{"text":"a \xff b"}') == expected


def test_ten_megabytes_are_cut_or_refused(nestvec):  # noqa: F811
    text = b"lorem ipsum " * 850_000
    done = nestvec(*EMBED, "--max-tokens", "64", stdin=text)
    assert done.returncode == 0 and b"1 of 1 text had more than 64 tokens" in done.stderr
    nestvec.fails(2, *EMBED, "--max-tokens", "64", "--truncate", "error", stdin=text, says="64")


def test_unknown_task_lists_the_valid_ones(nestvec):  # noqa: F811
    nestvec.fails(2, *EMBED, "--task", "nonsense", "x",
                  says=["nonsense", "retrieval.query", "retrieval.passage", "separation",
                        "classification", "text-matching", "none"])
    bert = ("embed", "-q", "--model", BERT, "x")
    assert nestvec.ok(*bert, "--task", "retrieval.query") == nestvec.ok(*bert), "a model without tasks"
    nestvec.fails(2, *bert, "--task", "nonsense", says="nonsense")


@pytest.mark.parametrize("dimensions", ["0", "65", "2000"])
def test_dimensions_out_of_range(nestvec, dimensions):  # noqa: F811
    nestvec.fails(2, *EMBED, "--dimensions", dimensions, "x",
                  says=[f"dimensions {dimensions}", "1..64", "32, 64"])


def test_binary_needs_whole_bytes(nestvec):  # noqa: F811
    nestvec.fails(2, "embed", "-q", "--model", V3, "--format", "binary", "--dimensions", "12", "x",
                  says=["12", "multiple of 8"])


def test_missing_files(nestvec, tmp_path):  # noqa: F811
    nestvec.fails(3, *EMBED, "--file", "/nonexistent/texts", says="/nonexistent/texts")
    nestvec.fails(3, "embed", "--model", tmp_path / "none", "x", says="none")
    nestvec.fails(3, "embed", "--model", "owner/unknown-model", "x",
                  says=["owner/unknown-model", "nestvec pull owner/unknown-model"])
    nestvec.fails(3, "embed", "--config", tmp_path / "config.yaml", "x", says="config.yaml")
    nestvec.fails(3, "embed", "x", says="make quickstart")
    nestvec.fails(3, "tokenize", "--tokenizer", tmp_path / "tokenizer.json", says="tokenizer.json")
    nestvec.fails(2, *EMBED, "--file", tmp_path, says=str(tmp_path))


def test_a_missing_file_is_told_before_a_model_is_loaded(nestvec):  # noqa: F811
    done = nestvec("embed", "--model", V3, "--file", "/nonexistent/texts")
    assert done.returncode == 3 and done.stderr.count(b"\n") == 1, done.stderr


def test_closed_standard_streams_are_no_files_of_ours(nestvec):  # noqa: F811
    nestvec.fails(1, *EMBED, "-", preexec_fn=lambda: os.close(0), says="standard input")
    nestvec.fails(1, *EMBED, "x", preexec_fn=lambda: os.close(1), says="standard output")


def test_broken_json_lines_name_the_line(nestvec):  # noqa: F811
    for line in ('{"text":', '{"txt":"a"}', '7', '{"text":null}', '{"text":["a"]}', "\x01"):
        nestvec.fails(2, *EMBED, "--jsonl", stdin='{"text":"fine"}\n' + line,
                      says="line 2 of standard input")


def test_config_errors_have_line_and_column(nestvec, tmp_path):  # noqa: F811
    config = tmp_path / "config.yaml"
    config.write_text("runtime:\n  threads: many\n")
    nestvec.fails(2, "embed", "--config", config, "x", says=f"{config}:2:12: runtime.threads")
    config.write_text("runtime: [\n")
    nestvec.fails(2, "embed", "--config", config, "x", says=[f"{config}:", "not valid YAML"])
    nestvec.fails(2, "embed", "--model", V3, "x", env={"NESTVEC_THREADS": "-1"},
                  says="NESTVEC_THREADS")


def test_a_plan_over_budget_is_refused_with_numbers(nestvec):  # noqa: F811
    nestvec.fails(5, *EMBED, "--cpu-memory", "10Mi", "x", says=["10 MiB", "MiB"])


def test_secrets_are_not_shown(nestvec, tmp_path):  # noqa: F811
    config = tmp_path / "config.yaml"
    config.write_text(f"checkpoints: {{repo_id: {V3}, hf_token: hf_0123abcd}}\nruntime: {{x: 1}}\n")
    for arguments in (("info",), ("info", "--json"), ("embed", "x"), ("embed", "--dimensions", "0", "x")):
        done = nestvec(*arguments, "--config", config, env={"NESTVEC_HF_TOKEN": "hf_4567abcd"})
        assert b"abcd" not in done.stdout + done.stderr


def test_output_that_cannot_be_written(nestvec, tmp_path):  # noqa: F811
    nestvec.fails(3, *EMBED, "--output", tmp_path / "none" / "out", "x", says="none")
    nestvec.fails(2, *EMBED, "--output", tmp_path, "x", says=str(tmp_path))
    lines = tmp_path / "lines.jsonl"
    lines.write_text("a\n")
    nestvec.fails(2, *EMBED, "--file", lines, "--output", lines, says="would replace an input")
    assert lines.read_text() == "a\n"
    nestvec.fails(5, *EMBED, "--output", "/dev/full", "x", says="/dev/full")
    with open("/dev/full", "wb") as full:
        process = nestvec.start(*EMBED, "x", stdout=full, stderr=-1)
        assert b"standard output" in process.communicate()[1]
        assert process.returncode == 5


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_output_without_permission(nestvec, tmp_path):  # noqa: F811
    tmp_path.chmod(0o500)
    nestvec.fails(7, *EMBED, "--output", tmp_path / "out", "x")


def test_a_full_disk_leaves_no_file(nestvec, tmp_path):  # noqa: F811
    nestvec.ok(*EMBED, "x")  # compiled before files are limited

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    output = tmp_path / "out"
    nestvec.fails(5, *EMBED, "--output", output, *["text"] * 50, preexec_fn=limit,
                  restore_signals=False, says="out")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_what_stood_there(nestvec, tmp_path):  # noqa: F811
    output = tmp_path / "out"
    output.write_text("precious")
    nestvec.fails(2, *EMBED, "--output", output, "--jsonl", stdin='{"text":"a"}\n{')
    assert output.read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_file_of_the_model_is_missing_or_broken(nestvec, tmp_path, name):  # noqa: F811
    folder = tmp_path / "model"
    shutil.copytree(V3, folder)
    cache = {"NESTVEC_CACHE": str(tmp_path / "cache")}
    run = ("embed", "-q", "--model", folder, "x")
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    done = nestvec(*run, env=cache)
    assert done.returncode == 4, done.stderr
    assert name in done.stderr.decode() and done.stderr.count(b"\n") == 1
    (folder / name).unlink()
    done = nestvec(*run, env=cache)
    assert done.returncode == 3 and done.stderr.count(b"\n") == 1, done.stderr
    assert [path for path in (tmp_path / "cache").glob("*") if path.suffix != ".lock"] == []


def test_no_home_or_one_that_cannot_be_written(nestvec, tmp_path):  # noqa: F811
    """What a container with a random user has."""
    for home in ({"HOME": ""}, {"HOME": "/proc"}):
        done = nestvec("embed", "--model", V3, "x", env={"NESTVEC_CACHE": "", **home})
        assert done.returncode != 0
        assert b"NESTVEC_CACHE_DIR" in done.stderr, done.stderr
        nestvec.ok("embed", "--model", V3, "x",
                   env={"NESTVEC_CACHE": "", "NESTVEC_CACHE_DIR": str(tmp_path), **home})


def test_too_few_open_files_are_no_corrupt_file(nestvec, tmp_path):  # noqa: F811
    """Whichever file meets the limit, in a fresh cache and with a compiled model."""
    for cache in ("fresh", "filled"):
        where = {"NESTVEC_CACHE": str(tmp_path / cache)}
        if cache == "filled":
            nestvec.ok(*EMBED, "x", env=where)
        for count in range(4, 16):
            def limit(count=count):
                resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))

            done = nestvec(*EMBED, "x", env=where, preexec_fn=limit)
            if b"shared libraries" in done.stderr:  # the loader's own words
                continue
            assert done.returncode in (0, 5), (count, done.returncode, done.stderr)
            assert done.returncode == 0 or b"Too many open files" in done.stderr, done.stderr


def test_a_server_without_a_standard_output_goes_on(nestvec, tmp_path):  # noqa: F811
    socket = tmp_path / "socket"
    process = nestvec.start("serve", "--model", V3, "--http", f"unix:{socket}", stdin=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, preexec_fn=lambda: os.close(1))
    try:
        lines = iter(process.stderr.readline, b"")
        assert any(b"standard output" in line for line in lines)
        assert process.poll() is None
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)
    assert process.returncode == 0
