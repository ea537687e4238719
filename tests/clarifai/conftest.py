# SPDX-License-Identifier: Apache-2.0
"""Clarifai's SDK as PyPI has it, against running servers.

Each version of it has an environment of its own, and pytest runs in it. The SDK reads CLARIFAI_API_BASE when it is
imported, so fixtures import it, after the server has an address.
"""

import os
import subprocess
import sys

import pytest

from sdk import PAT, serve, url_of
from command import MODELS, REPOSITORY  # on the path since sdk was imported
from process import certificate, servers_end_well  # noqa: F401 (fixtures)


def pytest_configure(config):
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning")  # old SDKs with a newer protobuf


@pytest.fixture(scope="session")
def default_model():
    """all-MiniLM-L6-v2."""
    script = REPOSITORY / "scripts" / "fetch-default-model.sh"
    return subprocess.run([script], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def server(home, default_model):
    """Trained weights, one port, the PAT as its key."""
    with serve(home, model=default_model) as served:
        yield served


@pytest.fixture(scope="session")
def v3(home, tmp_path_factory):
    """jina-embeddings-v3 with one random layer: 1,024 wide, five tasks."""
    folder = tmp_path_factory.mktemp("models") / "v3"
    subprocess.run([sys.executable, REPOSITORY / "scripts" / "make_synthetic_v3.py", "--out", folder, "--size", "tiny",
                    "--hidden", "1024", "--layers", "1", "--heads", "16", "--intermediate", "256",
                    "--tokenizer", MODELS / "v3-tiny" / "tokenizer.json"], check=True, capture_output=True)
    with serve(home, model=folder) as served:
        yield served


@pytest.fixture(scope="session")
def environment(server, tmp_path_factory):
    """What a user of the SDK sets: its address and nothing else; no file of the tester's own is read."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("CLARIFAI_") and not name.lower().endswith("_proxy")}
    return {**kept, "HOME": str(tmp_path_factory.mktemp("sdk")), "CLARIFAI_API_BASE": server.url}


@pytest.fixture(scope="session", autouse=True)
def _sdk_finds_the_server(environment):
    assert "clarifai" not in sys.modules
    os.environ.clear()
    os.environ.update(environment)


@pytest.fixture(scope="session")
def connect(_sdk_finds_the_server):
    """connect(url) gives a Model of the SDK."""
    from clarifai.client import Model
    return lambda url=url_of(), pat=PAT, **options: Model(url=url, pat=pat, **options)


@pytest.fixture(scope="session")
def model(connect):
    return connect()


@pytest.fixture(scope="session")
def v3_model(connect, v3):
    return connect(base_url=v3.url)
