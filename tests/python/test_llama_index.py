# SPDX-License-Identifier: Apache-2.0
"""LlamaIndex as it is: nodes, an index, what it writes of an embedding model."""

import asyncio

import pytest

pytest.importorskip("llama_index.core")
from llama_index.core import VectorStoreIndex  # noqa: E402
from llama_index.core.base.embeddings.base import BaseEmbedding  # noqa: E402
from llama_index.core.ingestion import IngestionPipeline  # noqa: E402
from llama_index.core.schema import TextNode  # noqa: E402

from command import MODELS  # noqa: E402
from nestvec.llama_index import NestvecEmbedding  # noqa: E402

TEXTS = ["A cat sleeps on the mat.", "The central bank raised rates.", "Bread is baked at night."]


def test_vectors(model):
    embedding = NestvecEmbedding(model=model, dimensions=32)
    assert isinstance(embedding, BaseEmbedding)
    documents = model.encode_document(TEXTS, dimensions=32).tolist()
    assert embedding.get_text_embedding_batch(TEXTS) == documents
    assert embedding.get_text_embedding(TEXTS[1]) == documents[1]
    query = model.encode_query("cat", dimensions=32).tolist()
    assert embedding.get_query_embedding("cat") == query
    assert asyncio.run(embedding.aget_query_embedding("cat")) == query
    assert asyncio.run(embedding.aget_text_embedding(TEXTS[1])) == documents[1]
    assert asyncio.run(embedding.aget_text_embedding_batch(TEXTS)) == documents


def test_an_index_finds(minilm):
    embedding = NestvecEmbedding(model=minilm)
    nodes = [TextNode(text=text, id_=str(i)) for i, text in enumerate(TEXTS)]
    index = VectorStoreIndex(IngestionPipeline(transformations=[embedding]).run(nodes=nodes), embed_model=embedding)
    found = index.as_retriever(similarity_top_k=1).retrieve("Where is the pet?")
    assert [node.node_id for node in found] == ["0"]


def test_written_and_read_again(home):
    settings = {"cache_dir": str(home / "cache"), "precision": "fp32"}
    embedding = NestvecEmbedding(str(MODELS / "v3-tiny"), dimensions=32, settings=settings)
    again = NestvecEmbedding.from_json(embedding.to_json())
    assert again.dimensions == 32 and again.settings == settings
    assert again.get_query_embedding("cat") == embedding.get_query_embedding("cat")
