# SPDX-License-Identifier: Apache-2.0
"""What breaks servers: cut, slow, malformed and oversized requests, and very many connections."""

import gzip
import json
import resource
import signal
import socket
import time

import pytest
from process import Served

BODY = json.dumps({"input": ["Hello, world!"], "task": "retrieval.query"}).encode()
HEAD = (b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n")
REQUEST = HEAD % len(BODY) + BODY


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("faults"), "--header-seconds", "2", "--idle-seconds", "2",
                "--max-body", "1Mi", "--max-connections", "11000") as running:
        yield running
        running.signal(signal.SIGTERM)
        assert running.wait() == 0


@pytest.fixture(autouse=True)
def alive(served):
    """After each test the server answers as ever."""
    yield
    assert served.process.poll() is None, served.log
    assert served.embed(["alive"]).status == 200
    assert served.call("GET", "/ready").status == 200


def read_all(sock):
    received = b""
    try:
        while part := sock.recv(1 << 16):
            received += part
    except ConnectionResetError:
        pass  # closed with bytes of ours unread
    return received


def exchange(served, request, finish=True):
    """What comes back for these bytes until the server closes."""
    with served.raw() as sock:
        try:
            sock.sendall(request)
            if finish:
                sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it had heard enough
        return read_all(sock)


def statuses(received):
    """Of each answer, in order, but for interim ones. Answers here are small and never hold a status
    line inside."""
    found = [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]
    return [status for status in found if status != 100]


def closing(request):
    return request.replace(b"Host:", b"Connection: close\r\nHost:", 1)


def test_requests_cut_at_every_byte(served):
    for length in range(len(REQUEST)):
        received = exchange(served, REQUEST[:length])
        assert all(400 <= status < 500 for status in statuses(received)), (length, received)
    assert statuses(exchange(served, closing(REQUEST), finish=False)) == [200]


def test_requests_that_arrive_in_every_two_parts(served):
    for length in range(1, len(REQUEST), 7):
        with served.raw() as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            request = closing(REQUEST)
            sock.sendall(request[:length])
            time.sleep(0.005)
            sock.sendall(request[length:])
            assert statuses(read_all(sock)) == [200], length


def test_resets_while_the_answer_is_made(served):
    linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # close() sends a reset
    for delay in (0, 0.001, 0.005):
        for _ in range(30):
            sock = served.raw()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            sock.sendall(REQUEST)
            time.sleep(delay)
            sock.close()


def trickle(served, head, seconds):
    """Sends a byte each half second; how long the server puts up with it, and what it says."""
    with served.raw() as sock:
        sock.settimeout(0.5)
        start = time.monotonic()
        received = b""
        for byte in (head + b"x" * 1000):
            try:
                sock.sendall(bytes([byte]))
                part = sock.recv(1 << 16)
                if not part:
                    break
                received += part
            except TimeoutError:
                pass
            except (BrokenPipeError, ConnectionResetError):
                break
            if time.monotonic() - start > seconds:
                pytest.fail("the connection is still open")
        return time.monotonic() - start, received


def test_a_head_of_two_bytes_a_second_is_not_waited_for(served):
    seconds, received = trickle(served, REQUEST, 15)
    assert 1.5 < seconds < 10
    assert statuses(received) in ([], [408])


def test_connections_without_a_request_are_closed(served):
    start = time.monotonic()
    with served.raw() as sock:
        assert statuses(read_all(sock)) in ([], [408])
    assert 1 < time.monotonic() - start < 10


def test_a_body_that_stops_is_not_waited_for(served):
    start = time.monotonic()
    received = exchange(served, REQUEST[:-5], finish=False)
    assert statuses(received) in ([], [408])
    assert 1 < time.monotonic() - start < 10


MALFORMED = {
    "nothing of HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
    "no version": b"GET /health\r\n\r\n",
    "version 3": b"GET /health HTTP/3.0\r\nHost: localhost\r\n\r\n",
    "only blank lines": b"\r\n" * 200,
    "control characters": b"GET /\x01 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a NUL in a header": b"GET /health HTTP/1.1\r\nHost: localhost\r\nA: b\x00c\r\n\r\n",
    "a header without a colon": b"GET /health HTTP/1.1\r\nHost x\r\n\r\n",
    "a space before the colon": b"GET /health HTTP/1.1\r\nHost : x\r\n\r\n",
    "a folded header": b"GET /health HTTP/1.1\r\nHost: localhost\r\nA: b\r\n  c\r\n\r\n",
    "a length that is no number": REQUEST.replace(b"Length: ", b"Length: x", 1),
    "a negative length": REQUEST.replace(b"Length: ", b"Length: -", 1),
    "a length over 64 bits": REQUEST.replace(b"Length: ", b"Length: 99999999999999999999", 1),
    "two lengths": REQUEST.replace(b"Host:", b"Content-Length: 3\r\nHost:", 1),
    "a length and chunks": REQUEST.replace(b"Host:", b"Transfer-Encoding: chunked\r\nHost:", 1),
    "a broken chunk": (b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
                       b"\r\nzz\r\n{}\r\n0\r\n\r\n"),
    "a chunk over 64 bits": (b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
                             b"chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
    "an unknown transfer coding": (b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
                                   b"magic\r\nContent-Length: 2\r\n\r\n{}"),
    "an unknown content coding": (b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: "
                                  b"magic\r\nContent-Type: application/json\r\nContent-Length: 2"
                                  b"\r\n\r\n{}"),
    "a broken escape": b"GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an escaped NUL": b"GET /health%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a long target": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a long header": b"GET /health HTTP/1.1\r\nHost: localhost\r\nA: " + b"a" * 100_000 + b"\r\n\r\n",
    "many headers": b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 20_000 + b"\r\n",
    "an expectation": REQUEST.replace(b"Host:", b"Expect: the-unexpected\r\nHost:", 1),
    "a method of its own": b"BREW /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
    "a tunnel": b"CONNECT example.org:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a proxied request": b"GET http://example.org/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
    "a climbing path": b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("request_bytes", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_http(served, request_bytes):
    received = exchange(served, request_bytes)
    found = statuses(received)
    # A second answer is only for bytes that the first request left over.
    assert all(200 <= status < 500 or status in (501, 505) for status in found), received
    assert b"root:" not in received


@pytest.mark.parametrize("name", ["a length that is no number", "two lengths", "a length and chunks",
                                  "a negative length", "a broken chunk", "a chunk over 64 bits",
                                  "a broken escape", "an escaped NUL", "a space before the colon",
                                  "a NUL in a header", "a long header", "nothing of HTTP"])
def test_what_must_be_refused(served, name):
    found = statuses(exchange(served, MALFORMED[name]))
    assert found and all(400 <= status < 500 for status in found), found


def deep(depth):
    return b'{"input": ' + b"[" * depth + b"]" * depth + b"}"


JSON = {
    "nothing": b"",
    "no JSON": b"input=hello",
    "half a document": BODY[:-1],
    "two documents": BODY + BODY,
    "100,000 arrays": deep(100_000),
    "100,000 open arrays": b"[" * 100_000,
    "100,000 open objects": b'{"input":' * 100_000,
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "no input": b"{}",
    "input null": b'{"input": null}',
    "input a number": b'{"input": 1.5}',
    "input an object": b'{"input": {"a": 1}}',
    "input mixed": b'{"input": ["a", 1.5, null]}',
    "input nested": b'{"input": [[["a"]]]}',
    "no texts": b'{"input": []}',
    "an empty text in none": b'{"input": [[]]}',
    "huge number": b'{"input": "a", "dimensions": 1e400}',
    "huge integer": b'{"input": "a", "dimensions": 99999999999999999999999}',
    "negative dimensions": b'{"input": "a", "dimensions": -1}',
    "huge token": b'{"input": [[4294967296]]}',
    "negative token": b'{"input": [[-1]]}',
    "lone surrogate": b'{"input": "\\ud800", "dimensions": "x"}',
    "not UTF-8": b'{"input": "\xff\xfe", "task": "\xff"}',
    "NUL": b'{"input": 1, "a": "\\u0000"}',
    "infinity": b'{"input": "a", "dimensions": Infinity}',
    "comments": b'{"input": "a" /* text */}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "unknown task": b'{"input": "a", "task": "make coffee"}',
    "every field of a wrong type": json.dumps({
        "input": "a", "model": 1, "encoding_format": [], "embedding_type": {}, "dimensions": "1",
        "task": 3, "late_chunking": "yes", "truncate": 1, "normalized": "no",
        "chunking": 5}).encode(),
}


@pytest.mark.parametrize("path, field", [("/v1/embeddings", b"input"), ("/embed", b"inputs"),
                                         ("/tokenize", b"inputs"), ("/embed_all", b"inputs"),
                                         ("/v2/embed", b"texts"), ("/api/embed", b"input")])
def test_malformed_json(served, path, field):
    # What is no member of a dialect is ignored there.
    least = 400 if path == "/v1/embeddings" else 200
    for name, body in JSON.items():
        reply = served.call("POST", path, body.replace(b'"input"', b'"' + field + b'"'))
        assert least <= reply.status < 500, (name, reply.status, reply.body[:200])
        assert b"a" * 2000 not in reply.body, "an error holds no whole input"
        assert reply.status == 200 or len(reply.body) < 2000, name


def test_bodies_over_the_limit(served):
    large = HEAD % (2 << 20)
    assert statuses(exchange(served, large, finish=False)) == [413], "told by its length alone"
    body = b'{"input": "' + b"a" * (2 << 20) + b'"}'
    assert 413 in statuses(exchange(served, HEAD % len(body) + body))
    chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    chunked = (b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
               b"Transfer-Encoding: chunked\r\n\r\n")
    received = exchange(served, chunked + chunk * 40)
    assert statuses(received) in ([413], []), "without a length, refused where it becomes too long"
    packed = gzip.compress(b'{"input": "' + b"a" * (64 << 20) + b'"}')
    assert len(packed) < 1 << 20
    reply = served.call("POST", "/v1/embeddings", packed, {"Content-Encoding": "gzip"})
    assert reply.status == 413, "what counts is its length unpacked"


def test_bodies_of_another_type(served):
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                 "text/plain", "application/xml", "nonsense"):
        reply = served.call("POST", "/v1/embeddings", BODY, {"Content-Type": kind})
        assert reply.status == 415, (kind, reply.body)
    for kind in ("application/json", "application/json; charset=utf-8", "APPLICATION/JSON",
                 "application/problem+json"):
        assert served.call("POST", "/v1/embeddings", BODY, {"Content-Type": kind}).status == 200, kind


def test_many_requests_in_one_go(served):
    received = exchange(served, REQUEST * 49 + closing(REQUEST), finish=False)
    assert statuses(received) == [200] * 50


def test_ten_thousand_idle_connections(tmp_path):
    count = 10_000
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count + 500:
        pytest.skip(f"a process may open {hard} files here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 500, hard))
    with Served(tmp_path, "--idle-seconds", "600") as served:
        before = served.rss()
        sockets = []
        try:
            for i in range(count):
                sockets.append(served.raw())
                if i % 10 == 0:  # some have been used
                    sockets[-1].sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    assert sockets[-1].recv(4096).startswith(b"HTTP/1.1 200")
            assert served.embed().status == 200
            each = (served.rss() - before) / count
            assert each < 24 << 10, f"{each:.0f} bytes a connection"
            start = time.monotonic()
            for sock in sockets[:: count // 100]:
                sock.sendall(REQUEST)
                assert sock.recv(1 << 16).startswith(b"HTTP/1.1 200")
            assert time.monotonic() - start < 20
        finally:
            for sock in sockets:
                sock.close()
        assert served.embed().status == 200


def test_connections_over_the_limit(tmp_path):
    with Served(tmp_path, "--max-connections", "4") as served:
        kept = [served.connect() for _ in range(4)]
        assert all(connection.call("GET", "/health").status == 200 for connection in kept)
        received = exchange(served, REQUEST)
        assert statuses(received) in ([], [503])
        metrics = kept[1].call("GET", "/metrics").body
        assert b"\nnestvec_refused_connections_total 1\n" in metrics
        kept[0].close()
        deadline = time.monotonic() + 60
        while statuses(exchange(served, closing(REQUEST), finish=False)) != [200]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for connection in kept:
            connection.close()
