# SPDX-License-Identifier: Apache-2.0
"""bench/engines: a comparison in the small, on a model of two layers."""

import json
import os
import shutil
import subprocess
import sys

import numpy
import pytest

from command import REPOSITORY, nestvec  # noqa: F401 (a fixture)

ENGINES = REPOSITORY / "bench" / "engines"
NAMES = ["nestvec-fp32", "onnxruntime-official", "onnxruntime-folded"]


def compare(nestvec, store, *arguments):  # noqa: F811
    run = [sys.executable, ENGINES / "compare.py", "--nestvec", nestvec.binary, "--store", store, "--size", "tiny",
           "--models", "v3", "--engines", ",".join(NAMES), "--rounds", "1", "--turn-seconds", "0", "--threads", "1"]
    return subprocess.run([*run, *arguments], env=nestvec.environment(PYTHONDONTWRITEBYTECODE="1"), text=True,
                          capture_output=True, timeout=1200)


@pytest.fixture(scope="module")
def measured(nestvec, tmp_path_factory):  # noqa: F811
    """The folder of a run, with its results and its report."""
    folder = tmp_path_factory.mktemp("engines")
    (folder / "report.md").write_text("# Before\n\n<!-- bench-engines: begin; written by `make bench-engines` -->\n"
                                      "old\n<!-- bench-engines: end -->\n\nAfter\n")
    done = compare(nestvec, folder, "--workloads", "short,mixed", "--report", folder / "report.md")
    assert done.returncode == 0, done.stderr
    return folder


def test_engines_agree_and_are_timed(measured):
    (model,) = json.loads((measured / "results.json").read_text())["models"]
    assert list(model["engines"]) == NAMES and not model["left_out"]
    short, mixed = model["workloads"]
    assert short["lengths"] == [16] and len(mixed["lengths"]) == 48 and len(set(mixed["lengths"])) > 20
    # Those that pad have three ways to fill a batch.
    assert [row["engine"] for row in short["rows"]] == NAMES
    assert [row["engine"] for row in mixed["rows"]] == [NAMES[0]] + [NAMES[1]] * 3 + [NAMES[2]] * 3
    for row in short["rows"] + mixed["rows"]:
        assert row["cosine"] >= 0.9999 and len(row["round_seconds"]) == 1 and row["seconds"] > 0
        assert row["times_of"]["nestvec-fp32"] > 0
    assert all(size > 1 << 20 for size in short["peak_bytes"].values())


@pytest.mark.parametrize("name", ["v5-nano", "v5-small"])
def test_engines_agree_on_jina_embeddings_v5(nestvec, tmp_path, name):  # noqa: F811
    done = compare(nestvec, tmp_path, "--models", name, "--workloads", "short,mixed")
    assert done.returncode == 0, done.stderr
    (model,) = json.loads((tmp_path / "results.json").read_text())["models"]
    assert list(model["engines"]) == [NAMES[0], NAMES[2]]
    rows = [row for workload in model["workloads"] for row in workload["rows"]]
    assert len(rows) == 2 + 4 and all(row["cosine"] >= 0.9999 for row in rows)


def test_the_report_replaces_what_is_between_the_markers(measured):
    text = (measured / "report.md").read_text()
    assert text.startswith("# Before\n") and text.endswith("-->\n\nAfter\n") and "\nold\n" not in text
    assert "| ONNX Runtime, folded, batches of 16, by length " in text


def test_an_engine_that_disagrees_is_not_timed(nestvec, measured, tmp_path):  # noqa: F811
    store = tmp_path / "store"
    shutil.copytree(measured, store)
    weights = numpy.memmap(store / "v3-tiny" / "folded" / "model.onnx_data", numpy.float32, "r+")
    weights[len(weights) // 2:] *= -1
    weights.flush()
    done = compare(nestvec, store, "--workloads", "short", "--engines", f"{NAMES[0]},{NAMES[2]}")
    assert done.returncode == 1
    (model,) = json.loads((store / "results.json").read_text())["models"]
    (short,) = model["workloads"]
    assert [row["engine"] for row in short["rows"]] == NAMES[:1]
    assert short["left_out"]["onnxruntime-folded"].startswith("disagrees: cosine ")


def test_copies_of_a_product_benchmark_add_up(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ENGINES)
    import products
    entries = [{"name": "encoder/f32/1024", "items_per_second": 20.5, "label": "avx2"},
               {"name": "encoder/bf16/1024", "error_occurred": True, "error_message": "unknown"}]
    program = tmp_path / "gemm_bench"
    program.write_text(f"#!{sys.executable}\nimport json\nprint(json.dumps({{'benchmarks': {entries!r}}}))\n")
    program.chmod(0o755)
    threads = min(2, len(os.sched_getaffinity(0)))
    assert products.measure(tmp_path, threads, 0.1) == [
        {"program": "gemm_bench", "title": "nestvec's kernels", "isa": "avx2", "precision": "fp32", "rows": 1024,
         "tokens_per_second": 20.5 * threads}]
