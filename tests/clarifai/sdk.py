# SPDX-License-Identifier: Apache-2.0
"""Names that the tests share. Imports nothing of the SDK."""

import base64
import functools
import json
import pathlib
import struct
import sys
from importlib import metadata

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "server"))
from process import Served  # noqa: E402  (puts tests/e2e on the path, too)

VERSION = tuple(int(part) for part in metadata.version("clarifai").split("."))
PAT = "pat-5e8c0d"
USER, APP, MODEL = "u", "a", "jinaai-embeddings-v3"  # as in tests/data/clarifai/wire.json
IDENTITY = ("--user-id", USER, "--app-id", APP, "--model-id", MODEL)


def since(*version):
    """Marks a test of something that the SDK has since that version."""
    return pytest.mark.skipif(VERSION < version, reason="not in this SDK")


# Nothing in such a test differs from one version of the SDK to the next.
of_the_server = pytest.mark.skipif(VERSION < (12,), reason="of the server: one SDK is enough")


def url_of(model=MODEL, user=USER, app=APP, version=None):
    return f"https://clarifai.com/{user}/{app}/models/{model}" + (f"/versions/{version}" if version else "")


def stub_of(url):
    """The service as clarifai-grpc has it, without the SDK's own metadata."""
    from clarifai_grpc.channel.clarifai_channel import ClarifaiChannel
    from clarifai_grpc.grpc.api import service_pb2_grpc
    host, _, port = url.rpartition("/")[2].rpartition(":")
    return service_pb2_grpc.V2Stub(ClarifaiChannel.get_insecure_grpc_channel(base=host, port=int(port)))


def floats(vector):
    """As bytes, four a float."""
    return struct.pack(f"<{len(vector)}f", *vector)


def bits(vector):
    """The same, of numbers that are floats of 32 bits already; only old SDKs get decimals of them."""
    packed = floats(vector)
    assert VERSION < (11, 10, 3) or list(struct.unpack(f"<{len(vector)}f", packed)) == vector
    return packed


def wanted(served, texts, **fields):
    """What POST /v1/embeddings gives, as bytes."""
    reply = served.embed(texts, {"Authorization": f"Bearer {PAT}"}, encoding_format="base64", **fields)
    assert reply.status == 200, reply.body
    return [base64.b64decode(item["embedding"]) for item in reply.json()["data"]]


@functools.cache
def wanted_of_nothing(served):
    """The same for an empty text, which that route refuses, as OpenAI does: what the command gives."""
    out = served.command.ok("embed", "-q", "--model", served.model, "--format", "jsonl", "")
    return floats(json.loads(out)["embedding"])


def serve(home, *arguments, **options):
    return Served(home, *IDENTITY, *arguments, **{"env": {"NESTVEC_API_KEYS": PAT}, **options})
