# SPDX-License-Identifier: Apache-2.0
"""Rerankers of unmodified clients: cohere in both versions, LangChain, LlamaIndex. Scores are those of transformers."""

import cohere
import pytest
from langchain_community.document_compressors import jina_rerank
from langchain_core.documents import Document
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.postprocessor.jinaai_rerank import JinaRerank
from llama_index.postprocessor.tei_rerank import TextEmbeddingInference

from scored import MODEL, NEAR, agree, query_with_documents


@pytest.fixture(scope="module")
def golden():
    return query_with_documents()


def test_cohere(reranker, golden):
    query, documents, scores = golden
    client = cohere.ClientV2(api_key=reranker.key, base_url=reranker.url)
    answer = client.rerank(model=MODEL, query=query, documents=documents)
    agree([(result.index, result.relevance_score) for result in answer.results], scores)
    assert len(answer.results) == len(documents)
    assert answer.meta.billed_units.search_units == 1
    assert answer.meta.api_version.version == "2" and answer.id
    short = client.rerank(model=MODEL, query=query, documents=documents, top_n=2, max_tokens_per_doc=100)
    assert [result.index for result in short.results] == [result.index for result in answer.results[:2]]
    with pytest.raises(cohere.BadRequestError) as caught:
        client.rerank(model=MODEL, query="", documents=documents)
    assert "query is empty" in str(caught.value.body)
    with pytest.raises(cohere.UnauthorizedError):
        cohere.ClientV2(api_key="wrong", base_url=reranker.url).rerank(model=MODEL, query="a", documents=["b"])


def test_cohere_of_version_1(reranker, golden):
    query, documents, scores = golden
    client = cohere.Client(api_key=reranker.key, base_url=reranker.url)
    objects = [{"text": text} for text in documents]
    answer = client.rerank(model=MODEL, query=query, documents=objects, return_documents=True, max_chunks_per_doc=10)
    agree([(result.index, result.relevance_score) for result in answer.results], scores)
    assert [result.document.text for result in answer.results] == [documents[result.index]
                                                                   for result in answer.results]
    fields = client.rerank(model=MODEL, query=query, documents=[{"body": text} for text in documents],
                           rank_fields=["body"])
    assert [result.index for result in fields.results] == [result.index for result in answer.results]


def test_cohere_of_an_embedding_model(server):
    client = cohere.ClientV2(api_key=server.key, base_url=server.url)
    with pytest.raises(cohere.BadRequestError) as caught:
        client.rerank(model="any", query="a", documents=["b"])
    assert "v3-tiny is a text-embedding model" in str(caught.value.body)


def test_langchain_jina(reranker, golden, monkeypatch):
    query, documents, scores = golden
    # The class has no parameter and no variable for the address.
    monkeypatch.setattr(jina_rerank, "JINA_API_URL", reranker.url + "/v1/rerank")
    compressor = jina_rerank.JinaRerank(jina_api_key=reranker.key, model=MODEL, top_n=len(documents))
    found = compressor.rerank(documents, query)
    agree([(each["index"], each["relevance_score"]) for each in found], scores)
    kept = compressor.compress_documents([Document(page_content=text) for text in documents], query)
    assert [each.page_content for each in kept] == [documents[each["index"]] for each in found]
    with pytest.raises(RuntimeError, match="key"):
        jina_rerank.JinaRerank(jina_api_key="wrong", model=MODEL).rerank(documents, query)


@pytest.mark.parametrize("kind", ["jina", "tei"])
def test_llama_index(reranker, golden, kind):
    query, documents, scores = golden
    if kind == "jina":
        processor = JinaRerank(top_n=3, model=MODEL, base_url=reranker.url + "/v1", api_key=reranker.key)
    else:
        processor = TextEmbeddingInference(top_n=3, base_url=reranker.url, auth_token=f"Bearer {reranker.key}")
    nodes = [NodeWithScore(node=TextNode(id_=str(i), text=text)) for i, text in enumerate(documents)]
    found = processor.postprocess_nodes(nodes, QueryBundle(query))
    assert len(found) == 3
    agree([(int(each.node.id_), each.score) for each in found], scores)
    assert found[0].score == pytest.approx(max(scores), abs=NEAR)
