# SPDX-License-Identifier: Apache-2.0
"""`nestvec bench`: workloads by name, and a loaded model that measures on request."""

import json

import numpy

from command import MODELS, nestvec  # noqa: F401 (a fixture)
from waiting import SECONDS

V3 = MODELS / "v3-tiny"
TEXTS = ["Hello, world!", "Zwei Zeilen sind genug.", "a"]
ON_REQUEST = ("bench", "-q", "--model", V3, "--threads", "1", "--task", "text-matching", "--on-request")


def lines_of(text):
    return [json.loads(line) for line in text.splitlines()]


def test_workloads_by_name(nestvec):  # noqa: F811
    run = ("bench", "-q", "--model", V3, "--threads", "1", "--seconds", "0", "--workload", "short,uniform")
    short, uniform = lines_of(nestvec.ok(*run, "--json"))
    assert short["texts"] == 1 and uniform["texts"] == 8
    assert uniform["calls"] == 1 and uniform["tokens"] >= 8 * 128
    assert 0 < short["p50_ms"] <= short["p90_ms"] <= short["p99_ms"]
    table = nestvec.ok(*run)
    assert "workload" in table and "\nuniform " in table


def test_requests_are_answered_one_by_one(nestvec):  # noqa: F811
    process = nestvec.start(*ON_REQUEST, stdin=-1, stdout=-1)

    def ask(request):
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    head = json.loads(process.stdout.readline())
    assert head["model"] == "v3-tiny" and head["threads"] == 1
    assert head["precision"] in ("fp32", "bf16", "int8")
    once = ask({"texts": TEXTS})
    assert set(once) == {"texts", "tokens", "seconds"}
    assert once["texts"] == len(TEXTS) and len(once["seconds"]) == 1
    again = ask({"texts": TEXTS, "seconds": 1})
    assert len(again["seconds"]) > 1 and min(again["seconds"]) > 0
    assert sum(again["seconds"]) > 0.5
    assert again["tokens"] == once["tokens"]
    assert ask({"workload": "uniform"})["texts"] == 8
    process.stdin.close()
    assert process.stdout.read() == b""
    assert process.wait(SECONDS) == 0


def test_mixed_tasks_are_the_tasks_in_turn(nestvec):  # noqa: F811
    tasks = list(json.loads(nestvec.ok("info", "--json", "--model", V3))["tasks"])
    requests = [{"texts": TEXTS, "task": task, "vectors": True} for task in ["mixed", *tasks[:3]]]
    stdin = "".join(json.dumps(request) + "\n" for request in requests)
    mixed, *single = (line["vectors"] for line in lines_of(nestvec.ok(*ON_REQUEST, stdin=stdin))[1:])
    assert mixed == [single[i][i] for i in range(3)]


def test_vectors_and_tokens_of_a_request_are_those_of_embed(nestvec):  # noqa: F811
    ids = lines_of(nestvec.ok("tokenize", "--tokenizer", V3, stdin="\n".join(TEXTS)))
    answer = lines_of(nestvec.ok(*ON_REQUEST, stdin=json.dumps({"texts": TEXTS, "vectors": True}) + "\n"))[1]
    embedded = lines_of(nestvec.ok("embed", "-q", "--model", V3, "--threads", "1", "--format", "jsonl", *TEXTS))
    vectors = numpy.array(answer["vectors"], numpy.float32)  # both print digits that give the same floats
    assert numpy.array_equal(vectors, numpy.array([line["embedding"] for line in embedded], numpy.float32))
    assert answer["tokens"] == sum(len(line["ids"]) for line in ids)


def test_scores_of_a_request_are_those_of_rerank(nestvec):  # noqa: F811
    reranker = MODELS / "xlmr-reranker-tiny"
    request = {"query": "How many lines?", "texts": TEXTS, "vectors": True}
    answer = lines_of(nestvec.ok("bench", "-q", "--model", reranker, "--on-request", stdin=json.dumps(request) + "\n"))[1]
    ranked = lines_of(nestvec.ok("rerank", "-q", "--model", reranker, "--format", "jsonl", request["query"], stdin="\n".join(TEXTS)))
    assert set(answer) == {"texts", "tokens", "seconds", "scores"} and answer["texts"] == len(TEXTS)
    scores = numpy.array([line["score"] for line in sorted(ranked, key=lambda line: line["index"])], numpy.float32)
    assert numpy.array_equal(numpy.array(answer["scores"], numpy.float32), scores)


def test_bad_requests_name_their_line(nestvec):  # noqa: F811
    good = json.dumps({"texts": ["a"]}) + "\n"
    for bad in ("{", "[]", "{}", '{"workload":"longest"}', '{"texts":[1]}', '{"texts":["a"],"seconds":"1"}'):
        nestvec.fails(2, *ON_REQUEST, stdin=good + bad + "\n", says="line 2 of standard input")
    assert len(lines_of(nestvec.ok(*ON_REQUEST, stdin=""))) == 1
