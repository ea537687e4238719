# SPDX-License-Identifier: Apache-2.0
"""docs/integrations.md: the requests of programs that do not run here, sent as they send them.

`requests.json` has them with the package and version that each is from: recorded ("recorded with"), or read in its source. Packages that
do run here have tests of their own.
"""

import base64
import http.client
import json
import pathlib
import re

import numpy
import pytest

from command import REPOSITORY
from expected import TEXTS, embed, same

CASES = json.loads((pathlib.Path(__file__).parent / "requests.json").read_text())
# Recipes whose package runs in a test: in this folder, or beside the wheel.
RUNNING = {"LangChain": "tests/clients/test_langchain.py", "LlamaIndex": "tests/clients/test_llama_index.py",
           "Haystack": "tests/python/test_haystack.py",
           "Rerankers": "tests/clients/test_rerank.py"}


def filled(value, texts, key):
    """A body or a header with the test's own texts and key in it."""
    if value == "$TEXTS":
        return texts
    if isinstance(value, str):
        return texts[0] if value == "$TEXT" else value.replace("$KEY", key)
    if isinstance(value, dict):
        return {name: filled(item, texts, key) for name, item in value.items()}
    return [filled(item, texts, key) for item in value] if isinstance(value, list) else value


def send(server, case, texts):
    """The request to the byte: no header that the client does not send."""
    key = getattr(server, "key", "")
    connection = http.client.HTTPConnection(*server.address, timeout=60)
    try:
        connection.putrequest(case["method"], case["path"], skip_accept_encoding=True)
        body = None if "body" not in case else json.dumps(filled(case["body"], texts, key)).encode()
        for name, value in case.get("headers", {}).items():
            connection.putheader(name, filled(value, texts, key))
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def read(answer, path):
    """The vectors where the client looks for them."""
    if path == "data[].embedding":
        assert [item["index"] for item in answer["data"]] == list(range(len(answer["data"])))
        assert answer["object"] == "list" and {item["object"] for item in answer["data"]} == {"embedding"}
        assert answer["usage"]["prompt_tokens"] > 0 and answer["usage"]["total_tokens"] > 0
        vectors = [item["embedding"] for item in answer["data"]]
        return [numpy.frombuffer(base64.b64decode(v), "<f4") if isinstance(v, str) else v for v in vectors]
    if path == "vector":
        assert answer["dims"] == len(answer["vector"]) and not answer.get("error")
        return [answer["vector"]]
    if path == "vectors":
        assert {len(vector) for vector in answer["vectors"]} == {answer["dims"]}
        return answer["vectors"]
    return answer if path == "[]" else answer[path]


def name_of(case):
    return f"{case['recipe']}: {case['name']}"


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_request(request, case):
    server = request.getfixturevalue("server" if "$KEY" in json.dumps(case.get("headers", {})) else "open_server")
    texts = case.get("texts", TEXTS)
    status, body = send(server, case, texts)
    assert status == case.get("status", 200), body
    if "answer" not in case:
        return
    answer = json.loads(body)
    if "holds" in case:
        assert case["holds"].items() <= answer.items(), answer
    single = '"$TEXT"' in json.dumps(case["body"])
    wanted = embed(server, texts[:1] if single else texts, *case.get("flags", []))
    assert same(read(answer, case["answer"]), wanted)


@pytest.fixture(scope="session")
def open_server(home):
    """jina-embeddings-v3 in the small, without keys."""
    from process import Served

    with Served(home) as served:
        yield served


def test_every_recipe_is_tested():
    recipes = re.findall(r"^## (.+)$", (REPOSITORY / "docs/integrations.md").read_text(), re.MULTILINE)
    recipes.remove("Choose the task first")
    assert {case["recipe"] for case in CASES} | set(RUNNING) == set(recipes)
    for path in RUNNING.values():
        assert (REPOSITORY / path).exists()


def test_every_request_says_where_it_is_from():
    for case in CASES:
        assert case["package"] and case["version"], name_of(case)
        assert case["source"].startswith("recorded with ") or "/" in case["source"], name_of(case)


def test_the_recipes_name_the_tasks_that_are_tested():
    """A recipe whose request has the suffix or the field shows it."""
    text = (REPOSITORY / "docs/integrations.md").read_text()
    for case in CASES:
        model = case.get("body", {}).get("model", "") if isinstance(case.get("body"), dict) else ""
        section = text.split(f"\n## {case['recipe']}\n")[1].split("\n## ")[0]
        if ":" in model:
            assert model.partition(":")[2] in section, name_of(case)
