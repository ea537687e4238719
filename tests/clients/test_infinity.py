# SPDX-License-Identifier: Apache-2.0
"""Infinity's own client, generated from its description, unmodified. It checks the words of an answer.

Its list of models (`api.default.models`) wants `owned_by` to be "infinity", which is not so here. Environment:
requirements-infinity.txt.
"""

import gzip
import json

import pytest
from infinity_client import AuthenticatedClient
from infinity_client.api.default import classify, embeddings, health, rerank
from infinity_client.models import ClassifyInput, OpenAIEmbeddingInputText, RerankInput

from command import REPOSITORY
from scored import MODEL, NEAR, agree, query_with_documents


def client_of(server, key=None):
    return AuthenticatedClient(base_url=server.url, token=key or server.key)


@pytest.fixture(scope="module")
def golden():
    return query_with_documents()


@pytest.mark.parametrize("returned", [False, True])
def test_rerank(reranker, golden, returned):
    query, documents, scores = golden
    body = RerankInput(query=query, documents=documents, return_documents=returned, model=MODEL)
    answer = rerank.sync(client=client_of(reranker), body=body)
    assert len(answer.results) == len(documents)
    agree([(each.index, each.relevance_score) for each in answer.results], scores)
    assert answer.model == MODEL and answer.usage.total_tokens > 0 and answer.created > 1_700_000_000
    for each in answer.results:
        assert not each.document if not returned else each.document == documents[each.index]
    best = rerank.sync(client=client_of(reranker), body=RerankInput(query=query, documents=documents, top_n=2))
    assert [each.index for each in best.results] == [each.index for each in answer.results[:2]]


def test_raw_scores(reranker, golden):
    query, documents, _ = golden
    body = RerankInput(query=query, documents=documents, raw_scores=True)
    raw = [each.relevance_score for each in rerank.sync(client=client_of(reranker), body=body).results]
    assert raw == sorted(raw, reverse=True) and (raw[0] > 1 or raw[-1] < 0)


def test_classify(classifier):
    with gzip.open(REPOSITORY / "tests/data/rerank/bert-classifier-tiny.jsonl.gz", "rt") as lines:
        rows = [row for row in map(json.loads, lines)
                if row["first"] and row["second"] is None and not {"max_tokens", "truncated"} & set(row)][:3]
    assert len(rows) == 3
    answer = classify.sync(client=client_of(classifier), body=ClassifyInput(input_=[row["first"] for row in rows]))
    for found, row in zip(answer.data, rows, strict=True):
        assert [each.score for each in found] == pytest.approx(sorted(row["softmax"], reverse=True), abs=NEAR)
        assert len({each.label for each in found}) == len(row["softmax"])


def test_embeddings(server):
    texts = ["A cat sleeps.", "Rates rose."]
    answer = embeddings.sync(client=client_of(server), body=OpenAIEmbeddingInputText(input_=texts))
    reply = server.call("POST", "/v1/embeddings", {"input": texts}, {"Authorization": f"Bearer {server.key}"})
    expected = [entry["embedding"] for entry in reply.json()["data"]]
    assert [each.embedding for each in answer.data] == expected, "dimensions=0, its default, are all of them"
    short = embeddings.sync(client=client_of(server), body=OpenAIEmbeddingInputText(input_=texts[0], dimensions=8))
    assert len(short.data[0].embedding) == 8


def test_a_wrong_key_is_told(reranker):
    answer = rerank.sync_detailed(client=client_of(reranker, "wrong"), body=RerankInput(query="a", documents=["b"]))
    assert answer.status_code == 401 and b"key" in answer.content


def test_health(server):
    assert health.sync_detailed(client=client_of(server)).status_code == 200
