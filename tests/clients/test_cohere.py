# SPDX-License-Identifier: Apache-2.0
"""cohere: ClientV2."""

import base64

import cohere
import numpy
import pytest

from expected import TEXTS, embed, same

MODEL = "jina-embeddings-v3"


@pytest.fixture(scope="module")
def client(server):
    return cohere.ClientV2(api_key=server.key, base_url=server.url)


@pytest.mark.parametrize("input_type,task", [
    ("search_query", "retrieval.query"), ("search_document", "retrieval.passage"),
    ("classification", "classification"), ("clustering", "separation")])
def test_input_types_are_tasks(server, client, input_type, task):
    answer = client.embed(model=MODEL, texts=TEXTS, input_type=input_type, embedding_types=["float"])
    assert same(answer.embeddings.float_, embed(server, TEXTS, "--task", task))
    assert answer.texts == TEXTS
    assert answer.meta.billed_units.input_tokens > len(TEXTS)


def test_embedding_types(server, client):
    answer = client.embed(model=MODEL, texts=TEXTS, input_type="search_query",
                          embedding_types=["float", "base64", "binary", "ubinary"]).embeddings
    wanted = embed(server, TEXTS, "--task", "retrieval.query")
    assert same(answer.float_, wanted)
    assert same([numpy.frombuffer(base64.b64decode(text), "<f4") for text in answer.base64], wanted)
    bits = numpy.packbits(wanted >= 0, axis=1)
    assert numpy.array_equal(answer.ubinary, bits)
    assert numpy.array_equal(answer.binary, bits.astype(int) - 128)


def test_output_dimension(server, client):
    answer = client.embed(model=MODEL, texts=TEXTS, input_type="search_query", output_dimension=32)
    assert same(answer.embeddings.float_, embed(server, TEXTS, "--task", "retrieval.query", "--dimensions", "32"))


def test_inputs_of_text(server, client):
    inputs = [{"content": [{"type": "text", "text": text}]} for text in TEXTS]
    answer = client.embed(model=MODEL, inputs=inputs, input_type="search_query", embedding_types=["float"])
    assert same(answer.embeddings.float_, embed(server, TEXTS, "--task", "retrieval.query"))


def test_a_model_without_tasks(plain_server):
    client = cohere.ClientV2(api_key="not needed", base_url=plain_server.url)
    answer = client.embed(model="any", texts=TEXTS, input_type="search_query", embedding_types=["float"])
    assert same(answer.embeddings.float_, embed(plain_server, TEXTS))


def test_errors(server, client):
    with pytest.raises(cohere.UnprocessableEntityError) as caught:
        client.embed(model=MODEL, texts=TEXTS, input_type="translation")
    assert "retrieval.query" in str(caught.value.body)
    with pytest.raises(cohere.BadRequestError) as caught:
        client.embed(model=MODEL, texts=["a", "b " * 9000], input_type="search_query", truncate="NONE")
    assert "8194" in str(caught.value.body)
    with pytest.raises(cohere.UnauthorizedError):
        cohere.ClientV2(api_key="wrong", base_url=server.url).embed(model=MODEL, texts=["a"],
                                                                    input_type="search_query")
