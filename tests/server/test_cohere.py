# SPDX-License-Identifier: Apache-2.0
"""Cohere's embedding routes over plain HTTP."""

import base64

import numpy
import pytest

TEXTS = ["Hello, world!", "Zwei Zeilen sind genug.", "\u6f22\u5b57 and emoji \U0001f600"]


def post(server, body, path="/v2/embed"):
    return server.call("POST", path, body)


def good(server, body, path="/v2/embed"):
    reply = post(server, body, path)
    assert reply.status == 200, reply.body
    return reply.json()


def refused(reply, status):
    assert reply.status == status, (reply.status, reply.body)
    assert set(reply.json()) == {"message"}
    return reply.json()["message"]


@pytest.mark.parametrize("input_type, task", [
    ("search_document", "retrieval.passage"), ("search_query", "retrieval.query"),
    ("classification", "classification"), ("clustering", "separation")])
def test_input_types_are_tasks(server, input_type, task):
    answer = good(server, {"model": "embed-v4.0", "texts": TEXTS, "input_type": input_type})
    vectors = numpy.array(answer["embeddings"]["float"], numpy.float32)
    assert numpy.array_equal(vectors, server.expected(*TEXTS, task=task))


def test_a_model_without_tasks_takes_any_input_type(plain_server):
    answer = good(plain_server, {"model": "m", "texts": TEXTS, "input_type": "search_query"})
    vectors = numpy.array(answer["embeddings"]["float"], numpy.float32)
    assert numpy.array_equal(vectors, plain_server.expected(*TEXTS))


def test_the_answer(server):
    answer = good(server, {"model": "m", "texts": TEXTS})
    assert set(answer) == {"id", "embeddings", "texts", "meta", "response_type"}
    assert answer["id"] and answer["texts"] == TEXTS
    assert answer["response_type"] == "embeddings_by_type"
    assert answer["meta"]["api_version"] == {"version": "2"}
    tokens = sum(map(len, server.call("POST", "/tokenize", {"inputs": TEXTS}).json()))
    assert answer["meta"]["billed_units"] == {"input_tokens": tokens}


def test_embedding_types(server):
    types = ["float", "base64", "ubinary", "binary", "int8"]
    answer = good(server, {"model": "m", "texts": TEXTS, "embedding_types": types,
                           "output_dimension": 32})["embeddings"]
    assert set(answer) == set(types)
    expected = server.expected(*TEXTS, dimensions=32)
    assert numpy.array_equal(numpy.array(answer["float"], numpy.float32), expected)
    assert numpy.array_equal([numpy.frombuffer(base64.b64decode(row), "<f4") for row in answer["base64"]],
                             expected)
    bits = numpy.packbits(expected >= 0, axis=1)
    assert numpy.array_equal(answer["ubinary"], bits)
    assert numpy.array_equal(answer["binary"], bits.astype(int) - 128)
    scale = numpy.abs(expected).max(axis=1, keepdims=True) / 127
    assert numpy.abs(numpy.array(answer["int8"]) * scale - expected).max() <= scale.max() * 0.51


def test_contents(server):
    inputs = [{"content": [{"type": "text", "text": TEXTS[0]}]},
              {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]
    answer = good(server, {"model": "m", "inputs": inputs})
    assert answer["texts"] == [TEXTS[0], "a\nb"]
    vectors = numpy.array(answer["embeddings"]["float"], numpy.float32)
    assert numpy.array_equal(vectors, server.expected(TEXTS[0], "a\nb"))


def test_version_one_gives_a_plain_list(server):
    answer = good(server, {"texts": TEXTS}, "/v1/embed")
    assert answer["response_type"] == "embeddings_floats"
    assert numpy.array_equal(numpy.array(answer["embeddings"], numpy.float32), server.expected(*TEXTS))
    by_type = good(server, {"texts": TEXTS, "embedding_types": ["float"]}, "/v1/embed")
    assert by_type["response_type"] == "embeddings_by_type"
    assert by_type["embeddings"]["float"] == answer["embeddings"]


def test_long_texts(plain_server):
    text = "left " * 90 + "right " * 90
    for truncate, side in (("END", "right"), ("START", "left")):
        answer = good(plain_server, {"model": "m", "texts": [text], "truncate": truncate})
        vectors = numpy.array(answer["embeddings"]["float"], numpy.float32)
        assert numpy.array_equal(vectors, plain_server.expected(text, truncate=side))
    message = refused(post(plain_server, {"model": "m", "texts": ["a", text], "truncate": "NONE"}), 400)
    assert "96" in message


@pytest.mark.parametrize("body, status", [
    ({}, 400), ({"texts": []}, 400), ({"texts": [""]}, 400), ({"texts": "a"}, 400),
    ({"texts": [1]}, 400), ({"texts": ["a"], "input_type": "poetry"}, 422),
    ({"texts": ["a"], "truncate": "LEFT"}, 400), ({"texts": ["a"], "output_dimension": 65}, 400),
    ({"texts": ["a"], "embedding_types": ["float16"]}, 400),
    ({"texts": ["a"], "max_tokens": 1}, 400), ({"images": ["data:image/png;base64,AA=="]}, 400),
    ({"inputs": [{"content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, 400),
    ({"texts": ["a"] * 2049}, 400),
])
def test_wrong_requests(server, body, status):
    refused(post(server, {"model": "m", **body}), status)
