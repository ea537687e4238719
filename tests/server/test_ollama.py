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
    assert answer["model"] == "v3-tiny", "what is served, not what was asked for"
    assert answer["total_duration"] > 0 and answer["load_duration"] == 0
    tokens = sum(map(len, post(server, "/tokenize", {"inputs": TEXTS}).json()))
    assert answer["prompt_eval_count"] == tokens


def test_no_input_gives_no_vectors(server):
    for body in ({}, {"input": ""}, {"input": []}):
        assert good(server, "/api/embed", {"model": "m", **body})["embeddings"] == []
    assert good(server, "/api/embeddings", {"model": "m"}) == {"embedding": []}


def test_a_text_without_a_character_has_a_vector(server):
    vectors = floats(server, input=["a", ""])
    assert vectors.shape == (2, 64) and numpy.isfinite(vectors).all()
    assert numpy.array_equal(vectors[0], server.expected("a")[0])


def test_members_of_the_other_route_are_understood(server):
    assert numpy.array_equal(floats(server, prompt=TEXTS[0]), server.expected(TEXTS[0]))
    answer = good(server, "/api/embeddings", {"model": "m", "input": TEXTS[0]})
    assert numpy.array_equal(numpy.array(answer["embedding"], numpy.float32), server.expected(TEXTS[0])[0])


def test_bodies_as_curl_sends_them(server):
    for headers in ({"Content-Type": "application/x-www-form-urlencoded"}, {"Content-Type": "text/plain;charset=UTF-8"}):
        reply = server.call("POST", "/api/embed", b'{"model": "m", "input": "a"}', headers)
        assert reply.status == 200, reply.body


def test_pull(server):
    reply = post(server, "/api/pull", {"model": "v3-tiny"})
    assert reply.headers["Content-Type"] == "application/x-ndjson" and reply.json() == {"status": "success"}
    assert good(server, "/api/pull", {"model": "v3-tiny:latest", "stream": False}) == {"status": "success"}
    reply = post(server, "/api/pull", {"model": "llama3"})
    assert reply.status == 404 and "v3-tiny" in reply.json()["error"]


def test_the_older_form(server):
    answer = good(server, "/api/embeddings", {"model": "m", "prompt": TEXTS[0]})
    assert list(answer) == ["embedding"]
    assert numpy.array_equal(numpy.array(answer["embedding"], numpy.float32),
                             server.expected(TEXTS[0])[0])


def test_lists(server):
    entry, *tasks = server.call("GET", "/api/tags").json()["models"]
    for task in tasks:
        assert floats(server, model=task["name"], input="a").shape == (1, 64)
    assert [task["name"] for task in tasks][:2] == ["v3-tiny:retrieval.query", "v3-tiny:retrieval.passage"]
    assert numpy.array_equal(floats(server, model=tasks[0]["name"], input="a"), server.expected("a", task="retrieval.query"))
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
    version = server.call("GET", "/api/version").json()["version"]
    assert tuple(map(int, version.split("."))) >= (0, 6, 4), "clients ask for one that has their routes"


def test_long_texts(plain_server):
    text = "word " * 200
    assert numpy.array_equal(floats(plain_server, input=text), plain_server.expected(text))
    reply = post(plain_server, "/api/embed", {"model": "m", "input": ["a", text], "truncate": False})
    assert reply.status == 400 and "96" in reply.json()["error"]


@pytest.mark.parametrize("body, status", [
    ({"input": 1}, 400), ({"input": ["a", 1]}, 400), ({"input": "a", "model": 1}, 400),
    ({"input": "a", "dimensions": 65}, 400), ({"input": "a", "truncate": "no"}, 400),
    ({"input": "a", "task": "poetry"}, 422), ({"input": ["a"] * 2049}, 400),
])
def test_wrong_requests(server, body, status):
    reply = post(server, "/api/embed", {"model": "m", **body})
    assert reply.status == status, reply.body
    assert set(reply.json()) == {"error"}
