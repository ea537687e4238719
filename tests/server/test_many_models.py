# SPDX-License-Identifier: Apache-2.0
"""Models of every kind in one server: who answers, and what happens while they come and go."""

import collections
import contextlib
import threading

import pytest
from process import MODELS, Served
from test_models import KEY, change, ids
from waiting import wait_until

QUERY, TEXTS = "the cat", ["the cat sat on the mat", "a dog", "no"]
# A request for each kind that names no model, and which model it means here.
ASKED = {
    "v3-tiny": ("/v1/embeddings", {"input": TEXTS}),
    "bert-reranker-tiny": ("/v1/rerank", {"query": QUERY, "documents": TEXTS}),
    "splade-tiny": ("/embed_sparse", {"inputs": TEXTS}),
    "bert-classifier-tiny": ("/predict", {"inputs": [[text] for text in TEXTS], "model": "bert-classifier-tiny"}),
    "bge-m3-tiny": ("/v1/multi-vector", {"input": TEXTS}),
}


def ask(server, model):
    path, body = ASKED[model]
    return server.call("POST", path, body, KEY)


def essence(reply):
    """An answer without what differs between two calls."""
    answer = reply.json()
    return answer.get("data", answer.get("results")) if isinstance(answer, dict) else answer


@pytest.fixture
def managed(home):
    with Served(home, "--admin", "--precision", "fp32", env={"NESTVEC_API_KEYS": "secret"}) as server:
        yield server


@pytest.fixture(scope="module")
def alone(home):
    """What each model answers in a server of its own."""
    known = {}
    for name in ASKED:
        with Served(home, "--precision", "fp32", model=MODELS / name) as server:
            reply = ask(server, name)
            assert reply.status == 200, (name, reply.body)
            known[name] = essence(reply)
    return known


def load(server, folder, **more):
    reply = change(server, {"load": str(MODELS / folder), **more})
    assert reply.status == 200, reply.body


def unload(server, name):
    reply = change(server, {"unload": name})
    assert reply.status == 200, reply.body


def defaults(server):
    return {entry["id"]: entry["default"] for entry in server.call("GET", "/v1/models", headers=KEY).json()["data"]
            if ":" not in entry["id"]}


def test_each_kind_has_its_model(managed, alone):
    for name in list(ASKED)[1:]:
        load(managed, name)
    for name, expected in alone.items():
        assert essence(ask(managed, name)) == expected, name
    both = managed.call("POST", "/v1/embeddings", {"input": TEXTS, "embedding_type": ["float", "sparse"]}, KEY)
    assert both.json()["model"] == "bge-m3-tiny", "the first that does both"
    assert managed.call("POST", "/v1/embeddings", {"input": TEXTS}, KEY).json()["model"] == "v3-tiny"


def test_the_default_may_leave(managed, alone):
    load(managed, "bert-reranker-tiny")
    load(managed, "splade-tiny")
    assert defaults(managed) == {"v3-tiny": True, "bert-reranker-tiny": False, "splade-tiny": False}
    assert managed.call("GET", "/info", headers=KEY).json()["model_id"] == "v3-tiny"
    unload(managed, "v3-tiny")
    assert defaults(managed) == {"bert-reranker-tiny": True, "splade-tiny": False}
    assert managed.call("GET", "/v1/models/bert-reranker-tiny", headers=KEY).json()["default"] is True
    info = managed.call("GET", "/info", headers=KEY).json()
    assert info["model_id"] == "bert-reranker-tiny" and "reranker" in info["model_type"]
    for path in ("/openapi.json", "/api-doc/openapi.json"):
        document = managed.call("GET", path).body.decode()
        assert '"model": "bert-reranker-tiny"' in document and '"model": "v3-tiny"' not in document
    # Without a path the default does what it is for.
    assert len(managed.call("POST", "/", {"query": QUERY, "texts": TEXTS}, KEY).json()) == len(TEXTS)
    for name in ("bert-reranker-tiny", "splade-tiny"):
        assert essence(ask(managed, name)) == alone[name]
    refused = ask(managed, "v3-tiny")
    assert refused.status == 400 and "is not an embedding model" in refused.json()["error"]["message"]
    for path in ("/health", "/ready", "/metrics", "/", "/docs", "/meta", "/api/tags", "/v2/models"):
        assert managed.call("GET", path, headers=KEY).status == 200, path
    load(managed, "v3-tiny")
    assert essence(ask(managed, "v3-tiny")) == alone["v3-tiny"]
    assert defaults(managed) == {"bert-reranker-tiny": True, "splade-tiny": False, "v3-tiny": False}
    unload(managed, "bert-reranker-tiny")
    unload(managed, "splade-tiny")
    reply = change(managed, {"unload": "v3-tiny"})
    assert reply.status == 422 and "load another one first" in reply.body.decode()
    assert ids(managed) == ["v3-tiny"] and managed.call("GET", "/ready").status == 200


def test_memory_comes_back(managed):
    """Models that come and go leave nothing behind: the plan takes the same model any number of times."""
    for _ in range(8):
        load(managed, "bge-m3-tiny")
        unload(managed, "v3-tiny")
        load(managed, "v3-tiny")
        unload(managed, "bge-m3-tiny")
    assert defaults(managed) == {"v3-tiny": True}


def test_nothing_is_lost_while_all_are_replaced(managed, alone):
    """Each model is loaded under a second name, then the first one leaves, the default too, while clients of all ask. Their
    requests name no model, so each kind is there once, and for a moment twice."""
    kinds = ("v3-tiny", "bert-reranker-tiny", "splade-tiny")
    for name in kinds[1:]:
        load(managed, name)
    counts, wrong = collections.Counter(), []
    going = threading.Event()
    going.set()

    def client(name):
        path, body = ASKED[name]
        with contextlib.closing(managed.connect()) as connection:
            while going.is_set():
                reply = connection.call("POST", path, body, KEY)
                if reply.status != 200 or essence(reply) != alone[name]:
                    wrong.append((name, reply.status, reply.body[:200]))
                    return
                counts[name] += 1

    threads = [threading.Thread(target=client, args=(name,)) for name in kinds for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for generation in range(2):
            for name in kinds:
                old, new = (name, f"{name}-2") if generation == 0 else (f"{name}-2", name)
                load(managed, name, name=new)
                before = counts[name]
                unload(managed, old)
                wait_until(lambda: counts[name] > before + 2 or wrong, lambda: f"{name}: {counts}")
                assert old not in ids(managed)
    finally:
        going.clear()
        for thread in threads:
            thread.join()
    assert not wrong
    assert min(counts.values()) > 10, counts
