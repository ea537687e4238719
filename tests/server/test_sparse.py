# SPDX-License-Identifier: Apache-2.0
"""Learned sparse vectors and vectors of tokens over plain HTTP and gRPC, against those of transformers."""

import base64
import gzip
import json

import grpc
import numpy
import pytest

from command import MODELS, REPOSITORY
from process import Served
from test_grpc import Messages, code_of, descriptors
from test_rerank import channel_to, good, method

NEAR = 2e-5


def goldens(name):
    with gzip.open(REPOSITORY / "tests" / "data" / "sparse" / f"{name}.jsonl.gz", "rt") as lines:
        return [row for row in map(json.loads, lines) if row["text"]]


@pytest.fixture(scope="module", params=["splade-tiny", "splade-roberta-tiny", "bge-m3-tiny"])
def sparse(request, tmp_path_factory):
    with Served(tmp_path_factory.mktemp("home"), "--precision", "fp32", model=MODELS / request.param) as served:
        served.name = request.param
        served.rows = goldens(request.param)
        served.texts = [row["text"] for row in served.rows]
        served.dense = request.param == "bge-m3-tiny"
        yield served


def weights_of(pairs):
    return {index: value for index, value in pairs}


def agree(found, row):
    """Indices rise, and each weight is the golden one; a weight near zero may be there on one side alone."""
    indices = [index for index, _ in found]
    assert indices == sorted(set(indices))
    assert all(value > 0 for _, value in found)
    ours, theirs = weights_of(found), weights_of(zip(row["indices"], row["weights"]))
    for index in ours.keys() | theirs.keys():
        assert ours.get(index, 0) == pytest.approx(theirs.get(index, 0), abs=NEAR, rel=NEAR), row["text"]


def test_weights_are_those_of_transformers(sparse):
    answer = good(sparse, "/embed_sparse", {"inputs": sparse.texts})
    assert len(answer) == len(sparse.texts)
    for entries, row in zip(answer, sparse.rows):
        assert all(set(entry) == {"index", "value"} for entry in entries)
        agree([(entry["index"], entry["value"]) for entry in entries], row)
    one = good(sparse, "/embed_sparse", {"inputs": sparse.texts[0], "truncate": True})
    assert one == answer[:1], "one input is nested, too, and company does not matter"


def test_sparse_beside_dense(sparse):
    body = {"input": sparse.texts, "embedding_type": ["sparse"]}
    data = good(sparse, "/v1/embeddings", body)["data"]
    assert all("embedding" not in entry for entry in data)
    for entry, row in zip(data, sparse.rows):
        agree(list(zip(entry["sparse"]["indices"], entry["sparse"]["values"])), row)
    assert good(sparse, "/v1/embeddings", {"input": sparse.texts, "encoding_format": "sparse"})["data"] == data
    both = sparse.call("POST", "/v1/embeddings", {**body, "embedding_type": ["float", "sparse"]})
    plain = sparse.call("POST", "/v1/embeddings", {"input": sparse.texts})
    if not sparse.dense:
        assert both.status == plain.status == 400
        assert "is a model for sparse vectors" in both.json()["error"]["message"]
        return
    assert [entry["sparse"] for entry in both.json()["data"]] == [entry["sparse"] for entry in data]
    assert [entry["embedding"] for entry in both.json()["data"]] == [
        entry["embedding"] for entry in plain.json()["data"]], "one pass gives both"
    for entry, row in zip(both.json()["data"], sparse.rows):
        assert numpy.allclose(entry["embedding"], row["vector"], atol=NEAR)
    coded = good(sparse, "/v1/embeddings", {"input": sparse.texts, "embedding_type": ["base64", "sparse"]})["data"]
    assert numpy.array_equal(numpy.frombuffer(base64.b64decode(coded[0]["embedding"]), "<f4"),
                             numpy.array(plain.json()["data"][0]["embedding"], numpy.float32))
    late = {"input": sparse.texts[:2], "embedding_type": ["float", "sparse"], "late_chunking": True}
    assert sparse.call("POST", "/v1/embeddings", late).status == 400


def test_vectors_of_tokens(sparse):
    body = {"input": sparse.texts}
    if not sparse.dense:
        refused = [sparse.call("POST", "/v1/multi-vector", body),
                   sparse.call("POST", "/v1/embeddings", {**body, "embedding_type": ["sparse", "multivector"]}),
                   sparse.call("POST", "/v2/embed", {"texts": ["a"], "embedding_types": ["multivector"]})]
        for answer in refused:
            assert answer.status == 400 and "model is not a model with vectors of tokens" in answer.body.decode()
        return
    answer = good(sparse, "/v1/multi-vector", {**body, "input_type": "document"})
    assert answer["object"] == "list" and answer["usage"]["total_tokens"] == sum(len(row["ids"]) for row in sparse.rows)
    data = answer["data"]
    for index, (entry, row) in enumerate(zip(data, sparse.rows, strict=True)):
        assert set(entry) == {"object", "index", "embeddings"} and entry["index"] == index
        assert numpy.shape(entry["embeddings"]) == numpy.shape(row["vectors"])
        assert numpy.allclose(entry["embeddings"], row["vectors"], atol=NEAR)
    assert good(sparse, "/v1/embeddings", {**body, "return_multivector": True})["data"] == data
    coded = good(sparse, "/v1/multi-vector", {**body, "embedding_type": "base64"})["data"]
    for entry, plain in zip(coded, data, strict=True):
        rows = [numpy.frombuffer(base64.b64decode(row), "<f4") for row in entry["embeddings"]]
        assert numpy.array_equal(rows, numpy.array(plain["embeddings"], numpy.float32))
    all_kinds = good(sparse, "/v1/embeddings", {**body, "embedding_type": ["float", "sparse", "multivector"]})["data"]
    assert [entry["embeddings"] for entry in all_kinds] == [entry["embeddings"] for entry in data]
    assert [entry["sparse"] for entry in all_kinds] == [
        entry["sparse"] for entry in good(sparse, "/v1/embeddings", {**body, "embedding_type": "sparse"})["data"]]
    assert [entry["embedding"] for entry in all_kinds] == [
        entry["embedding"] for entry in good(sparse, "/v1/embeddings", body)["data"]]
    for wrong in ({"dimensions": 8}, {"embedding_type": "ubinary"}, {"late_chunking": True}, {"normalized": False}):
        assert sparse.call("POST", "/v1/multi-vector", {**body, **wrong}).status == 400


def test_cohere_types(sparse):
    body = {"model": "m", "texts": sparse.texts, "embedding_types": ["sparse"]}
    answer = good(sparse, "/v2/embed", body)
    assert answer["response_type"] == "embeddings_by_type" and set(answer["embeddings"]) == {"sparse"}
    rows = [entry["sparse"] for entry in
            good(sparse, "/v1/embeddings", {"input": sparse.texts, "embedding_type": "sparse"})["data"]]
    assert answer["embeddings"]["sparse"] == rows
    assert good(sparse, "/v1/embed", body)["embeddings"] == answer["embeddings"]
    assert sparse.call("POST", "/v2/embed", {**body, "output_dimension": 8}).status == 400
    both = sparse.call("POST", "/v2/embed", {**body, "embedding_types": ["base64", "sparse", "multivector"]})
    if not sparse.dense:
        assert both.status == 400 and "is a model for sparse vectors" in both.json()["message"]
        return
    types = both.json()["embeddings"]
    assert set(types) == {"base64", "sparse", "multivector"} and types["sparse"] == rows
    for coded, row in zip(types["multivector"], sparse.rows, strict=True):
        vectors = [numpy.frombuffer(base64.b64decode(vector), "<f4") for vector in coded]
        assert numpy.allclose(vectors, row["vectors"], atol=NEAR)


def test_what_is_refused(sparse):
    for body in ({"inputs": "a", "dimensions": 8}, {"inputs": "a", "normalize": True}, {"inputs": [1.5]}):
        assert sparse.call("POST", "/embed_sparse", body).status == 422
    assert sparse.call("POST", "/embed_sparse", {"inputs": []}).status == 400
    long = {"inputs": "cat " * 500, "truncate": False}
    assert sparse.call("POST", "/embed_sparse", long).status == 422
    assert sparse.call("POST", "/v1/rerank", {"query": "a", "documents": ["b"]}).status == 400
    assert sparse.call("POST", "/embed", {"inputs": "a"}).status == (200 if sparse.dense else 424)


def test_what_the_model_is(sparse):
    listed = sparse.call("GET", "/v1/models").json()["data"][0]["capabilities"]
    assert listed == (["embed", "embed_sparse", "embed_multi_vector"] if sparse.dense else ["embed_sparse"])
    pooling = sparse.call("GET", "/info").json()["model_type"]["embedding"]["pooling"]
    assert pooling == ("cls" if sparse.dense else "splade")


def test_grpc(sparse, tmp_path):
    (tmp_path / "tei.proto").write_text((REPOSITORY / "proto" / "tei.proto").read_text())
    pb = Messages(*descriptors(tmp_path, "tei.proto"))
    with channel_to(sparse) as channel:
        embed = method(channel, "/tei.v1.Embed/EmbedSparse", pb.EmbedSparseResponse)
        answer = embed(pb.EmbedSparseRequest(inputs=sparse.texts[0], truncate=True), timeout=60)
        agree([(value.index, value.value) for value in answer.sparse_embeddings], sparse.rows[0])
        assert answer.metadata.compute_tokens == len(sparse.rows[0]["ids"])
        stream = method(channel, "/tei.v1.Embed/EmbedSparseStream", pb.EmbedSparseResponse, "stream_stream")
        requests = [pb.EmbedSparseRequest(inputs=text, truncate=True) for text in sparse.texts]
        for each, row in zip(stream(iter(requests), timeout=60), sparse.rows, strict=True):
            agree([(value.index, value.value) for value in each.sparse_embeddings], row)
        code, _ = code_of(lambda: embed(pb.EmbedSparseRequest(inputs=""), timeout=60))
        assert code == grpc.StatusCode.INVALID_ARGUMENT
