# SPDX-License-Identifier: Apache-2.0
"""Every dialect over HTTP/2, with curl: plain by prior knowledge, under TLS, at both ports and a Unix socket."""

import json
import re
import subprocess

import pytest

from process import Served

BODIES = [
    ("/v1/embeddings", {"input": "a"}, lambda answer: answer["data"][0]["embedding"]),
    ("/embed", {"inputs": "a"}, lambda answer: answer[0]),
    ("/v2/embed", {"texts": ["a"], "input_type": "search_query", "embedding_types": ["float"],
                   "model": "m"}, lambda answer: answer["embeddings"]["float"][0]),
    ("/api/embed", {"input": "a", "model": "m"}, lambda answer: answer["embeddings"][0]),
]


def curl(url, *arguments, body=None):
    """Status, version of HTTP, headers and body."""
    command = ["curl", "-sS", "-i", "--max-time", "60", "-w", "\n%{http_version}", url, *map(str, arguments)]
    if body is not None:
        command += ["-H", "Content-Type: application/json", "--data-binary", "@-"]
    text = subprocess.run(command, input=body, check=True, capture_output=True).stdout
    head, _, rest = text.partition(b"\r\n\r\n")
    answer, _, version = rest.rpartition(b"\n")
    return int(head.split()[1]), version.decode(), head.decode().lower(), answer


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("home"), "--grpc", "127.0.0.1:0", "--max-body", "1Mi") as running:
        yield running


def test_curl_speaks_http2():
    assert "HTTP2" in subprocess.run(["curl", "--version"], capture_output=True, text=True).stdout


@pytest.mark.parametrize("path, body, vector_of", BODIES)
def test_every_dialect(served, path, body, vector_of):
    expected = served.call("POST", path, body)
    assert expected.status == 200
    for url in (served.url, "http://" + re.search(r"grpc://(\S+)", served.ready_line)[1]):
        status, version, head, answer = curl(url + path, "--http2-prior-knowledge",
                                             body=json.dumps(body).encode())
        assert (status, version) == (200, "2")
        assert vector_of(json.loads(answer)) == vector_of(expected.json())
        assert "x-request-id" in head and "connection:" not in head


def test_pages_and_errors(served):
    for path in ("/health", "/metrics", "/openapi.json", "/docs"):
        status, version, _, answer = curl(served.url + path, "--http2-prior-knowledge", "--compressed")
        assert (status, version) == (200, "2"), path
        assert path == "/metrics" or answer == served.call("GET", path).body
    status, _, _, answer = curl(served.url + "/nowhere", "--http2-prior-knowledge")
    assert status == 404 and json.loads(answer) == served.call("GET", "/nowhere").json()


def test_bodies_over_the_window_and_over_the_limit(served):
    texts = json.dumps({"input": ["a"]}).encode() + b" " * 900_000
    status, _, _, answer = curl(served.url + "/v1/embeddings", "--http2-prior-knowledge", body=texts)
    assert status == 200 and len(json.loads(answer)["data"]) == 1
    status, version, _, _ = curl(served.url + "/v1/embeddings", "--http2-prior-knowledge",
                                 body=b" " * (2 << 20))
    assert (status, version) == (413, "2")


def test_a_key_is_asked_for_before_the_body(tmp_path):
    with Served(tmp_path, "--api-key", "secret") as served:
        # The body never comes: curl waits for it on a pipe that stays open.
        process = subprocess.Popen(
            ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--http2-prior-knowledge", "-T", ".",
             "-X", "POST", served.url + "/v1/embeddings"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout.read(3) == b"401"
        process.stdin.close()
        process.wait(60)
        status, _, _, _ = curl(served.url + "/v1/embeddings", "--http2-prior-knowledge", "-H",
                               "Authorization: Bearer secret", body=b'{"input": "a"}')
        assert status == 200


def test_on_a_unix_socket(tmp_path):
    path = tmp_path / "socket"
    with Served(tmp_path, http=f"unix:{path}"):
        status, version, _, _ = curl("http://x/health", "--http2-prior-knowledge", "--unix-socket", path)
        assert (status, version) == (200, "2")
