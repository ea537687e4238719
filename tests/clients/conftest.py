# SPDX-License-Identifier: Apache-2.0
"""Running servers for clients as their users have them, and what the vectors must be."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "server"))
from process import Served, servers_end_well  # noqa: E402, F401  (puts tests/e2e on the path, too)
from command import MODELS  # noqa: E402

KEY = "sk-clients-7f3a"


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def server(home):
    """jina-embeddings-v3 in the small, with the key `server.key`."""
    with Served(home, env={"NESTVEC_API_KEYS": KEY}) as served:
        served.key = KEY
        yield served


@pytest.fixture(scope="session")
def reranker(home):
    """A cross-encoder in the small, with the same key."""
    with Served(home, "--precision", "fp32", model=MODELS / "xlmr-reranker-tiny",
                env={"NESTVEC_API_KEYS": KEY}) as served:
        served.key = KEY
        yield served


@pytest.fixture(scope="session")
def classifier(home):
    """A classifier of several labels in the small, with the same key."""
    with Served(home, "--precision", "fp32", model=MODELS / "bert-classifier-tiny",
                env={"NESTVEC_API_KEYS": KEY}) as served:
        served.key = KEY
        yield served


@pytest.fixture(scope="session")
def sparse(home):
    """bge-m3 in the small: dense, sparse and token vectors; with the same key."""
    with Served(home, "--precision", "fp32", model=MODELS / "bge-m3-tiny", env={"NESTVEC_API_KEYS": KEY}) as served:
        served.key = KEY
        yield served


@pytest.fixture(scope="session")
def many(home):
    """A model of every kind in one server, whose models may change; with the same key."""
    more = ("xlmr-reranker-tiny", "bge-m3-tiny", "bert-classifier-tiny", "splade-tiny")
    flags = [flag for name in more for flag in ("--model", MODELS / name)]
    with Served(home, "--admin", "--precision", "fp32", *flags, env={"NESTVEC_API_KEYS": KEY}) as served:
        served.key = KEY
        yield served


@pytest.fixture(scope="session")
def plain_server(home):
    """A model without tasks, and no key."""
    with Served(home, model=MODELS / "bert-tiny") as served:
        yield served
