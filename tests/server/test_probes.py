# SPDX-License-Identifier: Apache-2.0
"""Probes from an address whose clients hold all the memory that they can get, and more heads than there is room for."""

import contextlib
import re
import threading

import grpc
import pytest
from hostile import PREFACE, frame
from process import Served
from waiting import wait_until

LIMIT = 64 << 20
STREAMS = 128
BODY = 60_000  # promised and never sent; short, so that it may take the last of a share
END_HEAD, END_BOTH = 4, 5


def field(name, value):
    def text(data):
        size = b"\x7f" + bytes([len(data) - 127 & 127 | 128, len(data) - 127 >> 7]) if len(data) > 126 else bytes([len(data)])
        return size + data
    return b"\0" + text(name) + text(value)


def head(method, path, *more):
    pairs = [(b":method", method), (b":scheme", b"http"), (b":path", path), (b":authority", b"localhost"), *more]
    return b"".join(field(*pair) for pair in pairs)


class Greedy(threading.Thread):
    """Bodies that do not come, then long heads in front of such; again whenever the server has ended them."""

    def __init__(self, served):
        super().__init__()
        self.served = served
        self.over = threading.Event()

    def hold(self, stack, block):
        sock = stack.enter_context(self.served.raw())
        sock.sendall(PREFACE + frame(4, 0, 0) + frame(4, 1, 0))
        sock.sendall(b"".join(frame(1, END_HEAD, stream, block) for stream in range(1, 2 * STREAMS, 2)))

    def run(self):
        bodies = head(b"POST", b"/v1/embeddings", (b"content-length", str(BODY).encode()))
        heads = head(b"POST", b"/v1/embeddings", (b"content-length", b"9"), (b"x-long", b"a" * 15_000))
        while not self.over.is_set():
            with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
                for block in [bodies] * 8 + [heads] * 8:
                    self.hold(stack, block)
                self.over.wait(3)


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("crowded"), "--request-memory", str(LIMIT)) as served:
        greedy = Greedy(served)
        greedy.start()
        try:
            wait_until(lambda: memory(served) > LIMIT // 8 * 7 - (64 << 10), "the account to be full", seconds=60)
            yield served
        finally:
            greedy.over.set()
            greedy.join()


def memory(served):
    reply = served.call("GET", "/metrics")
    assert reply.status == 200, reply.body
    return int(re.search(r"^nestvec_request_memory_bytes (\d+)", reply.body.decode(), re.M)[1])


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_probes_are_answered(crowded, path):
    for _ in range(20):
        assert crowded.call("GET", path).status == 200


def test_grpc_health_is_answered(crowded):
    for _ in range(10):
        with grpc.insecure_channel("{}:{}".format(*crowded.address)) as channel:
            check = channel.unary_unary("/grpc.health.v1.Health/Check", lambda data: data, lambda data: data)
            assert check(b"", timeout=60) == b"\x08\x01"
            watch = channel.unary_stream("/grpc.health.v1.Health/Watch", lambda data: data, lambda data: data)
            assert next(watch(b"", timeout=60)) == b"\x08\x01"


def test_others_requests_of_the_address_are_refused_and_not_dropped(crowded):
    reply = crowded.embed()
    assert reply.status in (200, 503)
    assert reply.status == 200 or reply.headers["Retry-After"]
