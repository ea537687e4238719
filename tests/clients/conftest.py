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


def keyed(doc, model, *flags):
    """A fixture: a server of a small model that asks for the key `server.key`."""

    def served(home):
        with Served(home, *flags, model=MODELS / model, env={"NESTVEC_API_KEYS": KEY}) as running:
            running.key = KEY
            yield running

    served.__doc__ = doc
    return pytest.fixture(scope="session")(served)


EXACT = ("--precision", "fp32")
KINDS = ("v3-tiny", "xlmr-reranker-tiny", "bge-m3-tiny", "bert-classifier-tiny", "splade-tiny")

server = keyed("jina-embeddings-v3.", "v3-tiny")
reranker = keyed("A cross-encoder.", "xlmr-reranker-tiny", *EXACT)
classifier = keyed("A classifier of several labels.", "bert-classifier-tiny", *EXACT)
sparse = keyed("bge-m3: dense, sparse and token vectors.", "bge-m3-tiny", *EXACT)
many = keyed("A model of every kind, and models may change.", KINDS[0], "--admin", *EXACT,
             *(flag for name in KINDS[1:] for flag in ("--model", MODELS / name)))


@pytest.fixture(scope="session")
def plain_server(home):
    """A model without tasks, and no key."""
    with Served(home, model=MODELS / "bert-tiny") as served:
        yield served
