# SPDX-License-Identifier: Apache-2.0
"""A task's name means the same at each door; what a model does without one; token ids."""

import gzip
import json

import numpy
import pytest

from changed_model import changed
from command import DATA, MODELS
from process import Served

TEXT = "Where do cats sleep?"
PROMPTS = {"prompts": {"query": "query: "}, "default_prompt_name": "query"}
V3 = ["retrieval.query", "retrieval.passage", "separation", "classification", "text-matching"]


@pytest.fixture(scope="module")
def prompted_server(home, tmp_path_factory):
    """A model that has a prompt for queries alone, which is its default."""
    folder = changed(tmp_path_factory.mktemp("models") / "prompted", "bert-tiny",
                     {"config_sentence_transformers.json": PROMPTS})
    with Served(home, model=folder) as served:
        yield served


def openai(member):
    return lambda served, name: served.call("POST", "/v1/embeddings", {"input": TEXT, member: name})


def of_item(served, name):
    return served.call("POST", "/v1/embeddings", {"input": [{"text": TEXT, "task": name}]})


def tei(member):
    return lambda served, name: served.call("POST", "/embed", {"inputs": TEXT, member: name})


def cohere(served, name):
    return served.call("POST", "/v2/embed", {"model": "m", "texts": [TEXT], "input_type": name})


def ollama(served, name):
    return served.call("POST", "/api/embed", {"model": "m", "input": TEXT, "task": name})


TASK_DOORS = {"task": openai("task"), "input_type": openai("input_type"), "item": of_item, "tei": tei("task"),
              "cohere": cohere, "ollama": ollama}
PROMPT_DOORS = {"openai": openai("prompt_name"), "tei": tei("prompt_name")}


def vector(reply):
    assert reply.status == 200, reply.body
    answer = reply.json()
    if isinstance(answer, list):
        return numpy.array(answer[0], numpy.float32)
    if "data" in answer:
        return numpy.array(answer["data"][0]["embedding"], numpy.float32)
    rows = answer["embeddings"]
    return numpy.array((rows["float"] if isinstance(rows, dict) else rows)[0], numpy.float32)


def command(served, *flags, text=TEXT, model=None):
    out = served.command.ok("embed", "-q", "--model", model or served.model, *flags, text)
    return numpy.array(json.loads(out)["embeddings"][0], numpy.float32)


@pytest.mark.parametrize("door", TASK_DOORS)
def test_a_model_with_adapters(server, door):
    ask = TASK_DOORS[door]
    for name, task in (("search_query", V3[0]), ("Document", V3[1]), ("clustering", V3[2]), ("CLASSIFICATION", V3[3]),
                       ("semantic similarity", V3[4])):
        assert numpy.array_equal(vector(ask(server, name)), server.expected(TEXT, task=task)[0]), name
        assert numpy.array_equal(command(server, "--task", name), server.expected(TEXT, task=task)[0]), name
    assert ask(server, "poetry").status == 422


@pytest.mark.parametrize("door", TASK_DOORS)
def test_a_model_with_prompts(prompted_server, door):
    ask = TASK_DOORS[door]
    bare = MODELS / "bert-tiny"
    query = command(prompted_server, text="query: " + TEXT, model=bare)
    plain = command(prompted_server, text=TEXT, model=bare)
    for name in ("query", "retrieval.query", ""):
        assert numpy.array_equal(vector(ask(prompted_server, name)), query), name
    for name in ("search_document", "classification", "clustering", "similarity", "none"):
        assert numpy.array_equal(vector(ask(prompted_server, name)), plain), name
    for name in ("", "query", "search_document", "classification"):
        flags = ["--task", name] if name else []
        assert numpy.array_equal(command(prompted_server, *flags), vector(ask(prompted_server, name))), name
    assert ask(prompted_server, "poetry").status == 422


@pytest.mark.parametrize("door", TASK_DOORS)
def test_a_model_without_tasks(plain_server, door):
    ask = TASK_DOORS[door]
    for name in ("query", "search_document", "classification", "none", ""):
        assert numpy.array_equal(vector(ask(plain_server, name)), plain_server.expected(TEXT)[0]), name
    assert ask(plain_server, "poetry").status == 422
    plain_server.command.fails(2, "embed", "--model", plain_server.model, "--task", "poetry", TEXT, says="poetry")


def test_adapters_of_ones_own_share_a_request(home):
    """One request with texts of all adapters and of none."""
    folders = MODELS / "adapters" / "bert-tiny"
    with gzip.open(DATA / "embed/adapters-bert-tiny.jsonl.gz", "rt") as lines:
        wanted = [record for record in map(json.loads, lines) if record["text"]]
    flags = [part for name in ("legal", "medical.notes") for part in ("--adapter", f"{name}={folders / name}")]
    with Served(home, *flags, "--precision", "fp32", model=MODELS / "bert-tiny") as served:
        reply = served.call("POST", "/v1/embeddings", {
            "input": [{"text": record["text"], "task": record["task"]} for record in wanted]})
        assert reply.status == 200, reply.body
        found = numpy.array([row["embedding"] for row in reply.json()["data"]])
        assert numpy.abs(found - numpy.array([record["vector"] for record in wanted])).max() < 1e-5
        assert served.call("POST", "/v1/embeddings", {"input": "x", "task": "poetry"}).status == 422
        shown = served.call("GET", "/v1/models").json()["data"][0]
        assert "legal" in json.dumps(shown), shown


@pytest.mark.parametrize("door", PROMPT_DOORS)
def test_a_prompt_must_be_the_models(server, prompted_server, plain_server, door):
    ask = PROMPT_DOORS[door]
    assert numpy.array_equal(vector(ask(server, "query")), server.expected(TEXT, task="retrieval.query")[0])
    assert numpy.array_equal(vector(ask(prompted_server, "query")), command(prompted_server, "--task", "query"))
    for served, name in ((plain_server, "query"), (prompted_server, "passage"), (server, "poetry")):
        reply = ask(served, name)
        assert reply.status == 422 and "unknown prompt" in reply.body.decode(), reply.body
    for served in (prompted_server, plain_server):
        assert ask(served, None).status == 200


def test_a_prompt_belongs_to_its_task(server):
    body = {"input": TEXT, "prompt_name": "query", "task": "separation"}
    assert server.call("POST", "/v1/embeddings", body).status == 422
    body["task"] = "search_query"
    assert vector(server.call("POST", "/v1/embeddings", body)) is not None


def test_the_default_prompt_is_shown(prompted_server):
    assert prompted_server.call("GET", "/info").json()["default_task"] == "query"
    assert prompted_server.call("GET", "/v1/models").json()["data"][0]["default_task"] == "query"
    answer = prompted_server.embed([TEXT]).json()
    assert answer["task"] == "query"


def test_the_document_tells_what_this_model_takes(prompted_server):
    schemas = prompted_server.call("GET", "/openapi.json").json()["components"]["schemas"]
    assert {"query", "search_document", "none"} <= set(schemas["Task"]["enum"])
    prompts = schemas["PromptOrNull"]["enum"]
    assert "query" in prompts and "passage" not in prompts and None in prompts


def test_token_ids_of_other_tokenizers(home, server):
    ids = [2181, 656, 19987, 6212, 30]  # cl100k_base of a question, as LangChain sends it by default
    for route in ("/v1/embeddings", "/v3/embeddings", "/openai/deployments/m/embeddings", "/api/embed", "/embeddings"):
        for given in (ids, [ids], ["a", ids]):
            reply = server.call("POST", route, {"model": "m", "input": given})
            assert reply.status == 400, (route, reply.body)
            assert b"check_embedding_ctx_length=False" in reply.body and b"server.token_ids" in reply.body
    own = [token["id"] for token in server.call("POST", "/tokenize", {"inputs": TEXT, "add_special_tokens": False}).json()[0]]
    wanted = server.expected(TEXT)[0]
    assert numpy.array_equal(vector(server.call("POST", "/embed", {"inputs": [own]})), wanted)
    assert server.call("POST", "/decode", {"ids": own}).json() == [TEXT]
    with Served(home, "--token-ids", "accept") as accepting:
        for given in (own, [own]):
            assert numpy.array_equal(vector(accepting.call("POST", "/v1/embeddings", {"input": given})), wanted)
        assert accepting.call("POST", "/v1/embeddings", {"input": [[10**6]]}).status == 400
