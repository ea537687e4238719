# SPDX-License-Identifier: Apache-2.0
"""The code of README.md that is marked `run: scaleout`: a block of bash for Ray, one of Python for Spark."""

import pathlib
import re
import shutil

import pyarrow.parquet as pq
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^<!-- run: scaleout -->\n```(bash|py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def block(language):
    """The code as it is printed. There is one block of each language, and no other."""
    blocks = BLOCK.findall((ROOT / "README.md").read_text())
    assert sorted(found for found, _ in blocks) == ["bash", "py"]
    return dict(blocks)[language]


@pytest.fixture
def folder(tmp_path):
    """Where the code runs."""
    return tmp_path


@pytest.fixture
def documents(corpus, table, folder, monkeypatch):
    """Makes a folder with the documents that the code reads the current one. What it gives checks what the code has
    written."""
    shutil.copytree(corpus, folder / "docs")
    monkeypatch.chdir(folder)

    def check(*outputs):
        assert sorted(path.name for path in folder.iterdir()) == sorted(["docs", *outputs])
        for output in outputs:
            found = pq.read_table(output, columns=["id", "embedding"])
            assert sorted(found["id"].to_pylist()) == table["id"].to_pylist(), output
            assert found["embedding"].null_count == table["text"].null_count, output

    return check
