# SPDX-License-Identifier: Apache-2.0
"""Several models in one server: which one a request means, and models that come and go."""

import contextlib
import json
import threading

import numpy
import pytest
from command import Command
from process import MODELS, Served
from waiting import wait_until

TEXTS = ["Hello, world!", "Two lines are enough."]
WIDTHS = {"v3-tiny": 64, "bert-tiny": 32}
KEY = {"Authorization": "Bearer secret"}


@pytest.fixture(scope="module")
def both(home):
    with Served(home, "--model", MODELS / "bert-tiny") as server:
        yield server


@pytest.fixture(scope="module")
def vectors(both):
    """What the command gives for each model alone."""
    lines = "".join(json.dumps({"text": text}) + "\n" for text in TEXTS)
    known = {}
    for name in WIDTHS:
        out = both.command.ok("embed", "-q", "--model", MODELS / name, "--format", "jsonl",
                              "--jsonl", "-", stdin=lines)
        known[name] = numpy.array([json.loads(line)["embedding"] for line in out.splitlines()],
                                  numpy.float32)
    return known


def post(server, path, body, **options):
    return server.call("POST", path, body, **options)


def rows(reply, *path):
    assert reply.status == 200, reply.body
    answer = reply.json()
    for key in path:
        answer = [row[key] for row in answer] if isinstance(answer, list) else answer[key]
    return numpy.array(answer, numpy.float32)


@pytest.mark.parametrize("model, meant", [
    (None, "v3-tiny"), ("", "v3-tiny"), ("v3-tiny", "v3-tiny"), ("jinaai/V3-tiny", "v3-tiny"),
    ("bert-tiny", "bert-tiny"), ("google/bert-tiny", "bert-tiny"), ("bert-tiny:latest", "bert-tiny")])
@pytest.mark.parametrize("path, member, where", [
    ("/v1/embeddings", "input", ("data", "embedding")),
    ("/embeddings", "input", ("data", "embedding")),
    ("/v2/embed", "texts", ("embeddings", "float")),
    ("/api/embed", "input", ("embeddings",)),
    ("/embed", "inputs", ()),
    ("/vectors", "texts", ("vectors",)),
])
def test_the_model_of_the_request_answers(both, vectors, path, member, where, model, meant):
    body = {member: TEXTS} if model is None else {member: TEXTS, "model": model}
    assert numpy.array_equal(rows(post(both, path, body), *where), vectors[meant])


def test_the_model_that_answered_is_named(both):
    for name in WIDTHS:
        body = {"input": TEXTS, "model": name}
        assert post(both, "/v1/embeddings", body).json()["model"] == name
        assert post(both, "/api/embed", body).json()["model"] == name


def test_a_path_may_name_the_model(both, vectors):
    reply = post(both, "/openai/deployments/bert-tiny/embeddings", {"input": TEXTS})
    assert numpy.array_equal(rows(reply, "data", "embedding"), vectors["bert-tiny"])


def test_a_task_may_stand_behind_the_name(both):
    query = rows(post(both, "/v1/embeddings", {"input": TEXTS, "model": "v3-tiny:query"}), "data", "embedding")
    task = rows(post(both, "/v1/embeddings",
                     {"input": TEXTS, "model": "v3-tiny", "task": "retrieval.query"}), "data", "embedding")
    assert numpy.array_equal(query, task)


@pytest.mark.parametrize("path, member", [
    ("/v1/embeddings", "input"), ("/v2/embed", "texts"), ("/api/embed", "input"), ("/embed", "inputs"),
    ("/openai/deployments/other/embeddings", "input")])
def test_an_unknown_model_is_refused_with_those_that_are_here(both, path, member):
    reply = post(both, path, {member: TEXTS, "model": "other"})
    assert reply.status == 404, reply.body
    for name in WIDTHS:
        assert name in reply.body.decode()


def test_one_model_still_takes_any_name(server):
    assert post(server, "/v1/embeddings", {"input": TEXTS, "model": "other"}).status == 200


def test_limits_are_the_models_own(both):
    text = "word " * 110  # over bert-tiny's 96 tokens
    for name, status in (("v3-tiny", 200), ("bert-tiny", 422)):
        reply = post(both, "/embed", {"inputs": text, "truncate": False, "model": name})
        assert reply.status == status, reply.body


def test_tokens_are_the_models_own(both):
    counts = {name: len(post(both, "/tokenize", {"inputs": "Unbelievable", "model": name}).json()[0])
              for name in WIDTHS}
    assert post(both, "/tokenize", {"inputs": "Unbelievable"}).json()[0] == \
        post(both, "/tokenize", {"inputs": "Unbelievable", "model": "v3-tiny"}).json()[0]
    assert counts["v3-tiny"] != counts["bert-tiny"]


def test_lists_have_all(both):
    names = {entry["id"] for entry in both.call("GET", "/v1/models").json()["data"]}
    assert {"v3-tiny", "bert-tiny", "v3-tiny:retrieval.query"} <= names
    assert both.call("GET", "/v1/models/bert-tiny").json()["dimensions"] == 32
    assert both.call("GET", "/v1/models/other").status == 404
    tags = {entry["name"] for entry in both.call("GET", "/api/tags").json()["models"]}
    assert {"v3-tiny:latest", "bert-tiny:latest"} <= tags
    assert post(both, "/api/show", {"model": "bert-tiny"}).json()["details"]["family"] == "bert"
    listed = both.call("GET", "/v2/models").json()["models"]
    assert [entry["id"] for entry in listed] == ["v3-tiny", "bert-tiny"]


def test_clarifais_model_id(both, vectors):
    for name, width in WIDTHS.items():
        reply = post(both, f"/v2/models/{name}/outputs", {"inputs": [{"data": {"text": {"raw": TEXTS[0]}}}]})
        assert reply.status == 200, reply.body
        vector = reply.json()["outputs"][0]["data"]["embeddings"][0]["vector"]
        assert len(vector) == width
        assert numpy.allclose(vector, vectors[name][0], atol=1e-6)
    assert post(both, "/v2/models/other/outputs", {"inputs": [{"data": {"text": {"raw": "a"}}}]}).status == 404


def test_the_ready_line_and_metrics_name_them(both):
    assert "v3-tiny (" in both.ready_line and "bert-tiny (" in both.ready_line
    assert both.call("GET", "/ready").status == 200
    text = both.call("GET", "/metrics").body.decode()
    for name in WIDTHS:
        assert f'nestvec_queue_tokens{{model="{name}"}} 0' in text
        assert f'nestvec_batches_total{{model="{name}"}}' in text
    assert "nestvec_queue_tokens 0" not in text


def test_one_models_metrics_have_no_label(server):
    assert "nestvec_queue_tokens 0" in server.call("GET", "/metrics").body.decode()


def test_both_at_once(both, vectors):
    failed = []

    def ask(name):
        with contextlib.closing(both.connect()) as connection:
            for _ in range(20):
                reply = connection.call("POST", "/v1/embeddings", {"input": TEXTS, "model": name})
                if not numpy.array_equal(rows(reply, "data", "embedding"), vectors[name]):
                    failed.append(name)

    threads = [threading.Thread(target=ask, args=(name,)) for name in WIDTHS for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_a_list_in_the_configuration(home, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(f"""\
models:
  - repo_id: {MODELS / "bert-tiny"}
    name: small
    aliases: [text-embedding-3-small]
    max_tokens: 32
  - {{repo_id: {MODELS / "v3-tiny"}, default_task: none}}
""")
    with Served(home, "--config", config, model=None) as server:
        for name, width in (("small", 32), ("text-embedding-3-small", 32), ("v3-tiny", 64)):
            reply = post(server, "/v1/embeddings", {"input": TEXTS, "model": name})
            assert rows(reply, "data", "embedding").shape == (2, width)
        assert server.call("GET", "/v1/models/small").json()["max_tokens"] == 32
        assert server.call("GET", "/info").json()["model_id"] == "small"


def test_names_must_differ(home):
    result = Command(home)("serve", "--http", "127.0.0.1:0", "--model", MODELS / "v3-tiny", "--model", MODELS / "v3-tiny")
    assert result.returncode != 0
    assert b"two models have the name v3-tiny" in result.stderr


def test_all_are_refused_together_over_the_budget(home):
    result = Command(home)("serve", "--http", "127.0.0.1:0", "--cpu-memory", "70Mi", "--model", MODELS / "v3-tiny",
                         "--model", MODELS / "bert-tiny")
    assert result.returncode != 0
    for part in ("memory plan over budget: v3-tiny ", ", bert-tiny ", "together weights", "cpu_memory allows 70 MiB"):
        assert part in result.stderr.decode(), result.stderr


# POST /admin/models


@pytest.fixture
def managed(home):
    with Served(home, "--admin", env={"NESTVEC_API_KEYS": "secret"}) as server:
        yield server


def change(server, body, headers=KEY):
    return post(server, "/admin/models", body, headers=headers)


def ids(server):
    return [entry["id"] for entry in server.call("GET", "/v1/models", headers=KEY).json()["data"]
            if ":" not in entry["id"]]


def test_models_come_and_go(managed):
    body = {"input": TEXTS, "model": "other"}
    assert change(managed, {"load": str(MODELS / "bert-tiny"), "name": "other", "aliases": ["second"]}).json() == \
        {"model": "other"}
    assert ids(managed) == ["v3-tiny", "other", "second"]
    assert rows(post(managed, "/v1/embeddings", body, headers=KEY), "data", "embedding").shape == (2, 32)
    assert change(managed, {"unload": "second"}).json() == {"model": "other"}
    assert ids(managed) == ["v3-tiny"]
    # One is left: any name means it, as without server.admin.
    assert rows(post(managed, "/v1/embeddings", body, headers=KEY), "data", "embedding").shape == (2, 64)
    assert change(managed, {"load": str(MODELS / "bert-tiny")}).json() == {"model": "bert-tiny"}


@pytest.mark.parametrize("body, status, part", [
    ({}, 422, "load"), ({"load": "a", "unload": "b"}, 422, "either"), ({"load": ""}, 422, "empty"),
    ({"load": "/no/such/folder"}, 404, "/no/such/folder"), ({"load": "owner/absent"}, 404, "owner/absent"),
    ({"load": str(MODELS / "v3-tiny")}, 422, "two models have the name"),
    ({"unload": "other"}, 404, "v3-tiny"), ({"unload": "v3-tiny"}, 422, "the only model"),
    ({"load": str(MODELS / "bert-tiny"), "aliases": "x"}, 422, "aliases"), (["load"], 400, ""),
    ({"load": str(MODELS / "bert-tiny"), "precision": "int8"}, 422, "precision"),
    ({"unload": "v3-tiny", "name": "v3-tiny"}, 422, "name"),
])
def test_a_change_that_fails_leaves_all_as_it_was(managed, body, status, part):
    reply = change(managed, body)
    assert reply.status == status, reply.body
    assert part in reply.body.decode()
    assert ids(managed) == ["v3-tiny"]


def test_a_load_over_the_budget_is_refused(home):
    with Served(home, "--admin", "--cpu-memory", "90Mi", env={"NESTVEC_API_KEYS": "secret"}) as server:
        reply = change(server, {"load": str(MODELS / "bert-tiny")})
        assert reply.status == 422, reply.body
        assert "memory plan over budget: v3-tiny " in reply.body.decode()
        assert ids(server) == ["v3-tiny"]


def test_it_needs_the_key_and_the_option(managed, server, home):
    assert change(managed, {"unload": "v3-tiny"}, headers={}).status == 401
    reply = change(server, {"unload": "v3-tiny"})
    assert reply.status == 403 and b"server.admin" in reply.body
    result = Command(home)("serve", "--http", "127.0.0.1:0", "--admin", "--model", MODELS / "v3-tiny")
    assert result.returncode != 0
    assert b"server.admin" in result.stderr and b"server.api_key_file" in result.stderr


def test_nothing_is_lost_when_a_model_leaves(managed):
    load = {"load": str(MODELS / "bert-tiny")}
    assert change(managed, load).status == 200
    statuses = []
    going = threading.Event()
    going.set()

    def ask():
        with contextlib.closing(managed.connect()) as connection:
            while going.is_set():
                statuses.append(connection.call("POST", "/v1/embeddings",
                                                {"input": TEXTS * 20, "model": "bert-tiny"}, KEY).status)

    # Another stays, so that the name is not any name when it is gone.
    assert change(managed, {**load, "load": str(MODELS / "xlmr-tiny")}).status == 200
    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: statuses.count(200) > 10, lambda: f"answers: {statuses}")
    assert change(managed, {"unload": "bert-tiny"}).status == 200
    wait_until(lambda: statuses.count(404) > 3, lambda: f"refusals: {statuses}")
    assert change(managed, load).status == 200
    before = statuses.count(200)
    wait_until(lambda: statuses.count(200) > before + 10, lambda: f"answers: {statuses}")
    going.clear()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200, 404}


def test_changes_at_once_are_made_in_turn(managed):
    replies = []

    def load(name):
        replies.append(change(managed, {"load": str(MODELS / "bert-tiny"), "name": name}).status)

    threads = [threading.Thread(target=load, args=(f"model-{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert replies == [200] * 4
    assert sorted(ids(managed)) == ["model-0", "model-1", "model-2", "model-3", "v3-tiny"]


def test_labels_of_metrics_have_an_end(managed):
    for i in range(40):
        assert change(managed, {"load": str(MODELS / "bert-tiny"), "name": f"model-{i}"}).status == 200
        assert change(managed, {"unload": f"model-{i}"}).status == 200
    text = managed.call("GET", "/metrics").body.decode()
    labels = {line for line in text.splitlines() if line.startswith("nestvec_batches_total{")}
    assert len(labels) <= 33
    assert any('model="other"' in line for line in labels)
