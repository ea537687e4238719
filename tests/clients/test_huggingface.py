# SPDX-License-Identifier: Apache-2.0
"""huggingface_hub: the client that text-embeddings-inference's documentation names."""

import asyncio

import numpy
import pytest
from huggingface_hub import AsyncInferenceClient, InferenceClient
from huggingface_hub.errors import HfHubHTTPError

from expected import TEXTS, embed, same

LONG = "b " * 9000


@pytest.fixture(scope="module", params=["", "/embed"])
def client(server, request):
    return InferenceClient(model=server.url + request.param, token=server.key)


def test_feature_extraction(server, client):
    wanted = embed(server, TEXTS)
    assert same(client.feature_extraction(TEXTS), wanted)
    assert same(client.feature_extraction(TEXTS[0]), wanted[:1])
    assert same(client.feature_extraction(TEXTS, normalize=False), embed(server, TEXTS, "--no-normalize"))
    assert same(client.feature_extraction(TEXTS, dimensions=32), embed(server, TEXTS, "--dimensions", "32"))


@pytest.mark.parametrize("prompt_name,task", [("retrieval.query", "retrieval.query"), ("query", "retrieval.query"),
                                              ("passage", "retrieval.passage"), ("separation", "separation")])
def test_prompt_names_are_tasks(server, client, prompt_name, task):
    assert same(client.feature_extraction(TEXTS, prompt_name=prompt_name), embed(server, TEXTS, "--task", task))


def test_truncation(server, client):
    assert same(client.feature_extraction(LONG, truncate=True), embed(server, [LONG], "--truncate", "right"))
    with pytest.raises(HfHubHTTPError, match="8194") as caught:
        client.feature_extraction(LONG, truncate=False)
    assert caught.value.response.status_code == 422


def test_async(server):
    async def run():
        async with AsyncInferenceClient(model=server.url, token=server.key) as client:
            return await asyncio.gather(*(client.feature_extraction(text) for text in TEXTS))
    assert same(numpy.concatenate(asyncio.run(run())), embed(server, TEXTS))


def test_sentence_similarity(server):
    client = InferenceClient(model=server.url + "/similarity", token=server.key)
    scores = client.sentence_similarity(TEXTS[0], other_sentences=TEXTS)
    wanted = embed(server, TEXTS) @ embed(server, TEXTS)[0]
    assert numpy.abs(numpy.array(scores) - wanted).max() < 1e-6


def test_errors(server, client):
    with pytest.raises(HfHubHTTPError, match="retrieval.query") as caught:
        client.feature_extraction("a", prompt_name="translation")
    assert caught.value.response.status_code == 422
    with pytest.raises(HfHubHTTPError) as caught:
        client.feature_extraction([])
    assert caught.value.response.json()["error_type"] == "Empty"
    with pytest.raises(HfHubHTTPError) as caught:
        InferenceClient(model=server.url, token="wrong").feature_extraction("a")
    assert caught.value.response.status_code == 401
