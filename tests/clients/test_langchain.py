# SPDX-License-Identifier: Apache-2.0
"""LangChain: its class for OpenAI, and the one for Jina that users of the hosted API have."""

import asyncio

import openai
import pytest
from langchain_community.embeddings import JinaEmbeddings, jina
from langchain_openai import OpenAIEmbeddings

from expected import TEXTS, embed, same


def openai_embeddings(server, **options):
    # As LangChain tells users of servers that are not OpenAI: texts are sent, not tiktoken's ids.
    return OpenAIEmbeddings(base_url=server.url + "/v1", check_embedding_ctx_length=False,
                            **{"model": "jina-embeddings-v3", "api_key": server.key, "max_retries": 0} | options)


def test_openai_embeddings(server):
    embeddings = openai_embeddings(server)
    wanted = embed(server, TEXTS)
    assert same(embeddings.embed_documents(TEXTS), wanted)
    assert same(embeddings.embed_documents(TEXTS, chunk_size=2), wanted)
    assert same(embeddings.embed_query(TEXTS[0]), wanted[0])
    assert same(asyncio.run(embeddings.aembed_documents(TEXTS)), wanted)


def test_openai_embeddings_with_a_task_and_dimensions(server):
    embeddings = openai_embeddings(server, dimensions=32,
                                   model_kwargs={"extra_body": {"task": "retrieval.passage"}})
    assert same(embeddings.embed_documents(TEXTS),
                embed(server, TEXTS, "--task", "retrieval.passage", "--dimensions", "32"))


def test_openai_embeddings_with_the_task_in_the_models_name(server):
    """As docs/integrations.md has it."""
    for task in ("retrieval.query", "retrieval.passage"):
        embeddings = openai_embeddings(server, model=f"jina-embeddings-v3:{task}")
        assert same(embeddings.embed_documents(TEXTS), embed(server, TEXTS, "--task", task))


def test_openai_embeddings_errors(server):
    with pytest.raises(openai.UnprocessableEntityError, match="retrieval.query"):
        openai_embeddings(server, model_kwargs={"extra_body": {"task": "translation"}}).embed_query("a")
    with pytest.raises(openai.AuthenticationError):
        openai_embeddings(server, api_key="sk-wrong").embed_query("a")


@pytest.fixture
def jina_here(server, monkeypatch):
    # The class has no parameter and no variable for the address, only this constant of its module.
    monkeypatch.setattr(jina, "JINA_API_URL", server.url + "/v1/embeddings")


@pytest.mark.usefixtures("jina_here")
def test_jina_embeddings(server):
    embeddings = JinaEmbeddings(jina_api_key=server.key, model_name="jina-embeddings-v3")
    wanted = embed(server, TEXTS)
    assert same(embeddings.embed_documents(TEXTS), wanted)
    assert same(embeddings.embed_query(TEXTS[1]), wanted[1])


@pytest.mark.usefixtures("jina_here")
def test_jina_embeddings_show_our_message(server):
    with pytest.raises(RuntimeError, match="key"):
        JinaEmbeddings(jina_api_key="wrong", model_name="jina-embeddings-v3").embed_query("a")
    with pytest.raises(RuntimeError, match="input"):
        JinaEmbeddings(jina_api_key=server.key, model_name="jina-embeddings-v3").embed_documents([])
