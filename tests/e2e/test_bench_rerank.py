# SPDX-License-Identifier: Apache-2.0
"""bench/rerank: a comparison in the small, on a model of two layers."""

import json
import subprocess
import sys

import numpy
import pytest

from command import REPOSITORY, nestvec  # noqa: F401 (a fixture)

NAMES = ["nestvec-fp32", "onnxruntime"]


def compare(nestvec, store, size, *arguments):  # noqa: F811
    run = [sys.executable, REPOSITORY / "bench" / "rerank" / "rerank.py", "--nestvec", nestvec.binary, "--store", store, "--size", size,
           "--engines", ",".join(NAMES), "--rounds", "1", "--turn-seconds", "0", "--threads", "1", "--documents", "9",
           "--json", store / "results.json"]
    return subprocess.run([*run, *arguments], env=nestvec.environment(PYTHONDONTWRITEBYTECODE="1"), text=True,
                          capture_output=True, timeout=1200)


@pytest.mark.parametrize("size", ["tiny", "tiny-bert"])  # the latter reads token types
def test_engines_agree_and_are_timed(nestvec, tmp_path, size):  # noqa: F811
    done = compare(nestvec, tmp_path, size)
    assert done.returncode == 0, done.stderr
    (result,) = json.loads((tmp_path / "results.json").read_text())["workloads"]
    assert not result["left_out"]
    # Those that pad have three ways to fill a batch.
    assert [row["engine"] for row in result["rows"]] == [NAMES[0]] + [NAMES[1]] * 3
    for row in result["rows"]:
        assert row["difference"] < 1e-4 and row["seconds"] > 0 and len(row["round_seconds"]) == 1
        assert row["times_of"]["nestvec-fp32"] > 0
    assert "| ONNX Runtime, batches of 8, by length " in done.stdout


def test_an_engine_that_disagrees_is_not_timed(nestvec, tmp_path):  # noqa: F811
    assert compare(nestvec, tmp_path, "tiny", "--prepare").returncode == 0
    weights = numpy.memmap(tmp_path / "reranker-tiny" / "onnx" / "model.onnx_data", numpy.float32, "r+")
    weights[:] *= -1
    weights.flush()
    done = compare(nestvec, tmp_path, "tiny")
    assert done.returncode == 1
    (result,) = json.loads((tmp_path / "results.json").read_text())["workloads"]
    assert [row["engine"] for row in result["rows"]] == NAMES[:1]
    assert result["left_out"]["onnxruntime"].startswith("disagrees: a score differs by ")
