# SPDX-License-Identifier: Apache-2.0
"""One running server for all tests that only ask it."""

import json

import numpy
import pytest
from process import MODELS, Served, certificate, servers_end_well  # noqa: F401 (fixtures)


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


def serving(home, **options):
    """A server with `.url`, `.binary`, `.model`, `.call()`, `.embed()`, and `.expected(*texts, task=...)`, the vectors
    of the command, which is asked once for each."""
    with Served(home, **options) as served:
        served.binary = served.command.binary
        known = {}

        def expected(*texts, **flags):
            key = (texts, *flags.items())
            if key not in known:
                known[key] = embed_with_command(served, *texts, **flags)
            return known[key].copy()

        served.expected = expected
        yield served


def embed_with_command(served, *texts, **options):
    """What `nestvec embed` gives for the same model, as float32 rows."""
    flags = [part for name, value in options.items()
             for part in (["--" + name.replace("_", "-")] + ([] if value is True else [str(value)]))]
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    out = served.command.ok("embed", "-q", "--model", served.model, "--format", "jsonl", *flags,
                            "--jsonl", "-", stdin=lines)
    return numpy.array([json.loads(line)["embedding"] for line in out.splitlines()], numpy.float32)


@pytest.fixture(scope="session")
def server(home):
    """jina-embeddings-v3 in the small."""
    yield from serving(home)


@pytest.fixture(scope="session")
def plain_server(home):
    """A model without tasks that takes 96 tokens."""
    yield from serving(home, model=MODELS / "bert-tiny")
