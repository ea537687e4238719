# SPDX-License-Identifier: Apache-2.0
"""Ollama's routes over plain HTTP."""

import datetime

import numpy
import pytest

TEXTS = ["Hello, world!", "Zwei Zeilen sind genug.", "\u6f22\u5b57 and emoji \U0001f600"]


def post(server, path, body):
    return server.call("POST", path, body)


def good(server, path, body):
    reply = post(server, path, body)
    assert reply.status == 200, reply.body
    return reply.json()


def floats(server, **body):
    return numpy.array(good(server, "/api/embed", {"model": "m", **body})["embeddings"], numpy.float32)


def test_vectors_are_those_of_the_command(server):
    assert numpy.array_equal(floats(server, input=TEXTS), server.expected(*TEXTS))
    assert numpy.array_equal(floats(server, input=TEXTS[0]), server.expected(TEXTS[0]))
    assert numpy.array_equal(floats(server, input=TEXTS, dimensions=20),
                             server.expected(*TEXTS, dimensions=20))
    assert numpy.array_equal(floats(server, input=TEXTS, task="query"),
                             server.expected(*TEXTS, task="retrieval.query"))


def test_the_answer(server):
    answer = good(server, "/api/embed", {"model": "any:latest", "input": TEXTS, "keep_alive": "5m",
                                         "options": {"num_ctx": 4096}, "truncate": None})
    assert answer["model"] == "any:latest"
    assert answer["total_duration"] > 0 and answer["load_duration"] == 0
    tokens = sum(map(len, post(server, "/tokenize", {"inputs": TEXTS}).json()))
    assert answer["prompt_eval_count"] == tokens


def test_no_input_gives_no_vectors(server):
    for body in ({}, {"input": ""}, {"input": []}):
        assert good(server, "/api/embed", {"model": "m", **body})["embeddings"] == []
    assert good(server, "/api/embeddings", {"model": "m"}) == {"embedding": []}


def test_the_older_form(server):
    answer = good(server, "/api/embeddings", {"model": "m", "prompt": TEXTS[0]})
    assert list(answer) == ["embedding"]
    assert numpy.array_equal(numpy.array(answer["embedding"], numpy.float32),
                             server.expected(TEXTS[0])[0])


def test_lists(server):
    (entry,) = server.call("GET", "/api/tags").json()["models"]
    assert entry["name"] == entry["model"] == "v3-tiny:latest"
    assert len(entry["digest"]) == 64 and entry["size"] > 0
    assert entry["details"]["family"] == "jina-embeddings-v3"
    modified = datetime.datetime.fromisoformat(entry["modified_at"].replace("Z", "+00:00"))
    assert modified.year > 2000
    (running,) = server.call("GET", "/api/ps").json()["models"]
    assert running["digest"] == entry["digest"]
    show = good(server, "/api/show", {"model": entry["name"]})
    assert show["capabilities"] == ["embedding"]
    assert show["model_info"]["jina-embeddings-v3.embedding_length"] == 64
    assert server.call("GET", "/api/version").json().keys() == {"version"}


def test_long_texts(plain_server):
    text = "word " * 200
    assert numpy.array_equal(floats(plain_server, input=text), plain_server.expected(text))
    reply = post(plain_server, "/api/embed", {"model": "m", "input": ["a", text], "truncate": False})
    assert reply.status == 400 and "96" in reply.json()["error"]


@pytest.mark.parametrize("body, status", [
    ({"input": 1}, 400), ({"input": ["a", ""]}, 400), ({"input": "a", "model": 1}, 400),
    ({"input": "a", "dimensions": 65}, 400), ({"input": "a", "truncate": "no"}, 400),
    ({"input": "a", "task": "poetry"}, 422), ({"input": ["a"] * 2049}, 400),
])
def test_wrong_requests(server, body, status):
    reply = post(server, "/api/embed", {"model": "m", **body})
    assert reply.status == status, reply.body
    assert set(reply.json()) == {"error"}
