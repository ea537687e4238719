# SPDX-License-Identifier: Apache-2.0
"""What breaks servers: cut, slow, malformed and oversized requests, and very many connections."""

import concurrent.futures
import gzip
import json
import pathlib
import resource
import select
import signal
import socket
import time

import pytest
from process import Served
from waiting import wait_until

BODY = json.dumps({"input": ["Hello, world!"], "task": "retrieval.query"}).encode()
HEAD = (b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n")
REQUEST = HEAD % len(BODY) + BODY


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("faults"), "--max-body", "1Mi") as running:
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


def queue_of(local, remote, column):
    """Bytes that the kernel holds of this connection: column 0 has those to send, 1 those to be read."""
    ends = ["{:08X}:{:04X}".format(*(int.from_bytes(socket.inet_aton(host), "little"), port))
            for host, port in (local, remote)]
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines():
        fields = line.split()
        if fields[1:3] == ends:
            return int(fields[4].split(":")[column], 16)
    raise AssertionError(f"no connection from {local} to {remote}")


def wait_until_read(sock):
    """Until the server has everything that was sent to it."""
    ends = (sock.getsockname(), sock.getpeername())
    wait_until(lambda: queue_of(*ends, 0) == 0 and queue_of(*reversed(ends), 1) == 0, "what was sent is read")


def test_requests_cut_at_every_byte(served):
    for length in range(len(REQUEST)):
        assert exchange(served, REQUEST[:length]) == b"", length
    assert statuses(exchange(served, closing(REQUEST), finish=False)) == [200]


def test_requests_that_arrive_in_every_two_parts(served):
    for length in range(1, len(REQUEST), 7):
        with served.raw() as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            request = closing(REQUEST)
            sock.sendall(request[:length])
            wait_until_read(sock)
            sock.sendall(request[length:])
            assert statuses(read_all(sock)) == [200], length


def test_resets_while_the_answer_is_made(served):
    linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # close() sends a reset
    for meanwhile in (lambda sock: None, wait_until_read, lambda sock: served.embed(["another"])):
        for _ in range(20):
            sock = served.raw()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            sock.sendall(REQUEST)
            meanwhile(sock)
            sock.close()


def trickle(served):
    """Sends a byte five times a second, until there is an answer."""
    with served.raw(60) as sock:
        for byte in REQUEST:
            sock.sendall(bytes([byte]))
            if select.select([sock], [], [], 0.2)[0]:
                break
        return read_all(sock)


@pytest.fixture(scope="module")
def outwaited(tmp_path_factory):
    """What clients hear that make an impatient server wait, all of them at once, and after how many seconds."""
    def timed(client, *arguments):
        start = time.monotonic()
        return client(*arguments), time.monotonic() - start

    with Served(tmp_path_factory.mktemp("impatient"), "--header-seconds", "1", "--idle-seconds", "1") as impatient:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            clients = {"head": pool.submit(timed, trickle, impatient),
                       "nothing": pool.submit(timed, exchange, impatient, b"", False),
                       "body": pool.submit(timed, exchange, impatient, REQUEST[:-5], False)}
            heard = {name: client.result() for name, client in clients.items()}
        assert impatient.embed().status == 200
    return heard


@pytest.mark.parametrize("client, expected", [("head", [408]), ("nothing", []), ("body", [408])])
def test_who_is_slow_is_not_waited_for(outwaited, client, expected):
    received, seconds = outwaited[client]
    assert statuses(received) == expected
    assert seconds > 0.9, "it has a second"


CHUNKED = b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
MALFORMED = {  # request, status
    "nothing of HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20, 400),
    "no version": (b"GET /health\r\n\r\n", 400),
    "version 3": (b"GET /health HTTP/3.0\r\nHost: localhost\r\n\r\n", 505),
    "control characters": (b"GET /\x01 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "a NUL in a header": (b"GET /health HTTP/1.1\r\nHost: localhost\r\nA: b\x00c\r\n\r\n", 400),
    "a header without a colon": (b"GET /health HTTP/1.1\r\nHost x\r\n\r\n", 400),
    "a space before the colon": (b"GET /health HTTP/1.1\r\nHost : x\r\n\r\n", 400),
    "a folded header": (b"GET /health HTTP/1.1\r\nHost: localhost\r\nA: b\r\n  c\r\n\r\n", 200),
    "a length that is no number": (REQUEST.replace(b"Length: ", b"Length: x", 1), 400),
    "a negative length": (REQUEST.replace(b"Length: ", b"Length: -", 1), 400),
    "a length over 64 bits": (REQUEST.replace(b"Length: ", b"Length: 99999999999999999999", 1), 400),
    "two lengths": (REQUEST.replace(b"Host:", b"Content-Length: 3\r\nHost:", 1), 400),
    "a length and chunks": (REQUEST.replace(b"Host:", b"Transfer-Encoding: chunked\r\nHost:", 1), 400),
    "a broken chunk": (CHUNKED + b"\r\nzz\r\n{}\r\n0\r\n\r\n", 400),
    "a chunk over 64 bits": (CHUNKED + b"\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n", 400),
    "an unknown transfer coding": (CHUNKED.replace(b"chunked", b"magic") + b"Content-Length: 2\r\n\r\n{}", 501),
    "an unknown content coding": (REQUEST.replace(b"Host:", b"Content-Encoding: magic\r\nHost:", 1), 415),
    "a broken escape": (b"GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "an escaped NUL": (b"GET /health%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "a long target": (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
    "a long header": (b"GET /health HTTP/1.1\r\nHost: localhost\r\nA: " + b"a" * 100_000 + b"\r\n\r\n", 431),
    "many headers": (b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 20_000 + b"\r\n", 431),
    "an expectation": (REQUEST.replace(b"Host:", b"Expect: the-unexpected\r\nHost:", 1), 417),
    "a method of its own": (b"BREW /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 405),
    "a tunnel": (b"CONNECT example.org:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "a proxied request": (b"GET http://example.org/health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 200),
    "a climbing path": (b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_http(served, name):
    request, status = MALFORMED[name]
    received = exchange(served, closing(request), finish=False)
    assert statuses(received) == [status], received
    assert b"root:" not in received
    if status >= 400:
        body = json.loads(received.partition(b"\r\n\r\n")[2])
        assert set(body["error"]) == {"message", "type", "param", "code"}
        assert len(received) < 1000, "an error holds no whole input"


def test_blank_lines_are_no_request(served):
    assert exchange(served, b"\r\n" * 200) == b""


def deep(depth):
    return b'{"input": ' + b"[" * depth + b"]" * depth + b"}"


TEI_ERROR = {"error", "error_type"}
ROUTES = {  # what holds the texts there, and the members of an error
    "/v1/embeddings": ("input", {"error", "detail", "code"}), "/embed": ("inputs", TEI_ERROR),
    "/tokenize": ("inputs", TEI_ERROR), "/embed_all": ("inputs", TEI_ERROR),
    "/v2/embed": ("texts", {"message"}), "/api/embed": ("input", {"error"})}
# A body, and its status at each of the routes where it is not 400 at all of them. What is no member of a dialect is
# ignored there, and Ollama's clients load a model by sending no input.
JSON = {
    "nothing": (b"",),
    "no JSON": (b"input=hello",),
    "half a document": (BODY[:-1],),
    "two documents": (BODY + BODY,),
    "100,000 arrays": (deep(100_000),),
    "100,000 open arrays": (b"[" * 100_000,),
    "100,000 open arrays in a member": (b'{"input":' + b"[" * 100_000,),
    "bytes that are no text": (b"\xff\xfe",),
    "something behind": (b'{"input": "a"} x',),
    "a raw NUL": (b'{"input": "a\x00"}',),
    "5,000 digits": (b'{"input": [' + b"9" * 5000 + b"]}",),
    "100,000 open objects": (b'{"input":' * 100_000,),
    "a list": (b"[]", 400, 422, 422, 422, 400, 400),
    "a number": (b"1", 400, 422, 422, 422, 400, 400),
    "a string": (b'"x"', 400, 422, 422, 422, 400, 400),
    "null": (b"null", 400, 422, 422, 422, 400, 400),
    "no input": (b"{}", 400, 422, 422, 422, 400, 200),
    "input null": (b'{"input": null}', 400, 422, 422, 422, 400, 200),
    "input a number": (b'{"input": 1.5}', 400, 422, 422, 422, 400, 400),
    "input an object": (b'{"input": {"a": 1}}', 400, 422, 422, 422, 400, 400),
    "input mixed": (b'{"input": ["a", 1.5, null]}', 400, 422, 422, 422, 400, 400),
    "input nested": (b'{"input": [[["a"]]]}', 400, 422, 422, 422, 400, 400),
    "no texts": (b'{"input": []}', 400, 400, 400, 400, 400, 200),
    "no tokens": (b'{"input": [[]]}', 400, 400, 422, 400, 400, 400),
    "huge number": (b'{"input": "a", "dimensions": 1e400}',),
    "huge integer": (b'{"input": "a", "dimensions": 99999999999999999999999}', 400, 422, 200, 422, 400, 400),
    "negative dimensions": (b'{"input": "a", "dimensions": -1}', 400, 422, 200, 422, 400, 400),
    "huge token": (b'{"input": [[4294967296]]}', 400, 422, 422, 422, 400, 400),
    "negative token": (b'{"input": [[-1]]}', 400, 422, 422, 422, 400, 400),
    "lone surrogate": (b'{"input": "a", "dimensions": "\\ud800"}', 400, 422, 200, 422, 400, 400),
    "not UTF-8": (b'{"input": "a", "task": "\xff"}',),
    "NUL": (b'{"input": 1, "a": "\\u0000"}', 400, 422, 422, 422, 400, 400),
    "infinity": (b'{"input": "a", "dimensions": Infinity}',),
    "comments": (b'{"input": "a" /* text */}',),
    "unknown task": (b'{"input": "a", "task": "make coffee"}', 422, 422, 200, 422, 200, 422),
    "every field of a wrong type": (json.dumps({
        "input": "a", "model": 1, "encoding_format": [], "embedding_type": {}, "dimensions": "1",
        "task": 3, "late_chunking": "yes", "truncate": 1, "normalized": "no",
        "chunking": 5}).encode(), 400, 422, 422, 422, 400, 400),
}


@pytest.mark.parametrize("route", ROUTES)
def test_malformed_json(served, route):
    member, members_of_errors = ROUTES[route]
    for name, (body, *per_route) in JSON.items():
        expected = per_route[list(ROUTES).index(route)] if per_route else 400
        if member == "texts":
            body = body.replace(b'"input": "a"', b'"texts": ["a"]')
        reply = served.call("POST", route, body.replace(b'"input"', f'"{member}"'.encode()))
        assert reply.status == expected, (name, reply.status, reply.body[:200])
        if expected != 200:
            answer = reply.json()
            assert set(answer) - {"param"} == members_of_errors, (name, reply.body[:200])
            if "detail" in answer:
                assert answer["error"]["type"] == "invalid_request_error"
            assert len(reply.body) < 2000, name


def test_bodies_over_the_limit(served):
    large = HEAD % (2 << 20)
    assert statuses(exchange(served, large, finish=False)) == [413], "told by its length alone"
    body = b'{"input": "' + b"a" * (2 << 20) + b'"}'
    assert statuses(exchange(served, HEAD % len(body) + body, finish=False)) == [413]
    chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    chunked = (b"POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
               b"Transfer-Encoding: chunked\r\n\r\n")
    received = exchange(served, chunked + chunk * 40, finish=False)
    assert statuses(received) == [413], "without a length, refused where it becomes too long"
    packed = gzip.compress(b'{"input": "' + b"a" * (64 << 20) + b'"}')
    assert len(packed) < 1 << 20
    reply = served.call("POST", "/v1/embeddings", packed, {"Content-Encoding": "gzip"})
    assert reply.status == 413, "what counts is its length unpacked"


def test_bodies_of_another_type(served):
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                 "text/plain", "application/xml", "nonsense"):
        reply = served.call("POST", "/v1/embeddings", b"input=a", {"Content-Type": kind})
        assert reply.status == 415, (kind, reply.body)
        assert served.call("POST", "/v1/embeddings", BODY, {"Content-Type": kind}).status == 200, "what it is counts"
    assert served.call("POST", "/v1/embeddings", b"\xef\xbb\xbf" + BODY).status == 200, "with a byte order mark"
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
    with Served(tmp_path, "--idle-seconds", "600", "--max-connections", "11000") as served:
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
            for sock in sockets[:: count // 100]:
                sock.sendall(REQUEST)
                assert sock.recv(1 << 16).startswith(b"HTTP/1.1 200")
        finally:
            for sock in sockets:
                sock.close()
        assert served.embed().status == 200


def test_connections_over_the_limit(tmp_path):
    with Served(tmp_path, "--max-connections", "4") as served:
        kept = [served.connect() for _ in range(4)]
        assert all(connection.call("GET", "/health").status == 200 for connection in kept)
        received = exchange(served, REQUEST, finish=False)
        assert statuses(received) == [503]
        metrics = kept[1].call("GET", "/metrics").body
        assert b"\nnestvec_refused_connections_total 1\n" in metrics
        kept[0].close()
        wait_until(lambda: statuses(exchange(served, closing(REQUEST), finish=False)) == [200], "a free place")
        for connection in kept:
            connection.close()
