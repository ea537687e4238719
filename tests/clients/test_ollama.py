# SPDX-License-Identifier: Apache-2.0
"""ollama."""

import asyncio

import numpy
import ollama
import pytest

from expected import TEXTS, embed, same

MODEL = "jina-embeddings-v3"


def headers(key):
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def client(server):
    return ollama.Client(server.url, headers=headers(server.key))


def test_embed(server, client):
    wanted = embed(server, TEXTS)
    answer = client.embed(MODEL, TEXTS)
    assert same(answer.embeddings, wanted)
    assert answer.prompt_eval_count > len(TEXTS) and answer.total_duration > 0
    assert same(client.embed(MODEL, TEXTS[0]).embeddings, wanted[:1])
    assert same(client.embed(MODEL, TEXTS, dimensions=32).embeddings, embed(server, TEXTS, "--dimensions", "32"))


def test_the_older_route(server, client):
    # Ollama does not normalise there.
    got = numpy.array(client.embeddings(MODEL, TEXTS[0]).embedding)
    assert numpy.abs(got / numpy.linalg.norm(got) - embed(server, TEXTS[:1])[0]).max() < 1e-6


def test_truncate(server, client):
    text = "b " * 9000
    assert same(client.embed(MODEL, text).embeddings, embed(server, [text]))
    with pytest.raises(ollama.ResponseError, match="8194") as caught:
        client.embed(MODEL, text, truncate=False)
    assert caught.value.status_code == 400


def test_models(client):
    model = client.list().models[0]
    assert client.pull(model.model).status == "success"
    assert client.show(model.model) is not None


def test_async(server):
    client = ollama.AsyncClient(server.url, headers=headers(server.key))
    assert same(asyncio.run(client.embed(MODEL, TEXTS)).embeddings, embed(server, TEXTS))


def test_errors(server, client):
    with pytest.raises(ollama.ResponseError, match="dimensions") as caught:
        client.embed(MODEL, TEXTS, dimensions=65)
    assert caught.value.status_code == 400
    with pytest.raises(ollama.ResponseError) as caught:
        ollama.Client(server.url, headers=headers("wrong")).embed(MODEL, "a")
    assert caught.value.status_code == 401
