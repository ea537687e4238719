# SPDX-License-Identifier: Apache-2.0
"""Haystack as it is: components in a pipeline that is written and read again."""

import numpy as np
import pytest

haystack = pytest.importorskip("haystack")
from haystack import Document, Pipeline  # noqa: E402
from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever  # noqa: E402
from haystack.components.writers import DocumentWriter  # noqa: E402
from haystack.document_stores.in_memory import InMemoryDocumentStore  # noqa: E402

from command import MODELS  # noqa: E402
from nestvec.haystack import NestvecDocumentEmbedder, NestvecRanker, NestvecTextEmbedder  # noqa: E402

TEXTS = ["A cat sleeps on the mat.", "The central bank raised rates.", "Bread is baked at night."]


def same(vectors, wanted):
    return np.array_equal(np.asarray(vectors, np.float32), wanted)


@pytest.fixture
def settings(home):
    return {"cache_dir": str(home / "cache"), "precision": "fp32"}


def test_vectors(model, settings):
    text = NestvecTextEmbedder(str(MODELS / "v3-tiny"), settings, {"dimensions": 32})
    assert text.run(text="cat") == {"embedding": model.encode_query("cat", dimensions=32).tolist()}
    documents = NestvecDocumentEmbedder(str(MODELS / "v3-tiny"), settings, meta_fields_to_embed=["title"])
    given = [Document(content="body", meta={"title": "Head"}), Document(content="alone")]
    out = documents.run(documents=given)["documents"]
    assert [d.embedding for d in out] == model.encode_document(["Head\nbody", "alone"]).tolist()
    assert [d.id for d in out] == [d.id for d in given] and given[0].embedding is None
    assert documents.run(documents=[]) == {"documents": []}
    with pytest.raises(TypeError, match="NestvecDocumentEmbedder"):
        text.run(text=given)
    with pytest.raises(TypeError, match="NestvecTextEmbedder"):
        documents.run(documents="cat")


def test_the_components_for_openai_with_a_server(home, model):
    """As docs/integrations.md has it."""
    from haystack.components.embedders import OpenAIDocumentEmbedder, OpenAITextEmbedder
    from haystack.utils import Secret

    from process import Served

    with Served(home, env={"NESTVEC_API_KEYS": "sk-haystack", "NESTVEC_PRECISION": "fp32"}) as served:
        shared = {"api_base_url": f"{served.url}/v1", "api_key": Secret.from_token("sk-haystack")}
        text = OpenAITextEmbedder(model="jina-embeddings-v3:retrieval.query", **shared)
        assert same(text.run(text="cat")["embedding"], model.encode_query("cat"))
        documents = OpenAIDocumentEmbedder(model="jina-embeddings-v3:retrieval.passage", progress_bar=False, **shared)
        out = documents.run(documents=[Document(content=text) for text in TEXTS])["documents"]
        assert same([document.embedding for document in out], model.encode_document(TEXTS))
        narrow = OpenAITextEmbedder(model="jina-embeddings-v3:retrieval.query", dimensions=32, **shared)
        assert same(narrow.run(text="cat")["embedding"], model.encode_query("cat", dimensions=32))


def test_pipelines(minilm_folder, settings):
    store = InMemoryDocumentStore(embedding_similarity_function="cosine")
    indexing = Pipeline()
    indexing.add_component("embedder", NestvecDocumentEmbedder(str(minilm_folder), settings))
    indexing.add_component("writer", DocumentWriter(store))
    indexing.connect("embedder.documents", "writer.documents")
    indexing.run({"embedder": {"documents": [Document(content=text) for text in TEXTS]}})
    search = Pipeline()
    search.add_component("embedder", NestvecTextEmbedder(str(minilm_folder), settings))
    search.add_component("retriever", InMemoryEmbeddingRetriever(store, top_k=1))
    search.connect("embedder.embedding", "retriever.query_embedding")
    found = search.run({"embedder": {"text": "Where is the pet?"}})["retriever"]["documents"]
    assert [document.content for document in found] == TEXTS[:1]


def test_written_and_read_again(settings):
    pipeline = Pipeline()
    pipeline.add_component("text", NestvecTextEmbedder(str(MODELS / "v3-tiny"), settings, {"dimensions": 32}))
    pipeline.add_component("documents", NestvecDocumentEmbedder(str(MODELS / "v3-tiny"), settings,
                                                                meta_fields_to_embed=["title"]))
    again = Pipeline.loads(pipeline.dumps(), allowed_modules=["nestvec.haystack"])
    assert again.to_dict() == pipeline.to_dict()
    assert len(again.run({"text": {"text": "cat"}, "documents": {"documents": []}})["text"]["embedding"]) == 32


def test_a_ranker(load, settings):
    folder = str(MODELS / "bert-reranker-tiny")
    reranker = load("bert-reranker-tiny", precision="fp32")
    documents = [Document(content=text, meta={"title": f"Title {i}"}) for i, text in enumerate(TEXTS)]
    scores = reranker.rerank("cat", TEXTS)
    order = sorted(range(3), key=lambda i: -scores[i])
    ranker = NestvecRanker(folder, settings)
    ranked = ranker.run(query="cat", documents=documents)["documents"]
    assert [(d.id, d.score) for d in ranked] == [(documents[i].id, float(scores[i])) for i in order]
    assert documents[0].score is None, "what is given stays as it is"
    assert ranker.run(query="cat", documents=documents, top_k=1)["documents"] == ranked[:1]
    middle = float(np.sort(scores)[1])
    assert ranker.run(query="cat", documents=documents, score_threshold=middle)["documents"] == ranked[:2]
    assert ranker.run(query="cat", documents=documents * 2)["documents"] == ranked, "of equal ids one"
    assert ranker.run(query="cat", documents=[]) == {"documents": []}
    titled = NestvecRanker(folder, settings, {"activation": "sigmoid"}, meta_fields_to_embed=["title"])
    wanted = reranker.rerank("cat", [f"Title {i}\n{text}" for i, text in enumerate(TEXTS)], activation="sigmoid")
    found = titled.run(query="cat", documents=documents)["documents"]
    assert sorted(document.score for document in found) == sorted(wanted.tolist())


def test_a_ranker_in_a_pipeline_written_and_read_again(settings):
    pipeline = Pipeline()
    pipeline.add_component("ranker", NestvecRanker(str(MODELS / "bert-reranker-tiny"), settings, top_k=2,
                                                   score_threshold=-100.0, meta_fields_to_embed=["title"]))
    again = Pipeline.loads(pipeline.dumps(), allowed_modules=["nestvec.haystack"])
    assert again.to_dict() == pipeline.to_dict()
    documents = [Document(content=text) for text in TEXTS]
    given = {"ranker": {"query": "cat", "documents": documents}}
    assert again.run(given) == pipeline.run(given) and len(again.run(given)["ranker"]["documents"]) == 2
