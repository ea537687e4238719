# SPDX-License-Identifier: Apache-2.0
"""text-embeddings-inference's routes over plain HTTP: vectors, tokens, headers, errors, metrics."""

import re

import numpy
import pytest

TEXTS = ["Hello, world!", "Zwei Zeilen sind genug.", "\u6f22\u5b57 and emoji \U0001f600", "a"]
NUMBERS = ["x-compute-time", "x-compute-characters", "x-compute-tokens", "x-total-time",
           "x-tokenization-time", "x-queue-time", "x-inference-time"]


def post(server, path, body, headers=None):
    return server.call("POST", path, body, headers)


def good(server, path, body):
    reply = post(server, path, body)
    assert reply.status == 200, reply.body
    return reply.json()


def floats(server, path, body):
    return numpy.array(good(server, path, body), numpy.float32)


def refused(reply, status, error_type):
    assert reply.status == status, (reply.status, reply.body)
    answer = reply.json()
    assert set(answer) <= {"error", "error_type", "param"}
    assert answer["error_type"] == error_type
    assert answer["error"] and "\n" not in answer["error"]
    return answer


def metric(server, name):
    found = re.search(rf"^{re.escape(name)} (\S+)$", server.call("GET", "/metrics").body.decode(), re.M)
    return float(found[1]) if found else 0.0


def test_vectors_are_those_of_the_command(server):
    expected = server.expected(*TEXTS)
    for path in ("/embed", "/", "/invocations"):
        assert numpy.array_equal(floats(server, path, {"inputs": TEXTS}), expected)
    single = floats(server, "/embed", {"inputs": TEXTS[0]})
    assert single.shape == (1, 64), "one input is nested, too"
    assert numpy.array_equal(single[0], expected[0])


@pytest.mark.parametrize("name", ["retrieval.query", "query", "search_query"])
def test_a_prompt_name_is_a_task(server, name):
    expected = server.expected(*TEXTS, task="retrieval.query")
    assert numpy.array_equal(floats(server, "/embed", {"inputs": TEXTS, "prompt_name": name}), expected)
    assert numpy.array_equal(floats(server, "/embed", {"inputs": TEXTS, "task": name}), expected)


def test_an_input_may_have_a_task_of_its_own(server):
    body = {"inputs": [{"text": TEXTS[0], "task": "query"}, TEXTS[0]], "prompt_name": "passage"}
    vectors = floats(server, "/embed", body)
    assert numpy.array_equal(vectors[0], server.expected(TEXTS[0], task="retrieval.query")[0])
    assert numpy.array_equal(vectors[1], server.expected(TEXTS[0], task="retrieval.passage")[0])


def test_normalize_and_dimensions(server):
    cut = floats(server, "/embed", {"inputs": TEXTS, "dimensions": 20})
    assert numpy.array_equal(cut, server.expected(*TEXTS, dimensions=20))
    raw = floats(server, "/embed", {"inputs": TEXTS, "normalize": False})
    assert numpy.array_equal(raw, server.expected(*TEXTS, no_normalize=True))
    assert numpy.abs(numpy.linalg.norm(raw, axis=1) - 1).max() > 1e-3


def test_token_ids_are_inputs(server):
    ids = [token["id"] for token in good(server, "/tokenize", {"inputs": TEXTS[1]})[0]]
    vectors = floats(server, "/embed", {"inputs": [ids, TEXTS[1]]})
    assert numpy.array_equal(vectors[0], vectors[1])
    assert floats(server, "/embed", {"inputs": ids}).shape == (1, 64)


def test_long_texts(plain_server):
    left, right = "left " * 90, "right " * 90
    cut = floats(plain_server, "/embed", {"inputs": left + right})
    assert numpy.array_equal(cut, plain_server.expected(left + right))
    from_left = {"inputs": left + right, "truncation_direction": "Left"}
    assert numpy.array_equal(floats(plain_server, "/embed", from_left),
                             plain_server.expected(left + right, truncate="left"))
    refusal = refused(post(plain_server, "/embed", {"inputs": ["a", left + right], "truncate": False}),
                      422, "Validation")
    assert refusal["param"] == "inputs[1]" and "96" in refusal["error"]
    reply = post(plain_server, "/embed", {"inputs": ["a", left + right], "truncate": None})
    assert reply.headers["x-truncated-inputs"] == "1"


def test_embed_all_gives_every_token(server):
    inputs = TEXTS + TEXTS[:1]
    answer = good(server, "/embed_all", {"inputs": inputs})
    tokens = good(server, "/tokenize", {"inputs": inputs})
    assert [len(rows) for rows in answer] == [len(rows) for rows in tokens]
    assert answer[0] == answer[-1]
    for rows, text in zip(answer, inputs):
        # Mean pooling, then the norm: the vector of the text.
        mean = numpy.array(rows, numpy.float64).mean(axis=0)
        expected = server.expected(text)[0]
        assert numpy.abs(mean / numpy.linalg.norm(mean) - expected).max() < 1e-5
    assert good(server, "/embed_all", {"inputs": TEXTS[0]}) == answer[:1]


def test_similarity_is_the_cosine(server):
    body = {"inputs": {"source_sentence": TEXTS[0], "sentences": TEXTS}}
    vectors = server.expected(*TEXTS).astype(numpy.float64)
    assert numpy.abs(numpy.array(good(server, "/similarity", body)) - vectors @ vectors[0]).max() < 1e-6
    body["parameters"] = {"prompt_name": "query"}
    vectors = server.expected(*TEXTS, task="retrieval.query").astype(numpy.float64)
    assert numpy.abs(numpy.array(good(server, "/similarity", body)) - vectors @ vectors[0]).max() < 1e-6


def test_tokens_have_offsets_in_bytes(server):
    for text, tokens in zip(TEXTS, good(server, "/tokenize", {"inputs": TEXTS})):
        assert tokens[0] == {"id": tokens[0]["id"], "text": "<s>", "special": True,
                             "start": None, "stop": None}
        assert tokens[-1]["text"] == "</s>" and tokens[-1]["special"]
        covered = 0
        for token in tokens[1:-1]:
            assert not token["special"]
            cut = text.encode()[token["start"]:token["stop"]]
            assert cut.decode(errors="replace") == token["text"]
            covered = max(covered, token["stop"])
        assert covered == len(text.encode())
    bare = good(server, "/tokenize", {"inputs": "a", "add_special_tokens": False})
    assert not any(token["special"] for token in bare[0])
    prompted = good(server, "/tokenize", {"inputs": "a", "prompt_name": "query"})
    assert len(prompted[0]) > len(bare[0]) + 2


def test_decode_gives_the_texts_back(server):
    ids = [[token["id"] for token in tokens]
           for tokens in good(server, "/tokenize", {"inputs": TEXTS[:2]})]
    assert good(server, "/decode", {"ids": ids}) == TEXTS[:2]
    assert good(server, "/decode", {"ids": ids[0]}) == TEXTS[:1]
    kept = good(server, "/decode", {"ids": ids[0], "skip_special_tokens": False})[0]
    assert kept.startswith("<s>") and kept.endswith("</s>")
    refused(post(server, "/decode", {"ids": [10**9]}), 422, "Validation")


def test_openai_route_has_errors_of_its_own(server):
    answer = good(server, "/embeddings", {"input": TEXTS, "model": "any"})
    vectors = numpy.array([entry["embedding"] for entry in answer["data"]], numpy.float32)
    assert numpy.array_equal(vectors, server.expected(*TEXTS))
    reply = post(server, "/embeddings", {"input": [""]})
    assert reply.status == 400
    assert reply.json() == {"message": "`input` cannot be empty", "code": 400, "type": "Empty"}


def test_vertex(server):
    answer = good(server, "/vertex", {"instances": [{"inputs": TEXTS[0]},
                                                    {"inputs": TEXTS, "dimensions": 20}]})
    first, second = answer["predictions"]
    assert numpy.array_equal(numpy.array(first, numpy.float32), server.expected(TEXTS[0]))
    assert numpy.array_equal(numpy.array(second, numpy.float32),
                             server.expected(*TEXTS, dimensions=20))
    refused(post(server, "/vertex", {"instances": []}), 400, "Empty")
    refused(post(server, "/vertex", {"instances": [{"inputs": "a"}, 1]}), 422, "Validation")


def test_info(server, plain_server):
    info = server.call("GET", "/info").json()
    assert info["model_id"] == info["served_model_name"] == "v3-tiny"
    assert info["model_type"] == {"embedding": {"pooling": "mean"}}
    precision = re.search(r"\((\w+), ", server.ready_line)[1]
    assert info["model_dtype"] == {"fp32": "float32", "bf16": "bfloat16"}[precision]
    assert info["max_client_batch_size"] == 2048 and info["auto_truncate"] is True
    assert info["max_batch_tokens"] >= info["max_input_length"] > 96
    assert [task["name"] for task in info["tasks"]][0] == "retrieval.query"
    assert info["dimensions"] == 64
    plain = plain_server.call("GET", "/info").json()
    assert plain["max_input_length"] == 96 and plain["tasks"] == []


def test_headers_tell_what_it_took(server):
    reply = post(server, "/embed", {"inputs": TEXTS})
    assert all(re.fullmatch(r"\d+", reply.headers[name]) for name in NUMBERS), reply.headers
    assert int(reply.headers["x-compute-characters"]) == sum(map(len, TEXTS))
    tokens = sum(map(len, good(server, "/tokenize", {"inputs": TEXTS})))
    assert int(reply.headers["x-compute-tokens"]) == tokens
    assert reply.headers["x-compute-type"] == "cpu+optimized"
    for path in ("/embed_all", "/similarity", "/embeddings", "/vertex"):
        body = {"/embed_all": {"inputs": "a"}, "/embeddings": {"input": "a"}, "/vertex": {"instances": [{"inputs": "a"}]},
                "/similarity": {"inputs": {"source_sentence": "a", "sentences": ["b"]}}}[path]
        assert "x-inference-time" in post(server, path, body).headers, path


def test_requests_are_counted(server):
    names = ['te_request_count{method="batch"}', 'te_request_success{method="batch"}',
             "te_embed_count", "te_embed_success", "te_request_duration_count",
             "te_embed_inference_duration_count", "te_request_input_length_count"]
    before = {name: metric(server, name) for name in names}
    good(server, "/embed", {"inputs": TEXTS})
    grown = [metric(server, name) - before[name] for name in names]
    assert grown == [1, 1, 4, 4, 1, 4, 4]
    assert metric(server, "te_queue_size") == 0
    assert metric(server, "te_batch_next_size_count") > 0
    assert metric(server, "te_batch_next_tokens_sum") > 0


@pytest.mark.parametrize("inputs", ["", [], [""], ["a", ""], [[]]])
def test_empty_inputs(server, inputs):
    answer = refused(post(server, "/embed", {"inputs": inputs}), 400, "Empty")
    assert answer["error"] == "`inputs` cannot be empty"


def test_too_many_inputs(server):
    before = metric(server, 'te_request_failure{err="batch_size"}')
    answer = refused(post(server, "/embed", {"inputs": ["a"] * 2049}), 422, "Validation")
    assert answer["error"] == "batch size 2049 > maximum allowed batch size 2048"
    assert metric(server, 'te_request_failure{err="batch_size"}') == before + 1


@pytest.mark.parametrize("body, param", [
    ({}, "inputs"), ({"inputs": 1}, "inputs"), ({"inputs": ["a", 1]}, "inputs[1]"),
    ({"inputs": "a", "dimensions": 0}, "dimensions"),
    ({"inputs": "a", "dimensions": 65}, "dimensions"),
    ({"inputs": "a", "truncate": "yes"}, "truncate"),
    ({"inputs": "a", "truncation_direction": "up"}, "truncation_direction"),
    ({"inputs": "a", "prompt_name": "poetry"}, "prompt_name"),
    ({"inputs": "a", "normalize": 1}, "normalize"),
])
def test_wrong_requests_name_the_member(server, body, param):
    assert refused(post(server, "/embed", body), 422, "Validation")["param"] == param


def test_an_unknown_task_is_told_the_valid_ones(server):
    answer = refused(post(server, "/embed", {"inputs": "a", "prompt_name": "poetry"}), 422, "Validation")
    assert "retrieval.query" in answer["error"] and "separation" in answer["error"]


@pytest.mark.parametrize("path", ["/embed_sparse", "/rerank", "/predict"])
def test_what_other_models_do(server, path):
    answer = refused(post(server, path, {"inputs": "a"}), 424, "Backend")
    assert "is a text-embedding model" in answer["error"] and "/v1/embeddings" in answer["error"]


def test_malformed_requests(server):
    before = metric(server, 'te_request_count{method="batch"}')
    for malformed in (b"{", b"", b"inputs=a", b'{"inputs": ["a"]', b'{"inputs": ["a"]}}'):
        refused(post(server, "/embed", malformed), 400, "Validation")
    assert metric(server, 'te_request_count{method="batch"}') == before
    refused(post(server, "/embed", b"[]"), 422, "Validation")
    refused(post(server, "/embed", b"inputs=a", {"Content-Type": "text/plain"}), 415, "Validation")
    reply = server.call("GET", "/embed")
    assert reply.status == 405 and "POST" in reply.headers["Allow"]


def test_health(server):
    for path in ("/health", "/ping", "/ready"):
        assert server.call("GET", path).status == 200
    assert server.call("GET", "/metrics").headers["Content-Type"].startswith("text/plain; version=0.0.4")
