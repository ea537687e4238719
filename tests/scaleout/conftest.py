# SPDX-License-Identifier: Apache-2.0
"""A corpus, its vectors by `Model.encode`, and settings of Ray and Spark on this machine."""

import os
import pathlib
import random
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))  # waiting
ROWS = 600
V3 = ROOT / "tests/models/v3-tiny"

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
# Slow machines start Ray slowly.
os.environ["RAY_agent_register_timeout_ms"] = "120000"
os.environ["RAY_worker_register_timeout_seconds"] = "300"
os.environ["RAY_gcs_server_port_wait_time_s"] = "120"
# A node that is gone is missed after 5 questions that nobody takes, half a second apart; one that is slow has 10
# seconds for each.
os.environ["RAY_health_check_initial_delay_ms"] = "1000"
os.environ["RAY_health_check_period_ms"] = "500"
os.environ["RAY_prestart_worker_first_driver"] = "0"  # workers that no test uses
os.environ["RAY_worker_niceness"] = "0"  # else what runs beside the tests goes before Ray's workers
# Spark's process is too short-lived for what a second compiler and a parallel collector gain.
os.environ["JAVA_TOOL_OPTIONS"] = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
# Ray's workers find what this process finds.
os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
sys.path.insert(0, str(ROOT / "tests/e2e"))


@pytest.fixture(scope="session")
def model_folder():
    """A model that costs nothing beside what carries it."""
    return str(V3)


@pytest.fixture(scope="session")
def minilm_folder():
    """all-MiniLM-L6-v2: for weights that count, and for work that lasts until something dies."""
    return subprocess.run([ROOT / "scripts/fetch-default-model.sh"], check=True, capture_output=True,
                          text=True).stdout.strip()


@pytest.fixture(scope="session")
def model(model_folder):
    import nestvec

    return nestvec.Model.load(model_folder)


@pytest.fixture(scope="session")
def table():
    """Texts of 3 to 30 words with their numbers; every 50th is missing."""
    rng = random.Random(7)
    words = "the cat sat on a mat while rivers carried old songs of bread und Käse über 北京 город".split()
    texts = [" ".join(rng.choices(words, k=rng.randint(3, 30))) for _ in range(ROWS)]
    return pa.table({"id": pa.array(range(ROWS), pa.int64()),
                     "text": [None if row % 50 == 49 else text for row, text in enumerate(texts)],
                     "tags": [[str(row)] * (row % 3) for row in range(ROWS)]})


@pytest.fixture(scope="session")
def corpus(table, tmp_path_factory):
    """The table as three Parquet files of small row groups."""
    folder = tmp_path_factory.mktemp("corpus")
    for index, (first, rows) in enumerate(((0, 250), (250, 101), (351, ROWS - 351))):
        pq.write_table(table.slice(first, rows), folder / f"{index}.parquet", row_group_size=60)
    return folder


def check_of(table, model):
    """Checks a table of all rows, in any order: once each, columns as they were, vectors to the last bit."""
    texts = table["text"].to_pylist()
    vectors = iter(model.encode([text for text in texts if text is not None]))
    expected = [None if text is None else next(vectors) for text in texts]

    def check(found: pa.Table) -> None:
        found = found.sort_by("id")
        assert found["id"].to_pylist() == table["id"].to_pylist()
        assert found.select(table.column_names).to_pylist() == table.to_pylist()
        for row, (vector, wanted) in enumerate(zip(found["embedding"].to_pylist(), expected)):
            if wanted is None:
                assert vector is None, row
            else:
                assert np.asarray(vector, np.float32).tobytes() == wanted.tobytes(), row

    return check


@pytest.fixture(scope="session")
def is_embedded(table, model):
    return check_of(table, model)


@pytest.fixture(scope="session")
def is_embedded_by_minilm(table, minilm_folder):
    import nestvec

    return check_of(table, nestvec.Model.load(minilm_folder))
