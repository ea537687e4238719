# SPDX-License-Identifier: Apache-2.0
"""Clarifai's classes of LangChain and LlamaIndex. Both keep errors to themselves; LangChain wants to be told the
address, LlamaIndex takes that of the environment."""

import pytest

from sdk import APP, MODEL, PAT, USER, bits, since, url_of, wanted

pytestmark = since(12, 0, 0)  # installed beside the newest alone
TEXTS = [f"{text} {i}" for i in range(20) for text in ("Hello, world!", "\u6f22\u5b57", "a")]


@pytest.mark.parametrize("names", [{"model_url": url_of()}, {"user_id": USER, "app_id": APP, "model_id": MODEL}])
def test_langchain(server, names):
    from langchain_community.embeddings import ClarifaiEmbeddings
    embeddings = ClarifaiEmbeddings(pat=PAT, api_base=server.url, **names)
    assert list(map(floats_of, embeddings.embed_documents(TEXTS))) == wanted(server, TEXTS)
    assert floats_of(embeddings.embed_query(TEXTS[0])) == wanted(server, TEXTS[:1])[0]


def floats_of(vector):
    return bits(list(vector))


@pytest.fixture(scope="module")
def llama_index_class():
    """Version 0.6.0 cannot be made with Pydantic 2, for which a field that may be None still needs a default."""
    from llama_index.embeddings.clarifai import ClarifaiEmbedding

    class WithDefaults(ClarifaiEmbedding):
        model_url: str | None = None
        model_id: str | None = None
        model_version_id: str | None = None
        app_id: str | None = None
        user_id: str | None = None
        pat: str | None = None

    return WithDefaults


@pytest.mark.parametrize("names", [{"model_url": url_of()}, {"user_id": USER, "app_id": APP, "model_name": MODEL}])
def test_llama_index(server, llama_index_class, names):
    embedding = llama_index_class(pat=PAT, **names)
    assert list(map(floats_of, embedding.get_text_embedding_batch(TEXTS))) == wanted(server, TEXTS)
    assert floats_of(embedding.get_text_embedding(TEXTS[1])) == wanted(server, TEXTS[1:2])[0]
    assert floats_of(embedding.get_query_embedding(TEXTS[0])) == wanted(server, TEXTS[:1])[0]
