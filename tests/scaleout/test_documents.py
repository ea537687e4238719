# SPDX-License-Identifier: Apache-2.0
"""The code of README.md runs as it is printed."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^<!-- run: scaleout -->\n```(bash|py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [pytest.param(*block.groups(), id=block[1]) for block in BLOCK.finditer((ROOT / "README.md").read_text())]


@pytest.mark.parametrize("language, code", BLOCKS)
def test_block(language, code, model_folder, corpus, table, tmp_path):
    if "spark" in code and not shutil.which("java"):
        pytest.skip("Spark needs Java, and this machine has none")
    shutil.copytree(corpus, tmp_path / "docs")
    start = ["bash", "-euo", "pipefail", "-c"] if language == "bash" else [sys.executable, "-c"]
    environment = dict(os.environ, MODEL=model_folder, PYSPARK_PYTHON=sys.executable,
                       PATH=f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}")
    environment.pop("RAY_ADDRESS", None)
    for _ in range(3):
        run = subprocess.run([*start, code.replace("path/to/model", model_folder)], cwd=tmp_path, env=environment,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if run.returncode == 0 or "timed out during startup" not in run.stdout:
            break  # or Ray itself was too slow to start
        for output in tmp_path.iterdir():
            if output.name != "docs":
                shutil.rmtree(output)
    assert run.returncode == 0, run.stdout
    outputs = [path for path in tmp_path.iterdir() if path.name != "docs"]
    assert outputs
    for output in outputs:
        found = pq.read_table(output, columns=["id", "embedding"])
        assert sorted(found["id"].to_pylist()) == table["id"].to_pylist(), output
        assert found["embedding"].null_count == table["text"].null_count, output
