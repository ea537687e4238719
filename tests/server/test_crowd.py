# SPDX-License-Identifier: Apache-2.0
"""One address that takes every connection there is, and others that come."""

import contextlib
import re
import select
import socket

import pytest
from hostile import PREFACE, frame
from process import Served
from test_probes import head
from waiting import SECONDS, wait_until

SEATS = 40
CROWD, OTHERS = "127.0.0.20", [f"127.0.0.{30 + i}" for i in range(8)]
END_HEAD = 4


@pytest.fixture
def served(tmp_path):
    with Served(tmp_path, "--max-connections", str(SEATS), "--header-seconds", "600", "--idle-seconds", "600") as server:
        yield server


def connect(served, source):
    return socket.create_connection(served.address, SECONDS, source_address=(source, 0))


def ask(served, source, path="/health", body=None):
    """The status of a request on a connection of its own."""
    method = "GET" if body is None else "POST"
    data = body or b""
    with connect(served, source) as sock:
        with contextlib.suppress(OSError):  # refused before it is sent
            sock.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
                         f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
        answer = b""
        while b"\r\n" not in answer and (piece := sock.recv(4096)):
            answer += piece
        return int(answer.split()[1])


def metric(served, name):
    return int(re.search(rf"^{name} (\d+)", served.call("GET", "/metrics").body.decode(), re.M)[1])


def closed(crowd):
    """How many of these the server has ended; its words are read."""
    ended = 0
    for sock in crowd:
        with contextlib.suppress(TimeoutError, BlockingIOError):
            while select.select([sock], [], [], 0)[0]:
                try:
                    if not sock.recv(1 << 16):
                        raise ConnectionResetError
                except ConnectionResetError:
                    ended += 1
                    break
    return ended


HELLO = PREFACE + frame(4, 0, 0) + frame(4, 1, 0)
UPLOAD = head(b"POST", b"/embed", (b"content-type", b"application/json"))
STREAM = head(b"POST", b"/tei.v1.Embed/EmbedStream", (b"content-type", b"application/grpc"), (b"te", b"trailers"))


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"\n", HELLO], ids=["nothing", "half a head", "a line end", "HTTP/2"])
def test_idle_connections_make_way(served, sent):
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(connect(served, CROWD)) for _ in range(SEATS)]
        for sock in crowd:
            sock.sendall(sent)
        for source in OTHERS:
            assert ask(served, source) == 200
            assert ask(served, source, "/embed", b'{"inputs": "hello"}') == 200
        wait_until(lambda: closed(crowd) >= 1, "an idle connection to be ended")
        kept = [stack.enter_context(connect(served, source)) for source in OTHERS]
        wait_until(lambda: closed(crowd) == len(OTHERS), lambda: f"{closed(crowd)} are ended")
        assert ask(served, CROWD) == 503, "who has most gets no more"
        assert closed(kept) == 0
        assert metric(served, "nestvec_displaced_connections_total") > 0


def test_a_request_that_is_worked_on_stays(served):
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(connect(served, CROWD)) for _ in range(SEATS)]
        body = b'{"inputs": "' + b"hello " * 4000 + b'", "truncate": true}'
        crowd[0].sendall(b"POST /embed HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                         + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        for source in OTHERS:
            assert ask(served, source) == 200
        answer = crowd[0].recv(1 << 16)
        assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sent", [
    b"POST /embed HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx",
    HELLO + frame(1, END_HEAD, 1, UPLOAD),
    HELLO + frame(1, END_HEAD, 1, STREAM),
], ids=["bodies", "bodies over HTTP/2", "streams of gRPC"])
def test_requests_that_wait_for_their_client_make_way_in_time(served, sent):
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(connect(served, CROWD)) for _ in range(SEATS)]
        for sock in crowd:
            sock.sendall(sent)
        wait_until(lambda: ask(served, OTHERS[0]) == 200, "a seat", seconds=60)
        wait_until(lambda: closed(crowd) >= 1, "a connection to be ended")
        assert ask(served, CROWD) in (200, 503)
