# SPDX-License-Identifier: Apache-2.0
"""On an idle server: what could never fit is told at once, without a time to come again, and the rest is answered."""

import gzip
import json

import pytest
from process import Served

MIB = 1 << 20
MEMORY = 64 * MIB
QUEUE = 500


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("never"), "--request-memory", str(MEMORY), "--max-body", str(16 * MIB),
                "--max-queue-tokens", str(QUEUE)) as server:
        yield server


def longest(served):
    """The longest body that is served, as the server tells it."""
    connection = served.connect()
    connection.putrequest("POST", "/embed")
    connection.putheader("Content-Length", str(8 * MIB))
    connection.endheaders()
    reply = connection.getresponse()
    assert reply.status == 413
    return int(json.loads(reply.read())["error"].split("at most ")[1].split()[0])


def packed(served, path, body):
    return served.call("POST", path, gzip.compress(body, 9), {"Content-Encoding": "gzip"})


def of_size(size):
    body = json.dumps({"inputs": "a", "x": ""}).encode()
    return body[:-2] + b" " * (size - len(body)) + body[-2:]


def is_for_good(reply, *words):
    assert "Retry-After" not in reply.headers, reply.body
    assert all(word in reply.body.decode() for word in words), reply.body
    return reply.status == 413


@pytest.mark.parametrize("path", ["/tokenize", "/embed"])
def test_texts_whose_tokens_never_fit(served, path):
    reply = served.call("POST", path, {"inputs": "hello " * 175_000, "truncate": True})
    assert is_for_good(reply, "1050000 bytes", str(MEMORY), "server.request_memory")


def test_packed_bodies(served):
    size = longest(served)
    assert packed(served, "/embed", of_size(size)).status == 200
    assert is_for_good(packed(served, "/embed", of_size(size + 8000)), f"{size + 8000} bytes", "server.request_memory")
    assert is_for_good(packed(served, "/embed", of_size(12 * MIB)), f"{12 * MIB} bytes", "server.request_memory")
    assert is_for_good(packed(served, "/embed", of_size(17 * MIB)), str(16 * MIB), "server.max_body")


def test_bodies_in_chunks(served):
    size = longest(served)

    def chunks(length):
        body = of_size(length)
        return iter([body[begin:begin + 50_000] for begin in range(0, length, 50_000)])

    assert served.call("POST", "/embed", chunks(size), {"Content-Type": "application/json"}).status == 200
    reply = served.call("POST", "/embed", chunks(10 * MIB), {"Content-Type": "application/json"})
    assert is_for_good(reply, "server.request_memory")


def test_a_call_is_not_refused_for_its_own_parts(served):
    reply = served.call("POST", "/embed_all", {"inputs": ["one two three four five six"] * 200})
    assert reply.status == 200, reply.body
    assert len(reply.json()) == 200
    assert int(reply.headers["x-nestvec-tokens"]) > 2 * QUEUE
