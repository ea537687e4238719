# SPDX-License-Identifier: Apache-2.0
"""LlamaIndex: its classes for Jina and for text-embeddings-inference."""

import asyncio

import aiohttp
import numpy
import pytest
from llama_index.embeddings.jinaai import JinaEmbedding
from llama_index.embeddings.text_embeddings_inference import TextEmbeddingsInference

from expected import OTHER_TASKS, TEXTS, embed, same

MODEL = "jina-embeddings-v3"


def jina_embedding(server, key=None, **options):
    embedding = JinaEmbedding(api_key=key or server.key, model=MODEL, embed_batch_size=2, **options)
    # The class has no parameter and no variable for the address; that of its caller is set.
    embedding._api.api_url = server.url + "/v1/embeddings"
    return embedding


@pytest.mark.parametrize("task", [None, *OTHER_TASKS])
def test_jina_tasks(server, task):
    embedding = jina_embedding(server, task=task)
    wanted = embed(server, TEXTS, *(["--task", task] if task else []))
    assert same(embedding.get_text_embedding_batch(TEXTS), wanted)
    assert same(embedding.get_query_embedding(TEXTS[0]), wanted[0])
    assert same(asyncio.run(embedding.aget_text_embedding_batch(TEXTS)), wanted)


def test_jina_dimensions(server):
    embedding = jina_embedding(server, dimensions=32)
    assert same(embedding.get_text_embedding_batch(TEXTS), embed(server, TEXTS, "--dimensions", "32"))


def test_jina_late_chunking(server):
    pair = TEXTS[:2]
    embedding = jina_embedding(server, late_chunking=True)
    assert same(embedding.get_text_embedding_batch(pair), embed(server, pair, "--late-chunking"))


@pytest.mark.parametrize("encoding", ["binary", "ubinary"])
def test_jina_bits(server, encoding):
    embedding = jina_embedding(server, encoding_queries=encoding, encoding_documents=encoding)
    bits = numpy.array(embedding.get_text_embedding_batch(TEXTS))
    assert numpy.array_equal(bits, embed(server, TEXTS) >= 0)


def test_jina_errors(server):
    with pytest.raises(RuntimeError, match="retrieval.query"):
        jina_embedding(server, task="translation").get_query_embedding("a")
    with pytest.raises(RuntimeError, match="key"):
        jina_embedding(server, key="wrong").get_query_embedding("a")
    with pytest.raises(aiohttp.ClientResponseError) as caught:
        asyncio.run(jina_embedding(server, task="translation").aget_query_embedding("a"))
    assert caught.value.status == 422


def text_embeddings_inference(served, key=None):
    # Without instructions of its own: nestvec puts those of the task.
    return TextEmbeddingsInference(MODEL, base_url=served.url, auth_token=key, embed_batch_size=3)


def test_text_embeddings_inference(server):
    embedding = text_embeddings_inference(server, server.key)
    texts = [text for text in TEXTS if text.strip() == text]  # the class strips what it sends
    wanted = embed(server, texts)
    assert same(embedding.get_text_embedding_batch(texts), wanted)
    assert same(embedding.get_query_embedding(texts[0]), wanted[0])
    assert same(asyncio.run(embedding.aget_text_embedding_batch(texts)), wanted)


def test_text_embeddings_inference_of_a_model_without_tasks(plain_server):
    embedding = text_embeddings_inference(plain_server)
    assert same(embedding.get_text_embedding_batch(TEXTS[:2]), embed(plain_server, TEXTS[:2]))
