# SPDX-License-Identifier: Apache-2.0
"""The installed wheel, models for it, and the command beside it."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

# Haystack would report the tests to its maker.
os.environ.setdefault("HAYSTACK_TELEMETRY_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

for folder in ("server", "e2e"):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / folder))
from process import servers_end_well  # noqa: E402, F401
from command import DATA, MODELS, REPOSITORY, Command  # noqa: E402

import nestvec  # noqa: E402


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def load(home):
    """Model.load with a cache of the tests."""

    def load(name, **settings):
        return nestvec.Model.load(MODELS / name, cache_dir=home / "cache", **settings)

    return load


@pytest.fixture(scope="session")
def model(load):
    """jina-embeddings-v3 in the small."""
    return load("v3-tiny", precision="fp32")


@pytest.fixture(scope="session")
def plain(load):
    """A model without tasks."""
    return load("bert-tiny", precision="fp32")


@pytest.fixture(scope="session")
def minilm_folder():
    fetched = subprocess.run([REPOSITORY / "scripts/fetch-default-model.sh"], check=True, capture_output=True, text=True)
    return pathlib.Path(fetched.stdout.strip())


@pytest.fixture(scope="session")
def minilm(home, minilm_folder):
    return nestvec.Model.load(minilm_folder, cache_dir=home / "cache", precision="fp32")


@pytest.fixture(scope="session")
def command_rows(home):
    """What the command makes of texts: float32 rows."""
    command = Command(home)

    def rows(model, texts, *arguments):
        lines = "".join(f"{text}\n" for text in texts)
        done = command("embed", "-", "--model", model, "--precision", "fp32", "--format", "npy", *arguments,
                       "--output", home / "rows.npy", stdin=lines)
        assert done.returncode == 0, done.stderr.decode()
        return np.load(home / "rows.npy")

    return rows


@pytest.fixture(scope="session")
def python(home):
    """Runs a script in a Python of its own that has the wheel; its output as text."""

    def run(script, *arguments, python=sys.executable, timeout=600):
        environment = {**os.environ, "NESTVEC_CACHE_DIR": str(home / "cache"), "PYTHONPATH": ""}
        done = subprocess.run([python, "-c", script, *map(os.fspath, arguments)], env=environment,
                              capture_output=True, text=True, timeout=timeout)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


__all__ = ["DATA", "MODELS", "REPOSITORY"]
