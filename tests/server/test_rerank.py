# SPDX-License-Identifier: Apache-2.0
"""Scores of pairs over plain HTTP and gRPC, in every client's form, against those of transformers."""

import collections
import gzip
import json
import math
import re

import grpc
import pytest

from command import MODELS, REPOSITORY
from process import Served
from test_grpc import Messages, code_of, descriptors

GOLDENS = REPOSITORY / "tests" / "data" / "rerank"
NEAR = 2e-5  # of a logit in fp32
FP32 = ("--precision", "fp32")


def goldens(name):
    """Those of whole texts."""
    with gzip.open(GOLDENS / f"{name}.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    return [row for row in rows if row["first"] and not {"truncated", "max_tokens", "instruction"} & set(row)]


def query_with_documents(name):
    """The query with the most documents, and those, with logit and sigmoid each."""
    groups = collections.defaultdict(list)
    for row in goldens(name):
        if row["second"] is not None:
            groups[row["first"]].append(row)
    query, rows = max(groups.items(), key=lambda group: len(group[1]))
    assert len(rows) > 3
    return query, rows


@pytest.fixture(scope="module", params=[
    "bert-reranker-tiny", "xlmr-reranker-tiny", "jina-reranker-tiny", "modernbert-reranker-tiny", "roberta-reranker-tiny",
    "distilbert-reranker-tiny", "gte-reranker-tiny", "qwen3-classifier-tiny", "qwen3-reranker-tiny", "jina-v2-reranker-tiny",
    "eurobert-reranker-tiny", "mpnet-reranker-tiny", "nomic-reranker-tiny", "electra-reranker-tiny"])
def reranker(request, tmp_path_factory):
    with Served(tmp_path_factory.mktemp("home"), *FP32, model=MODELS / request.param) as served:
        served.name = request.param
        served.query, served.rows = query_with_documents(request.param)
        served.documents = [row["second"] for row in served.rows]
        served.sigmoid = [row["sigmoid"][0] for row in served.rows]
        served.logits = [row["logits"][0] for row in served.rows]
        yield served


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("home"), *FP32, model=MODELS / "bert-classifier-tiny") as served:
        yield served


@pytest.fixture(scope="module")
def pb(tmp_path_factory):
    folder = tmp_path_factory.mktemp("proto")
    (folder / "tei.proto").write_text((REPOSITORY / "proto" / "tei.proto").read_text())
    return Messages(*descriptors(folder, "tei.proto"))


def channel_to(served):
    return grpc.insecure_channel(served.url.removeprefix("http://"))


def method(channel, path, answer, kind="unary_unary"):
    return getattr(channel, kind)(path, request_serializer=lambda message: message.SerializeToString(),
                                  response_deserializer=answer.FromString)


def good(served, path, body, headers=None):
    reply = served.call("POST", path, body, headers)
    assert reply.status == 200, (path, reply.status, reply.body)
    return reply.json()


def near(scores, wanted):
    return scores == pytest.approx(wanted, abs=NEAR, rel=NEAR)


def ranking(scores):
    """Best first, of equal scores the first first."""
    return sorted(range(len(scores)), key=lambda place: (-scores[place], place))


# -- what all forms have in common: the scores --


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank", "/rerank"])
def test_scores_are_those_of_transformers(reranker, path):
    answer = good(reranker, path, {"model": "any", "query": reranker.query, "documents": reranker.documents})
    assert set(answer) == {"id", "object", "model", "results", "usage", "meta"}
    assert answer["model"] == reranker.name and answer["object"] == "list"
    results = answer["results"]
    assert all(set(result) == {"index", "relevance_score"} for result in results)
    scores = {result["index"]: result["relevance_score"] for result in results}
    assert near([scores[i] for i in range(len(scores))], reranker.sigmoid)
    assert [result["index"] for result in results] == ranking([scores[i] for i in range(len(scores))])
    tokens = sum(len(row["ids"]) for row in reranker.rows)
    assert answer["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}
    assert answer["meta"]["billed_units"] == {"search_units": 1}


def test_tei_has_a_list_whose_later_ties_come_first(reranker):
    body = {"query": reranker.query, "texts": [*reranker.documents, reranker.documents[0]]}
    ranks = good(reranker, "/rerank", body)
    assert all(set(rank) == {"index", "score"} for rank in ranks)
    scores = [rank["score"] for rank in sorted(ranks, key=lambda rank: rank["index"])]
    assert near(scores, [*reranker.sigmoid, reranker.sigmoid[0]])
    assert [rank["index"] for rank in ranks] == sorted(range(len(scores)), key=lambda i: (-scores[i], -i))
    raw = good(reranker, "/rerank", {**body, "raw_scores": True, "return_text": True})
    assert all(rank["text"] == body["texts"][rank["index"]] for rank in raw)
    assert near([rank["score"] for rank in sorted(raw, key=lambda rank: rank["index"])],
                [*reranker.logits, reranker.logits[0]])
    assert good(reranker, "/", body) == ranks, "what such a model is for"


def test_a_score_does_not_depend_on_company(reranker):
    whole = good(reranker, "/score", {"text_1": reranker.query, "text_2": reranker.documents})["data"]
    for i, document in enumerate(reranker.documents):
        alone = good(reranker, "/v1/score", {"queries": reranker.query, "documents": document})["data"]
        assert alone[0]["score"] == whole[i]["score"], "bit for bit"
    pairs = good(reranker, "/score", {"data_1": [reranker.query] * len(whole), "data_2": reranker.documents})
    assert pairs["data"] == whole
    assert [entry["index"] for entry in whole] == list(range(len(whole)))
    assert {entry["object"] for entry in whole} == {"score"}


def test_an_instruction_is_of_models_that_read_one(reranker):
    for path, texts, name in (("/v1/rerank", "documents", "instruct"), ("/rerank", "texts", "instruction")):
        body = {"query": reranker.query, texts: reranker.documents[:2], name: "Judge by the weather"}
        reply = reranker.call("POST", path, body)
        if reranker.name != "qwen3-reranker-tiny":
            assert reply.status in (400, 422) and "reads no instruction" in reply.body.decode(), reply.body
            continue
        assert reply.status == 200, reply.body
        assert reply.json() != good(reranker, path, {key: body[key] for key in ("query", texts)})


@pytest.mark.parametrize("raw", [{"raw_scores": True}, {"use_activation": False}])
def test_raw_scores(reranker, raw):
    body = {"query": reranker.query, "documents": reranker.documents, **raw}
    results = good(reranker, "/v1/rerank", body)["results"]
    assert near([result["relevance_score"] for result in sorted(results, key=lambda each: each["index"])],
                reranker.logits)


def test_top_and_documents(reranker):
    documents = [{"text": text} if i % 2 else text for i, text in enumerate(reranker.documents)]
    body = {"query": reranker.query, "documents": documents, "return_documents": True}
    every = good(reranker, "/v1/rerank", body)["results"]
    assert all(result["document"] == documents[result["index"]] for result in every), "as they were sent"
    for top in (None, 0, 1, 2, 10**6):
        for name in ("top_n", "top_k"):
            some = good(reranker, "/v1/rerank", {**body, name: top})["results"]
            assert some == every[:top or None]
    for path in ("/rerank", "/v2/rerank"):
        for result in good(reranker, path, body)["results"]:
            assert result["document"] == {"text": reranker.documents[result["index"]]}


def test_weaviate(reranker):
    body = {"query": reranker.query, "documents": reranker.documents, "property": ""}
    answer = good(reranker, "/rerank", body)
    assert answer["query"] == reranker.query
    assert [entry["document"] for entry in answer["scores"]] == reranker.documents
    assert near([entry["score"] for entry in answer["scores"]], reranker.sigmoid)
    assert "error" not in answer
    refused = reranker.call("POST", "/rerank", {"query": "", "documents": ["a"], "property": ""})
    assert refused.status == 400 and isinstance(refused.json()["error"], str)


def test_documents_are_cut_where_asked(reranker):
    long = "cat " * 40
    body = {"query": "cat", "documents": [long, "cat"], "max_tokens_per_doc": 5, "raw_scores": True}
    answer = good(reranker, "/v1/rerank", body)
    assert answer["truncated"] == [0]
    endless = "cat " * 2000
    reply = reranker.call("POST", "/v1/rerank", {"query": "cat", "documents": ["cat", endless]})
    assert reply.status == 200 and reply.json()["truncated"] == [1]
    assert reply.headers["x-truncated-inputs"] == "1"
    for path, member, status in (("/v1/rerank", "documents", 400), ("/rerank", "texts", 422)):
        reply = reranker.call("POST", path, {"query": "cat", member: ["cat", endless], "truncate": False})
        assert reply.status == status, reply.body
        assert f"{member}[1]" in reply.body.decode()


@pytest.mark.parametrize("overlong, usual", [("truncate", 200), ("refuse", 422)])
def test_without_truncate_the_server_decides(tmp_path_factory, overlong, usual):
    """As text-embeddings-inference's --auto-truncate does, of which null is no choice either."""
    home = tmp_path_factory.mktemp("home")
    with Served(home, *FP32, "--overlong", overlong, model=MODELS / "bert-reranker-tiny") as served:
        for path, body in (("/rerank", {"query": "cat", "texts": ["cat", "cat " * 2000]}),
                           ("/predict", {"inputs": ["cat", "cat " * 2000]})):
            for more in ({}, {"truncate": None}):
                assert served.call("POST", path, {**body, **more}).status == usual
            assert served.call("POST", path, {**body, "truncate": True}).status == 200
            refused = served.call("POST", path, {**body, "truncate": False})
            assert refused.status == 422 and refused.json()["error_type"] == "Validation"


def test_the_best_window(reranker):
    body = {"query": "cat", "documents": ["dog " * 300 + "cat"], "best_window": True}
    answer = good(reranker, "/v1/rerank", body)
    assert "truncated" not in answer
    assert answer["usage"]["total_tokens"] > 300
    # A query that leaves no room is cut, but for a layout, whose end tells where the document begins.
    reply = reranker.call("POST", "/v1/rerank", {"query": "word " * 1000, "documents": ["a"], "best_window": True})
    if reranker.name == "qwen3-reranker-tiny":
        assert reply.status == 400 and "shorten it, or score without best_window" in reply.json()["message"]
    else:
        assert reply.status == 200 and reply.json()["truncated"] == [0]


# -- what is refused, in each client's form --


def test_wrong_requests(reranker):
    for body in ({"query": "a"}, {"documents": ["a"]}, {"query": "a", "documents": []},
                 {"query": "a", "documents": ["a", 1]}, {"query": "a", "documents": "a"},
                 {"query": "a", "documents": ["a"], "top_n": -1}, {"query": "a", "documents": ["a"], "top_n": "1"},
                 {"query": "a", "documents": [{"image": "u"}]}, {"query": "a", "documents": ["a"] * 2049},
                 {"query": "a", "documents": ["a"], "instruction": 7}, {"query": {}, "documents": ["a"]}):
        first = reranker.call("POST", "/v1/rerank", body)
        assert first.status == 400, (body, first.body)
        answer = first.json()
        assert answer["error"]["message"] == answer["detail"] == answer["message"]
        second = reranker.call("POST", "/v2/rerank", body)
        assert second.status == 400 and set(second.json()) == {"message"}
    for body, status, kind in (({"query": "a", "texts": []}, 400, "Empty"),
                               ({"query": "a", "texts": ["a"] * 2049}, 422, "Validation"),
                               ({"query": "a", "texts": "a"}, 422, "Validation"), ({}, 422, "Validation")):
        reply = reranker.call("POST", "/rerank", body)
        assert (reply.status, reply.json()["error_type"]) == (status, kind), reply.body
    assert "batch size 2049 > maximum allowed batch size 2048" in reranker.call(
        "POST", "/rerank", {"query": "a", "texts": ["a"] * 2049}).body.decode()


def test_of_members_of_one_name_the_last_counts(reranker):
    body = b'{"query": "x", "query": "cat", "documents": ["dog"], "documents": ["cat", "dog"]}'
    assert len(good(reranker, "/v1/rerank", body)["results"]) == 2


def test_numbers_that_are_none(reranker):
    for text in (b'{"query": "a", "documents": ["a"], "top_n": NaN}', b'{"query": "a", "documents": [NaN]}',
                 b'{"query": "a", "documents": ["a"], "top_n": 1e999}'):
        assert reranker.call("POST", "/v1/rerank", text).status == 400


def test_a_reranker_has_no_vectors(reranker):
    for path, body, status in (("/v1/embeddings", {"input": "a"}, 400), ("/embed", {"inputs": "a"}, 424),
                               ("/embed_all", {"inputs": "a"}, 424), ("/embed_sparse", {"inputs": "a"}, 424),
                               ("/v2/embed", {"texts": ["a"]}, 400), ("/api/embed", {"input": "a"}, 400),
                               ("/embeddings", {"input": "a"}, 424), ("/vectors", {"text": "a"}, 400),
                               ("/similarity", {"inputs": {"source_sentence": "a", "sentences": ["b"]}}, 424)):
        reply = reranker.call("POST", path, body)
        assert reply.status == status, (path, reply.status, reply.body)
        assert f"{reranker.name} is a reranker (POST /v1/rerank)" in reply.body.decode(), path


def test_an_embedding_model_has_no_scores(server):
    for path, body, status in (("/v1/rerank", {"query": "a", "documents": ["b"]}, 400),
                               ("/v2/rerank", {"query": "a", "documents": ["b"]}, 400),
                               ("/rerank", {"query": "a", "documents": ["b"], "model": "m"}, 400),
                               ("/rerank", {"query": "a", "texts": ["b"]}, 424),
                               ("/score", {"text_1": "a", "text_2": "b"}, 400),
                               ("/predict", {"inputs": "a"}, 424), ("/embed_sparse", {"inputs": "a"}, 424)):
        reply = server.call("POST", path, body)
        assert reply.status == status, (path, reply.status, reply.body)
        assert "v3-tiny is a text-embedding model (POST /v1/embeddings)" in reply.body.decode()


def test_many_small_documents_with_a_huge_query_are_refused_at_once(tmp_path):
    """2,048 pairs of the model's full length in a request of 100 kB."""
    with Served(tmp_path, "--max-queue-tokens", "20000", model=MODELS / "bert-reranker-tiny") as small:
        reply = small.call("POST", "/v1/rerank", {"query": "cat " * 20000, "documents": ["a"] * 2048})
        assert reply.status == 429, reply.body
        assert "Retry-After" not in reply.headers, "it never fits"
        assert small.call("POST", "/v1/rerank", {"query": "cat", "documents": ["a"]}).status == 200


# -- what is told about the model --


def test_what_the_model_is(reranker):
    info = reranker.call("GET", "/info").json()
    labels = info["model_type"]["reranker"]
    assert list(labels["id2label"]) == ["0"] and labels["label2id"] == {labels["id2label"]["0"]: 0}
    listed = reranker.call("GET", "/v1/models").json()["data"]
    assert listed[0]["capabilities"] == ["rerank", "classify"]
    assert len(listed[0]["labels"]) == 1


def test_scores_are_counted(reranker):
    def value(name):
        found = re.search(rf"^{re.escape(name)} (\S+)$", reranker.call("GET", "/metrics").body.decode(), re.M)
        return float(found[1]) if found else 0.0

    names = ['nestvec_texts_total{task="rerank"}', 'te_request_success{method="batch"}', "te_predict_success"]
    before = [value(name) for name in names]
    reply = reranker.call("POST", "/rerank", {"query": reranker.query, "texts": reranker.documents})
    count = len(reranker.documents)
    assert [value(name) for name in names] == [before[0] + count, before[1] + 1, before[2] + count]
    assert int(reply.headers["x-compute-tokens"]) == sum(len(row["ids"]) for row in reranker.rows)
    characters = count * len(reranker.query) + sum(map(len, reranker.documents))
    assert int(reply.headers["x-compute-characters"]) == characters


# -- classifiers --


def test_predictions_are_those_of_transformers(classifier):
    rows = goldens("bert-classifier-tiny")[:12]
    inputs = [[row["first"]] if row["second"] is None else [row["first"], row["second"]] for row in rows]
    names = classifier.call("GET", "/info").json()["model_type"]["classifier"]["id2label"]
    for raw, key in ((True, "logits"), (False, "softmax")):
        answer = good(classifier, "/predict", {"inputs": inputs, "raw_scores": raw})
        for row, predictions in zip(rows, answer):
            assert [set(each) for each in predictions] == [{"score", "label"}] * len(names)
            assert [each["score"] for each in predictions] == sorted((each["score"] for each in predictions),
                                                                     reverse=True)
            scores = {each["label"]: each["score"] for each in predictions}
            assert near([scores[names[str(i)]] for i in range(len(names))], row[key])
    assert good(classifier, "/predict", {"inputs": inputs[0]}) == good(classifier, "/predict", {"inputs": inputs})[0]
    assert good(classifier, "/", {"inputs": inputs[:1]}) == good(classifier, "/predict", {"inputs": inputs[:1]})
    assert classifier.call("GET", "/v1/models").json()["data"][0]["capabilities"] == ["classify"]
    assert good(classifier, "/predict", {"inputs": [["a cat", "a dog"]]}) == [
        good(classifier, "/predict", {"inputs": ["a cat", "a dog"]})], "two strings are a pair"
    refused = classifier.call("POST", "/rerank", {"query": "a", "texts": ["b"]})
    assert refused.status == 424 and "is a classifier with" in refused.json()["error"]


# -- gRPC --


def test_grpc(reranker, pb):
    with channel_to(reranker) as channel:
        info = method(channel, "/tei.v1.Info/Info", pb.InfoResponse)(pb.InfoRequest(), timeout=60)
        assert info.model_type == 2
        rerank = method(channel, "/tei.v1.Rerank/Rerank", pb.RerankResponse)
        request = pb.RerankRequest(query=reranker.query, texts=reranker.documents, truncate=True, return_text=True)
        answer = rerank(request, timeout=60)
        over_http = good(reranker, "/rerank", {"query": reranker.query, "texts": reranker.documents})
        assert [(rank.index, rank.score) for rank in answer.ranks] == [
            (rank["index"], pytest.approx(rank["score"], rel=1e-6)) for rank in over_http]
        assert all(rank.text == reranker.documents[rank.index] for rank in answer.ranks)
        assert answer.metadata.compute_tokens == sum(len(row["ids"]) for row in reranker.rows)
        stream = method(channel, "/tei.v1.Rerank/RerankStream", pb.RerankResponse, "stream_unary")
        messages = [pb.RerankStreamRequest(query=reranker.query, text=text, truncate=True, return_text=True)
                    for text in reranker.documents]
        assert stream(iter(messages), timeout=60).ranks == answer.ranks
        pair = method(channel, "/tei.v1.Predict/PredictPair", pb.PredictResponse)
        predicted = pair(pb.PredictPairRequest(inputs=[reranker.query, reranker.documents[0]]), timeout=60)
        assert near([predicted.predictions[0].score], reranker.sigmoid[:1])
        pairs = method(channel, "/tei.v1.Predict/PredictPairStream", pb.PredictResponse, "stream_stream")
        answers = list(pairs(iter([pb.PredictPairRequest(inputs=[reranker.query, text], raw_scores=True)
                                   for text in reranker.documents]), timeout=60))
        assert near([each.predictions[0].score for each in answers], reranker.logits)


def test_grpc_refuses(reranker, pb):
    with channel_to(reranker) as channel:
        stream = method(channel, "/tei.v1.Rerank/RerankStream", pb.RerankResponse, "stream_unary")
        message = pb.RerankStreamRequest

        def code(messages):
            return code_of(lambda: stream(iter(messages), timeout=60))

        status, details = code([message(query="a", text="b"), message(query="c", text="d")])
        assert status == grpc.StatusCode.INVALID_ARGUMENT and "message 1" in details
        assert code([])[0] == grpc.StatusCode.INTERNAL
        assert code([message(query="", text="b")])[0] == grpc.StatusCode.INVALID_ARGUMENT
        assert code([message(query="cat", text="cat " * 2000)])[0] == grpc.StatusCode.INVALID_ARGUMENT
        status, details = code(message(query="a", text="b") for _ in range(2049))
        assert status == grpc.StatusCode.RESOURCE_EXHAUSTED and "2048 messages" in details
        embed = method(channel, "/tei.v1.Embed/Embed", pb.EmbedResponse)
        status, details = code_of(lambda: embed(pb.EmbedRequest(inputs="a"), timeout=60))
        assert status == grpc.StatusCode.FAILED_PRECONDITION and f"{reranker.name} is a reranker" in details
        pair = method(channel, "/tei.v1.Predict/PredictPair", pb.PredictResponse)
        assert code_of(lambda: pair(pb.PredictPairRequest(inputs=["a"]), timeout=60))[0] == (
            grpc.StatusCode.INVALID_ARGUMENT)


@pytest.mark.parametrize("path", ["/classify", "/v1/classify"])
def test_classify(classifier, path):
    """vLLM's form, and Infinity's where its client's `raw_scores` is there; the scores are those of /predict."""
    texts = ["a cat", "the dog sat on the mat", "no", "a cat"]
    names = [name for _, name in sorted(
        classifier.call("GET", "/info").json()["model_type"]["classifier"]["id2label"].items(), key=lambda e: int(e[0]))]
    for raw in (False, True):
        ranked = good(classifier, "/predict", {"inputs": [[text] for text in texts], "raw_scores": raw})
        by_label = [{entry["label"]: entry["score"] for entry in entries} for entries in ranked]
        answer = good(classifier, path, {"model": "m", "input": texts, "use_activation": not raw})
        assert answer["object"] == "list" and answer["usage"]["total_tokens"] > 0
        assert [entry["index"] for entry in answer["data"]] == list(range(len(texts)))
        for entry, scores in zip(answer["data"], by_label, strict=True):
            assert entry["num_classes"] == len(names) and entry["probs"] == [scores[name] for name in names]
            assert entry["label"] == max(scores, key=scores.get)
        infinity = good(classifier, path, {"input": texts, "raw_scores": raw})
        assert infinity["object"] == "classify"
        for entries, scores in zip(infinity["data"], by_label, strict=True):
            assert {entry["label"]: entry["score"] for entry in entries} == scores
            assert [entry["score"] for entry in entries] == sorted(scores.values(), reverse=True)
    assert good(classifier, path, {"input": texts[0]})["data"] == good(classifier, path, {"input": texts[:1]})["data"]
    for wrong in ({"input": []}, {"input": ""}, {"input": ["a"], "labels": ["x"]}, {"input": {"a": 1}}, {}):
        assert classifier.call("POST", path, wrong).status == 400, wrong


def test_classify_of_other_models(reranker, plain_server):
    if reranker.name == "qwen3-reranker-tiny":  # which reads pairs alone
        reply = reranker.call("POST", "/classify", {"input": ["a cat"]})
        assert reply.status == 400 and b"has no second text" in reply.body
        return
    one = good(reranker, "/classify", {"input": ["a cat"]})["data"][0]
    assert one["num_classes"] == 1 and 0 < one["probs"][0] < 1
    refused = plain_server.call("POST", "/classify", {"input": ["a cat"]})
    assert refused.status == 400 and "model is not a classifier model" in refused.json()["error"]["message"]


def test_grpc_of_a_classifier(classifier, pb):
    with channel_to(classifier) as channel:
        predict = method(channel, "/tei.v1.Predict/Predict", pb.PredictResponse)
        answer = predict(pb.PredictRequest(inputs="a cat"), timeout=60)
        over_http = good(classifier, "/predict", {"inputs": "a cat"})
        assert [(each.label, each.score) for each in answer.predictions] == [
            (each["label"], pytest.approx(each["score"], rel=1e-6)) for each in over_http]
        assert math.fsum(each.score for each in answer.predictions) == pytest.approx(1, abs=1e-5)
        rerank = method(channel, "/tei.v1.Rerank/Rerank", pb.RerankResponse)
        status, _ = code_of(lambda: rerank(pb.RerankRequest(query="a", texts=["b"]), timeout=60))
        assert status == grpc.StatusCode.FAILED_PRECONDITION
