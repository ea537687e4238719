# SPDX-License-Identifier: Apache-2.0
"""LlamaIndex as it is: nodes, an index, what it writes of an embedding model."""

import asyncio

import pytest

pytest.importorskip("llama_index.core")
from llama_index.core import VectorStoreIndex  # noqa: E402
from llama_index.core.base.embeddings.base import BaseEmbedding  # noqa: E402
from llama_index.core.ingestion import IngestionPipeline  # noqa: E402
from llama_index.core.postprocessor.types import BaseNodePostprocessor  # noqa: E402
from llama_index.core.schema import NodeWithScore, TextNode  # noqa: E402

from command import MODELS  # noqa: E402
from nestvec.llama_index import NestvecEmbedding, NestvecRerank  # noqa: E402

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


def test_a_reranker(load):
    reranker = load("bert-reranker-tiny", precision="fp32")
    processor = NestvecRerank(model=reranker, top_n=2, keep_retrieval_score=True)
    assert isinstance(processor, BaseNodePostprocessor)
    nodes = [NodeWithScore(node=TextNode(text=text, id_=str(i)), score=0.5) for i, text in enumerate(TEXTS)]
    scores = reranker.rerank("cat", TEXTS)
    order = sorted(range(3), key=lambda i: -scores[i])
    best = processor.postprocess_nodes(nodes, query_str="cat")
    assert [(node.node_id, node.score) for node in best] == [(str(i), float(scores[i])) for i in order[:2]]
    assert best[0].metadata == {"retrieval_score": 0.5}
    assert nodes[0].score == 0.5 and nodes[0].metadata == {}, "what is given stays as it is"
    later = asyncio.run(processor.apostprocess_nodes(nodes, query_str="cat"))
    assert [node.score for node in later] == [node.score for node in best]
    assert processor.postprocess_nodes([], query_str="cat") == []
    with pytest.raises(ValueError, match="needs a query"):
        processor.postprocess_nodes(nodes)


def test_a_reranker_in_a_query(load, minilm):
    nodes = [TextNode(text=text, id_=str(i)) for i, text in enumerate(TEXTS)]
    index = VectorStoreIndex(nodes, embed_model=NestvecEmbedding(model=minilm))
    processor = NestvecRerank(model=load("bert-reranker-tiny", precision="fp32"), top_n=1)
    found = processor.postprocess_nodes(index.as_retriever(similarity_top_k=3).retrieve("pet"), query_str="pet")
    scores = processor._model.rerank("pet", TEXTS)
    assert [node.node_id for node in found] == [str(scores.argmax())]


def test_a_reranker_written_and_read_again(home):
    settings = {"cache_dir": str(home / "cache"), "precision": "fp32"}
    processor = NestvecRerank(str(MODELS / "bert-reranker-tiny"), top_n=3, settings=settings,
                              options={"activation": "sigmoid"})
    again = NestvecRerank.from_json(processor.to_json())
    assert (again.top_n, again.settings, again.options) == (3, settings, {"activation": "sigmoid"})
    nodes = [NodeWithScore(node=TextNode(text="x"), score=0.5)]
    assert 0 < again.postprocess_nodes(nodes, query_str="cat")[0].score < 1
