# SPDX-License-Identifier: Apache-2.0
"""LangChain as it is: its vector store and its asynchronous calls."""

import asyncio

import pytest

pytest.importorskip("langchain_core")
from langchain_core.documents import BaseDocumentCompressor, Document  # noqa: E402
from langchain_core.embeddings import Embeddings  # noqa: E402
from langchain_core.vectorstores import InMemoryVectorStore  # noqa: E402

from command import MODELS  # noqa: E402
from nestvec.langchain import NestvecEmbeddings, NestvecReranker  # noqa: E402

TEXTS = ["A cat sleeps on the mat.", "The central bank raised rates.", "Bread is baked at night."]


def test_vectors(model):
    embeddings = NestvecEmbeddings(model, dimensions=32)
    assert isinstance(embeddings, Embeddings)
    assert embeddings.embed_documents(TEXTS) == model.encode_document(TEXTS, dimensions=32).tolist()
    assert embeddings.embed_query("cat") == model.encode_query("cat", dimensions=32).tolist()
    assert asyncio.run(embeddings.aembed_query("cat")) == embeddings.embed_query("cat")
    assert asyncio.run(embeddings.aembed_documents(TEXTS)) == embeddings.embed_documents(TEXTS)
    assert embeddings.embed_documents([]) == []


def test_a_store_finds(minilm):
    store = InMemoryVectorStore(NestvecEmbeddings(minilm))
    store.add_documents([Document(page_content=text, id=str(i)) for i, text in enumerate(TEXTS)])
    assert [found.id for found in store.similarity_search("Where is the pet?", k=1)] == ["0"]
    found = store.as_retriever(search_kwargs={"k": 1}).invoke("interest of loans")
    assert found[0].page_content == TEXTS[1]


def test_a_model_by_its_folder(model, monkeypatch, home):
    monkeypatch.setenv("NESTVEC_CACHE_DIR", str(home / "cache"))
    embeddings = NestvecEmbeddings(str(MODELS / "v3-tiny"), task="separation")
    assert len(embeddings.embed_query("cat")) == model.info.dimensions


def test_a_reranker(load):
    reranker = load("bert-reranker-tiny", precision="fp32")
    compressor = NestvecReranker(reranker, top_n=2, activation="sigmoid")
    assert isinstance(compressor, BaseDocumentCompressor)
    documents = [Document(page_content=text, id=str(i), metadata={"place": i}) for i, text in enumerate(TEXTS)]
    scores = reranker.rerank("cat", TEXTS, activation="sigmoid")
    order = sorted(range(3), key=lambda i: -scores[i])
    best = compressor.compress_documents(documents, "cat")
    assert [(d.id, d.page_content, d.metadata) for d in best] == [
        (str(i), TEXTS[i], {"place": i, "relevance_score": float(scores[i])}) for i in order[:2]]
    assert documents[0].metadata == {"place": 0}, "what is given stays as it is"
    assert asyncio.run(compressor.acompress_documents(documents, "cat")) == best
    assert len(NestvecReranker(reranker, top_n=None).compress_documents(documents, "cat")) == 3
    assert compressor.compress_documents([], "cat") == []


def test_a_reranker_by_its_folder(load, monkeypatch, home):
    monkeypatch.setenv("NESTVEC_CACHE_DIR", str(home / "cache"))
    found = NestvecReranker(str(MODELS / "bert-reranker-tiny")).compress_documents([Document(page_content="x")], "cat")
    assert len(found) == 1
