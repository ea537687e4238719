# SPDX-License-Identifier: Apache-2.0
"""The packages in build/, and at the end the table of what was run where."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from journeys import FIRST_VECTORS, TABLE  # noqa: E402


def pytest_terminal_summary(terminalreporter):
    if not TABLE and not FIRST_VECTORS:
        return
    terminalreporter.section("clean systems")
    terminalreporter.write_line("First vector: from a local file to a vector of a model that is there; downloads are not counted.")
    terminalreporter.write_line("")
    for line in TABLE.lines() if TABLE else []:
        terminalreporter.write_line(line)
    for (suite, architecture, way), seconds in FIRST_VECTORS.items():
        terminalreporter.write_line(f"{suite + ' ' + architecture:16} {way:7} first vector {seconds:.1f} s")


@pytest.fixture(scope="session")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("roots")
