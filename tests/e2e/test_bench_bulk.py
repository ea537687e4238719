# SPDX-License-Identifier: Apache-2.0
"""bench/bulk in the small, on a tiny model and a corpus of its own."""

import gzip
import json
import subprocess
import sys

import pytest

from command import MODELS, REPOSITORY, nestvec  # noqa: F401 (a fixture)

BULK = REPOSITORY / "bench" / "bulk" / "bulk.py"


@pytest.fixture
def documents(tmp_path):
    folder = tmp_path / "doc"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "README").write_text("\n\n".join(f"Paragraph {i} of a text\nof two lines." for i in range(40)))
    (folder / "a" / "changelog.gz").write_bytes(gzip.compress(b"  * Something was changed.\n\n  * And more of it.\n"))
    (folder / "de").mkdir()
    (folder / "de" / "django.po").write_text('msgid "a"\nmsgstr ""\n"Ein langer Satz "\n"in zwei Teilen."\n')
    return folder


def test_everything_is_measured(nestvec, documents, tmp_path):  # noqa: F811
    report, store = tmp_path / "report.md", tmp_path / "store"
    done = subprocess.run(
        [sys.executable, BULK, "--nestvec", nestvec.binary, "--model", MODELS / "bert-tiny", "--documents", documents,
         "--catalogues", documents, "--store", store, "--rows", "300", "--rounds", "2", "--memory-rows", "50,700",
         "--peers", "none", "--threads", "1", "--json", tmp_path / "results.json", "--report", report],
        env=nestvec.environment(PYTHONDONTWRITEBYTECODE="1"), text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    engine, bulk = results["runs"]["engine"], results["runs"]["bulk"]
    assert [run["texts"] for run in engine + bulk] == [300] * 4
    assert len({run["tokens"] for run in engine + bulk}) == 1, "both read the same texts"
    assert [row["rows"] for row in results["memory"]] == [50, 700]
    assert all(row["peak_bytes"] > 1 << 20 and row["seconds"] > 0 for row in results["memory"])
    texts = [json.loads(line)["text"] for line in (store / "corpus-300.jsonl").read_text().splitlines()]
    assert len(set(texts)) == 300 and "Ein langer Satz in zwei Teilen." in texts
    assert "| nestvec embed --input " in report.read_text() and "of the engine's own rate" in report.read_text()
