# SPDX-License-Identifier: Apache-2.0
"""bench/load in the small, on a tiny model."""

import json
import subprocess
import sys

import pytest

from command import MODELS, REPOSITORY, nestvec  # noqa: F401 (a fixture)

LOAD = REPOSITORY / "bench" / "load" / "load.py"
MARKERS = "<!-- bench-load: begin; written by `make bench-load` -->\nold\n<!-- bench-load: end -->"


def load(nestvec, *arguments):  # noqa: F811
    run = [sys.executable, LOAD, "--nestvec", nestvec.binary, "--model", MODELS / "bert-tiny", "--warm-up", "0.1",
           "--seconds", "0.2", *arguments]
    return subprocess.run(run, env=nestvec.environment(PYTHONDONTWRITEBYTECODE="1"), text=True, capture_output=True,
                          timeout=300)


@pytest.fixture(scope="module")
def measured(nestvec, tmp_path_factory):  # noqa: F811
    folder = tmp_path_factory.mktemp("load")
    (folder / "report.md").write_text(f"# Before\n\n{MARKERS}\n\nAfter\n")
    done = load(nestvec, "--concurrency", "1,3", "--json", folder / "results.json", "--report", folder / "report.md")
    assert done.returncode == 0, done.stderr
    return folder


def test_every_workload_is_measured(measured):
    results = json.loads((measured / "results.json").read_text())
    cells = {(cell["workload"], cell["clients"]): cell for cell in results["cells"]}
    assert set(cells) == {(workload, clients) for workload in ("short", "mixed", "bulk") for clients in (1, 3)} | {
        ("interactive, alone", 16), ("interactive, beside bulk", 16), ("bulk, beside interactive", 1)}
    for (workload, _), cell in cells.items():
        assert cell["failed"] == 0 and cell["requests"] > 0
        assert 0 < cell["p50"] <= cell["p99"] < 60
        texts = 32 if workload.startswith("bulk") else 1
        # Those that began before the clock did count as texts, not as latencies.
        assert cell["texts_per_second"] * cell["seconds"] >= cell["requests"] * texts - 0.5
    for row in results["overhead"]:
        times = row["milliseconds"]
        assert times["tokens"] >= row["texts"] * 5
        assert 0 < times["compute"] <= times["total"] <= times["client"]


def test_many_texts_beside_the_engine(nestvec, tmp_path):  # noqa: F811
    run = [sys.executable, LOAD.with_name("many_texts.py"), "--nestvec", nestvec.binary, "--model", MODELS / "bert-tiny",
           "--texts", "40", "--rounds", "2", "--json", tmp_path / "results.json"]
    done = subprocess.run(run, env=nestvec.environment(PYTHONDONTWRITEBYTECODE="1"), text=True, capture_output=True,
                          timeout=300)
    assert done.returncode == 0, done.stderr
    seconds = json.loads((tmp_path / "results.json").read_text())["seconds"]
    assert len(seconds) == 4 and all(len(row) == 2 and min(row) > 0 for row in seconds.values())
    assert "40 texts, bert-tiny in" in done.stdout and "| the engine alone " in done.stdout


def test_a_small_model_beside_large_ones(nestvec, tmp_path):  # noqa: F811
    run = [sys.executable, LOAD.with_name("behind_other_model.py"), "--nestvec", nestvec.binary, "--small", MODELS / "bert-tiny",
           "--embedder", MODELS / "v3-tiny", "--reranker", MODELS / "xlmr-reranker-tiny", "--warm-up", "0.1", "--seconds", "0.6",
           "--pause", "0.01", "--json", tmp_path / "results.json"]
    done = subprocess.run(run, env=nestvec.environment(PYTHONDONTWRITEBYTECODE="1"), text=True, capture_output=True,
                          timeout=300)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    assert [row["model"] for row in results["rows"]] == ["small", "small", "embedder", "small", "reranker", "small",
                                                         "embedder", "reranker", "embedder", "reranker", "small"]
    alone, together = results["memory"]
    assert 0 < alone["pss"] <= alone["rss"] and alone["plan"].startswith("weights ") and together["plan"].endswith("iB")


def test_the_report_replaces_what_is_between_the_markers(measured):
    text = (measured / "report.md").read_text()
    assert text.startswith("# Before\n") and text.endswith("-->\n\nAfter\n") and "\nold\n" not in text
    assert "| short " in text and "| 8,192 tokens, base64 " in text


def test_a_server_that_refuses_ends_the_measurement(nestvec):  # noqa: F811
    done = load(nestvec, "--workloads", "short", "--concurrency", "1", "--serve=--api-key another")
    assert done.returncode == 1 and "no request was answered with vectors" in done.stderr and "401" in done.stderr
