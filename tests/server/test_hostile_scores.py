# SPDX-License-Identifier: Apache-2.0
"""Hostile requests to the routes of scores, sparse and token vectors, and to /admin/models: refused with a plain message, in
bounded memory, and in nobody's way."""

import contextlib
import gzip
import json
import math
import os
import struct
import threading

import pytest
from process import MODELS, Served
from test_models import KEY, change, ids
from waiting import wait_until

MIB = 1 << 20
MEMORY = 64 * MIB
MODELS_OF = ("xlmr-reranker-tiny", "bert-classifier-tiny", "bge-m3-tiny", "splade-tiny")
SCORES = ("/rerank", "/v1/rerank", "/v2/rerank")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    flags = [flag for name in MODELS_OF for flag in ("--model", MODELS / name)]
    with Served(tmp_path_factory.mktemp("hostile"), "--admin", "--request-memory", str(MEMORY), "--max-body",
                str(32 * MIB), *flags, env={"NESTVEC_API_KEYS": "secret"}) as server:
        yield server


def send(served, path, body):
    """A body that is text already, or made to JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return served.call("POST", path, gzip.compress(data, 1), {**KEY, "Content-Encoding": "gzip"})


def refused(reply, *statuses):
    """A plain message: of one line, not longer than a screen, without the client's text in full."""
    assert reply.status in (statuses or (400,)), (reply.status, reply.body[:300])
    message = json.dumps(reply.json())
    assert len(message) < 1500 and "internal" not in message.lower(), message
    return message


@pytest.fixture(autouse=True)
def is_served_beside(served):
    """Each attack leaves the server as it was, and nobody waits for it."""
    yield
    assert served.process.poll() is None
    reply = served.call("POST", "/v1/rerank", {"query": "a", "documents": ["b", "c"]}, KEY)
    assert reply.status == 200, reply.body
    # The memory of an answer is given back when the transport has sent it, which a client may see before.
    wait_until(lambda: held(served) < MIB, lambda: f"request memory: {held(served)}")


def held(served):
    text = served.call("GET", "/metrics").body.decode()
    [line] = [line for line in text.splitlines() if line.startswith("nestvec_request_memory_bytes ")]
    return float(line.split()[1])


@pytest.mark.parametrize("path", SCORES)
def test_a_query_of_megabytes(served, path):
    member = "texts" if path == "/rerank" else "documents"
    query = "word " * (8 * MIB // 5)
    refused(send(served, path, {"query": query, member: ["a"]}), 413, 422, 429)
    # It is read again with each document, which is counted before it is done.
    query = "word " * 50_000
    reply = send(served, path, {"query": query, member: ["a " * 50] * 2000})
    if reply.status != 200:  # the model's limit is short, so all of it may fit
        message = refused(reply, 413, 429)
        assert "server.request_memory" in message or "tokens" in message
    assert send(served, path, {"query": query, member: ["a"]}).status == 200, "it is cut"


@pytest.mark.parametrize("path, member", [("/rerank", "texts"), ("/rerank", "documents"), ("/v1/rerank", "documents"),
                                          ("/v2/rerank", "documents"), ("/predict", "inputs"), ("/classify", "input"),
                                          ("/embed_sparse", "inputs"), ("/v1/multi-vector", "input"),
                                          ("/score", "text_2")])
def test_more_texts_than_are_taken(served, path, member):
    body = {"query": "a", "text_1": "a", member: [[""]] * 100_000 if path == "/predict" else [""] * 100_000}
    if path != "/score":
        del body["text_1"]
    message = refused(send(served, path, body), 400, 422)
    assert "2048" in message, message


@pytest.mark.parametrize("path", SCORES)
def test_numbers_that_are_none(served, path):
    plain = '{"query":"a","documents":["b","c"],%s}'
    for value in ("NaN", "Infinity", "-Infinity", "1e400", "01", "+1", "0x10", "1_000"):
        refused(send(served, path, (plain % f'"top_n":{value}').encode()), 400)
    for value in (-1, 1.5, True, "3", [3], {"a": 1}, -1e300):
        refused(send(served, path, {"query": "a", "documents": ["b", "c"], "top_n": value}), 400)
    for value in (0, None, 2, 10**15, 1e300):
        reply = send(served, path, {"query": "a", "documents": ["b", "c"], "top_n": value})
        assert reply.status == 200 and len(reply.json()["results"]) == 2, value


def test_names_of_models(served):
    for name in ("x" * MIB, "\u0000", "../../etc/passwd", "v3-tiny:" * 1000, "\U0001f600" * 1000, " "):
        for path, body in (("/v1/rerank", {"query": "a", "documents": ["b"]}), ("/classify", {"input": "a"}),
                           ("/embed_sparse", {"inputs": "a"}), ("/v1/multi-vector", {"input": "a"})):
            message = refused(send(served, path, {**body, "model": name}), 404)
            assert "v3-tiny" in message, "the names that there are"
    for name in (1, ["v3-tiny"], {"a": 1}, True):
        refused(send(served, "/v1/rerank", {"query": "a", "documents": ["b"], "model": name}), 400)


@pytest.mark.parametrize("path", [*SCORES, "/predict", "/classify", "/score", "/embed_sparse", "/v1/multi-vector",
                                  "/v2/embed", "/admin/models"])
def test_json_that_is_deep_or_broken(served, path):
    for body in (b"[" * 100_000, b'{"query":' * 50_000, b'{"documents":[' + b"[" * 99_999, b'{"a":' * 2000 + b"1" + b"}" * 2000,
                 b'{"query":"a","documents":["\xff"]}', b'{"query":"a" "documents":["b"]}', b'{"query":"a","documents":["b"',
                 b"null", b"[]", b'"a"', b"1"):
        refused(send(served, path, body), 400, 413, 415, 422)


def test_keys_that_are_there_twice(served):
    """Each is read as it would be alone: the first one, or refused; never half of both."""
    for body in (b'{"query":"a","query":"b","documents":["c"]}', b'{"query":"a","documents":["c"],"documents":["d","e"]}',
                 b'{"query":"a","documents":[{"text":"b","text":"c"}],"top_n":1,"top_n":2}'):
        reply = send(served, "/v1/rerank", body)
        assert reply.status in (200, 400), reply.body
        if reply.status == 200:
            assert len(reply.json()["results"]) in (1, 2)


def test_documents_of_every_shape(served):
    for documents in ({"a": 1}, "text", [[]], [None], [{"title": "a"}], [{"text": 1}], [["a"]], [1], []):
        refused(send(served, "/v1/rerank", {"query": "a", "documents": documents}), 400)
    for fields in ([], ["a"] * 101, "a", [1], {"a": 1}):
        refused(send(served, "/v1/rerank", {"query": "a", "documents": [{"a": "b"}], "rank_fields": fields}), 400)
    many = {f"field{i}": "x" for i in range(2000)}
    refused(send(served, "/v1/rerank", {"query": "a", "documents": [many], "rank_fields": ["none"]}), 400)
    members = {f"member{i}": 0 for i in range(1001)}
    refused(send(served, "/v1/rerank", {"query": "a", "documents": ["b"], **members}), 400)
    nothing = send(served, "/v1/rerank", {"query": "a", "documents": ["\u0000", "", " ", "\ud83d\ude00"]})
    assert nothing.status == 200 and len(nothing.json()["results"]) == 4


HARDLY_ANY = ["", " ", "\n\t", "\u3000\u200b", "\u0000", "\ufeff", "\U0010ffff", "e" + "\u0301" * 500, "a", "a"]


@pytest.mark.parametrize("path", [*SCORES, "/score"])
def test_texts_that_are_hardly_any(served, path):
    """Each has a score, which is the same alone and among others; equal texts have equal ones."""
    members = {"/rerank": ("query", "texts"), "/score": ("text_1", "text_2")}.get(path, ("query", "documents"))

    def scores(query, texts):
        reply = send(served, path, {members[0]: query, members[1]: texts})
        assert reply.status == 200, reply.body
        answer = reply.json()
        rows = answer if path == "/rerank" else answer["data" if path == "/score" else "results"]
        return [row.get("relevance_score", row.get("score")) for row in sorted(rows, key=lambda row: row["index"])]

    for query in ("\u0000", " \n", "\u200b", "a"):
        found = scores(query, HARDLY_ANY)
        assert len(found) == len(HARDLY_ANY) and found[-1] == found[-2]
        assert found == [scores(query, [text])[0] for text in HARDLY_ANY]
    # Halves of characters, as JSON may spell them, are read as the mark that stands for what cannot be read.
    broken = ('{"%s":"\\ud800","%s":["\\udc00a","x"]}' % members).encode()
    reply = send(served, path, broken)
    assert reply.status == 200 and scores("\ufffd", ["\ufffda", "x"])[1] > 0, reply.body
    refused(send(served, path, {members[0]: "", members[1]: ["a"]}), 400)


@pytest.mark.parametrize("text", ["be kind", "\u0000", "x" * 5000, 3, ["a"]])
def test_instructions_for_a_model_that_reads_none(served, text):
    for path, member in (("/v1/rerank", "documents"), ("/rerank", "texts")):
        refused(send(served, path, {"query": "a", member: ["b"], "instruction": text}), 400, 413, 422)


def with_number(name, place, number):
    """Writes the reranker's weights with another number in one of its tensors."""
    def write(path):
        data = bytearray((MODELS / "bert-reranker-tiny" / "model.safetensors").read_bytes())
        start = 8 + struct.unpack("<Q", data[:8])[0]
        begin = start + json.loads(data[8:start])[name]["data_offsets"][0] + 4 * place
        data[begin:begin + 4] = struct.pack("<f", number)
        path.write_bytes(data)
    return write


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_scores_that_are_no_numbers(served, tmp_path, number):
    """Weights that spoil all scores are refused when they are loaded; those of one word, with the pair that has it."""
    before = ids(served)
    folder = folder_of(tmp_path / "broken", "bert-reranker-tiny", **{"model.safetensors": with_number("classifier.bias", 0, number)})
    reply = change(served, {"load": str(folder)})
    assert reply.status == 500 and "not finite" in json.dumps(reply.json()) and ids(served) == before, reply.body
    vocabulary = json.loads((MODELS / "bert-reranker-tiny" / "tokenizer.json").read_text())["model"]["vocab"]
    name = "bert.embeddings.word_embeddings.weight"
    folder = folder_of(tmp_path / "spoiled", "bert-reranker-tiny",
                       **{"model.safetensors": with_number(name, 32 * vocabulary["z"], number)})
    assert change(served, {"load": str(folder)}).status == 200
    try:
        for path, member, status in (("/v1/rerank", "documents", 500), ("/rerank", "texts", 424)):
            def ask(documents):
                return send(served, path, {"query": "a", member: documents, "model": "spoiled"})
            assert ask(["a", "", "b"]).status == 200
            reply = ask(["a", "b z", ""])
            assert reply.status == status
            assert "pair 1: the model computed a value that is not finite" in json.dumps(reply.json()), reply.body
    finally:
        assert change(served, {"unload": "spoiled"}).status == 200


def test_a_model_of_ten_thousand_labels(served, tmp_path):
    def config(path):
        known = json.loads((MODELS / "bert-classifier-tiny" / "config.json").read_text())
        path.write_text(json.dumps(known | {"id2label": {str(i): f"label {i}" for i in range(10_000)}}))

    folder = folder_of(tmp_path / "many", "bert-classifier-tiny", **{"config.json": config})
    assert "id2label: more than 4096 labels" in refused(change(served, {"load": str(folder)}), 400, 422)


def test_answers_larger_than_there_is_memory(served):
    """Vectors of tokens are charged before they are computed, and their text before it is written."""
    for path, body in (("/v1/multi-vector", {"input": ["word " * 90] * 2048}),
                       ("/v1/embeddings", {"input": ["word " * 90] * 2048, "embedding_type": ["float", "sparse", "multivector"]}),
                       ("/v2/embed", {"texts": ["word " * 90] * 2048, "embedding_types": ["multivector"]}),
                       ("/v1/embeddings", {"input": ["a b c"] * 2048, "model": "splade-tiny", "embedding_type": "sparse"})):
        reply = send(served, path, body)
        assert reply.status in (200, 413, 429, 503), (path, reply.status, reply.body[:300])
        if reply.status != 200:
            assert "server.request_memory" in json.dumps(reply.json())


# /admin/models: who has the key may be hostile, too.


@pytest.mark.parametrize("body", [
    {"load": "/"}, {"load": "/dev/zero"}, {"load": "/dev/null"}, {"load": "/proc/self/mem"}, {"load": "/proc/self/fd"},
    {"load": ".."}, {"load": "a" * 100_000}, {"load": "a/" * 5000}, {"load": "\u0000"}, {"load": "owner/name@" + "x" * 300},
    {"load": " "}, {"load": "~root"}, {"load": "http://localhost/x"}, {"load": 1}, {"load": None}, {"load": ["a"]},
    {"load": str(MODELS / "bert-tiny"), "aliases": ["a" * 100_000]},
    {"load": str(MODELS / "bert-tiny"), "aliases": [f"alias{i}" for i in range(100_000)]},
    {"load": str(MODELS / "bert-tiny"), "aliases": [1]}, {"load": str(MODELS / "bert-tiny"), "name": "n" * 100_000},
    {"load": str(MODELS / "bert-tiny"), "name": "v3-tiny"}, {"load": str(MODELS / "bert-tiny"), "name": "a:b\n\u0007"},
    {"unload": "x" * MIB}, {"unload": ""}, {"unload": 1}, {},
])
def test_changes_that_are_none(served, body):
    before = ids(served)
    refused(change(served, body), 400, 404, 422)
    assert ids(served) == before, "and no model has such a name"


def folder_of(path, model="bert-tiny", **files):
    """A model folder with some of its files replaced."""
    path.mkdir()
    for file in (MODELS / model).iterdir():
        if file.name not in files:
            (path / file.name).symlink_to(file)
    for name, make in files.items():
        make(path / name)
    return path


def a_sparse_file(path):
    with path.open("wb") as file:
        file.truncate(1 << 40)


HOSTILE_FILES = {
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "loop": lambda path: path.symlink_to(path),
    "folder": lambda path: path.mkdir(),
    "terabyte": a_sparse_file,
    "deep": lambda path: path.write_bytes(b"[" * 1_000_000),
    "empty": lambda path: path.write_bytes(b""),
    "unreadable": lambda path: path.symlink_to("/proc/self/mem"),
}


@pytest.mark.parametrize("kind", HOSTILE_FILES)
@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_folders_with_hostile_files(served, tmp_path, kind, name):
    """While one loads, others are answered; it ends, and the next change is made."""
    folder = folder_of(tmp_path / "model", **{name: HOSTILE_FILES[kind]})
    before = ids(served)
    replies = []
    loading = threading.Thread(target=lambda: replies.append(change(served, {"load": str(folder)})))
    loading.start()
    with contextlib.closing(served.connect()) as connection:
        assert connection.call("POST", "/v1/rerank", {"query": "a", "documents": ["b"]}, KEY).status == 200
    loading.join(60)
    assert replies, "it does not end"
    refused(replies[0], 404, 422)
    assert str(folder) in json.dumps(replies[0].json()) and ids(served) == before


def test_more_changes_than_wait(served):
    """A queue of changes has an end; all that are in it are answered."""
    statuses = []

    def ask():
        statuses.append(change(served, {"load": "/no/such/folder"}).status)

    threads = [threading.Thread(target=ask) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(statuses) == 64 and set(statuses) <= {404, 429} and 404 in statuses
