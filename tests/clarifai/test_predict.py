# SPDX-License-Identifier: Apache-2.0
"""model.predict() and its relatives: vectors are those of POST /v1/embeddings, bit by bit."""

import asyncio
import json
import re
import subprocess
import sys

import pytest

from sdk import (APP, MODEL, PAT, USER, VERSION, Served, bits, floats, of_the_server, serve, since, url_of, wanted,
                 wanted_of_nothing)
from command import REPOSITORY

TEXTS = ["Hello, world!", "Zwei Zeilen\nsind genug.", "\u6f22\u5b57 and emoji \U0001f600", "e\u0301 \u0000 \ufffd",
         " blank ends ", "word " * 2000]
TASKS = ["retrieval.query", "retrieval.passage", "separation", "classification", "text-matching", "none"]


def test_one_text(server, model):
    for text, row in zip(TEXTS, wanted(server, TEXTS), strict=True):
        vector = model.predict(input=text)
        assert type(vector) is list and {type(value) for value in vector} == {float}
        assert bits(vector) == row
        assert model.predict(text) == vector


def test_texts(server, model):
    rows = model.predict(texts=TEXTS)
    assert type(rows) is list and type(rows[0]) is list
    assert [bits(row) for row in rows] == wanted(server, TEXTS)
    assert model.predict(texts=TEXTS[:1]) == rows[:1]
    assert model.predict(texts=[]) == []


def test_an_empty_text(server, model):
    nothing = wanted_of_nothing(server)
    assert bits(model.predict(input="")) == nothing
    rows = model.predict(texts=["a", "", "b", ""])
    assert [bits(row) for row in rows] == [wanted(server, ["a"])[0], nothing, wanted(server, ["b"])[0], nothing]


def test_none_is_as_if_not_given(model):
    assert model.predict(input="a", texts=None, task=None) == model.predict(input="a")
    assert model.predict(input=None, texts=["a"]) == [model.predict(input="a")]


def test_a_list_of_calls(server, model):
    row = wanted(server, TEXTS)
    one, two, many = model.predict([{"input": TEXTS[0]}, {"input": TEXTS[1]}, {"texts": TEXTS[2:]}])
    assert [bits(one), bits(two), *map(bits, many)] == row
    assert model.predict([{"input": TEXTS[0]}]) == [one]
    assert len(model.predict([{"input": str(i)} for i in range(128)])) == 128


def test_five_hundred_texts(server, model):
    texts = [f"text {i} of many" for i in range(500)]
    rows = model.predict(texts=texts)
    assert [bits(row) for row in rows] == wanted(server, texts)


def test_a_text_of_five_megabytes(server, model):
    text = "The cat sat on the mat. " * (5_000_000 // 24)
    assert [bits(model.predict(input=text))] == wanted(server, [text])


def test_one_thousand_and_twenty_four_floats(v3, v3_model):
    vector = v3_model.predict(input="What is late chunking?")
    assert len(vector) == 1024
    assert [bits(vector)] == wanted(v3, ["What is late chunking?"])


@pytest.mark.parametrize("task", TASKS)
def test_task(v3, v3_model, task):
    texts = TEXTS[:5]
    rows = v3_model.predict(texts=texts, task=task)
    assert [bits(row) for row in rows] == wanted(v3, texts, task=task)
    assert (rows == v3_model.predict(texts=texts)) == (task == "text-matching")
    assert v3_model.predict(input=texts[0], task=task) == rows[0]


def test_dimensions(v3, v3_model):
    rows = v3_model.predict(texts=TEXTS[:5], dimensions=96)
    assert [bits(row) for row in rows] == wanted(v3, TEXTS[:5], dimensions=96)
    assert len(v3_model.predict(input="a", dimensions=1)) == 1


def test_late_chunking(v3, v3_model):
    chunks = ["Berlin is the capital of Germany.", "It has 3.8 million inhabitants."]
    rows = v3_model.predict(texts=chunks, late_chunking=True)
    assert [bits(row) for row in rows] == wanted(v3, chunks, late_chunking=True)
    apart = v3_model.predict(texts=chunks, late_chunking=False)
    assert apart == v3_model.predict(texts=chunks) and apart != rows


def test_all_options_together(v3, v3_model):
    (rows,) = v3_model.predict([{"texts": ["One.", "Two."], "task": "retrieval.passage", "dimensions": 64,
                                 "late_chunking": True}])
    assert [bits(row) for row in rows] == wanted(v3, ["One.", "Two."], task="retrieval.passage", dimensions=64,
                                                 late_chunking=True)


def test_the_model_of_one_text(server, connect):
    single = connect(url_of(MODEL + "-single"))
    assert single.client.method_signature("predict") == "def predict(input: str) -> List[float]:"
    for text, row in zip(TEXTS, wanted(server, TEXTS), strict=True):
        assert bits(single.predict(input=text)) == row
    assert single.predict("a") == single.predict(input="a")
    with pytest.raises(TypeError, match="texts"):
        single.predict(texts=["a"])


def test_the_model_of_texts(server, connect):
    batch = connect(url_of(MODEL + "-batch"))
    assert batch.client.method_signature("predict") == "def predict(texts: List[str]) -> List[List[float]]:"
    assert [bits(row) for row in batch.predict(texts=TEXTS)] == wanted(server, TEXTS)
    assert batch.predict(["a", "b"]) == batch.predict(texts=["a", "b"])
    assert batch.predict(texts=[]) == []
    with pytest.raises(TypeError, match="input"):
        batch.predict(input="a")


@since(11, 6, 0)
def test_async(server, connect):
    """It has to be awaited twice, in every version that has it."""
    async def run():
        model = connect()
        first = await model.async_predict(texts=TEXTS)
        return [await first, *await asyncio.gather(*[
            await model.async_predict(input=text) for text in TEXTS])]
    rows, *each = asyncio.run(run())
    assert [bits(row) for row in rows] == [bits(row) for row in each] == wanted(server, TEXTS)


def test_the_names_of_the_methods(model):
    assert {"predict", "openai_transport"} == set(model.available_methods())
    signature = model.client.method_signature("predict")
    for part in ("input: str", "texts: List[str]", "task: str", "dimensions: int", "late_chunking: bool"):
        assert part in signature
    assert model.client.predict.__doc__ or VERSION >= (11, 10, 0)  # the wrapper has none of it there


def test_arguments_are_described(connect, v3):
    model = connect(base_url=v3.url)
    model.client.fetch()
    fields = {field.name: field for field in model.client._method_signatures["predict"].input_fields}
    assert list(fields) == ["input", "texts", "task", "dimensions", "late_chunking"]
    assert all(field.description and not field.required for field in fields.values())
    assert all(task in fields["task"].description for task in TASKS)
    assert "1024" in fields["dimensions"].description


def test_the_sdk_writes_a_script_for_the_model(connect):
    """One for OpenAI's client, where there is openai_transport; of a model's kind it knows nothing."""
    script = connect().client.generate_client_script()
    compile(script, "script", "exec")
    assert MODEL in script


def test_openai_transport(server, model):
    body = {"openai_endpoint": "/embeddings", "model": MODEL, "input": TEXTS}
    answer = json.loads(model.openai_transport(msg=json.dumps({**body, "encoding_format": "float"})))
    assert answer["object"] == "list" and answer["usage"]["total_tokens"] > len(TEXTS)
    assert [item["index"] for item in answer["data"]] == list(range(len(TEXTS)))
    assert [floats(item["embedding"]) for item in answer["data"]] == wanted(server, TEXTS)


def test_load_info(model, connect):
    fresh = connect()
    fresh.load_info()
    assert (fresh.id, fresh.user_id, fresh.app_id) == (MODEL, USER, APP)
    assert fresh.model_info.model_type_id == "text-embedder"
    assert fresh.model_version.id and fresh.model_version.status.code == 21100
    # From here on every request carries what was loaded.
    assert fresh.predict(input="a") == model.predict(input="a")
    assert MODEL in str(connect())


def test_versions(model, connect):
    (version,) = model.list_versions()
    assert version.id == MODEL and version.model_version.id
    there = connect(url_of(version=version.model_version.id))
    assert there.predict(input="a") == model.predict(input="a")


def test_a_model_by_its_ids(connect, model):
    from clarifai.client import Model
    by_ids = Model(model_id=MODEL, user_id=USER, app_id=APP, pat=PAT)
    assert by_ids.predict(input="a") == model.predict(input="a")


@pytest.mark.parametrize("where", [{"deployment_id": "mine"}, {"compute_cluster_id": "c", "nodepool_id": "n"}])
def test_where_it_runs_is_taken_for_granted(connect, model, monkeypatch, where):
    monkeypatch.setenv("CLARIFAI_PAT", PAT)  # old SDKs look for the account with this one
    assert connect(**where).predict(input="a") == model.predict(input="a")


def test_generate_and_stream_tell_that_there_are_none(model):
    for method in (model.generate, model.stream):
        with pytest.raises(AttributeError, match="generate|stream"):
            list(method(input="a"))


@since(11, 8, 5)
def test_with_proto(server, model):
    vector, response = model.predict(input="cat " * 5, with_proto=True)
    assert [bits(vector)] == wanted(server, ["cat " * 5])
    assert response.status.code == 10000 and response.outputs[0].prompt_tokens == 7


@since(12, 3, 0)
def test_from_local_grpc(home, default_model, model):
    """Sends no key, no model id and no user, and asks for the signatures by _GET_SIGNATURES."""
    from clarifai.client.model_client import ModelClient
    with serve(home, model=default_model, env={}) as open_to_all:
        client = ModelClient.from_local_grpc(port=open_to_all.address[1])
        assert client.predict(input="a") == model.predict(input="a")


SCRIPT = """
from clarifai.client import Model
model = Model(url=%r)
print(len(model.predict(input="a")), len(model.predict(texts=["a", "b"])))
"""


def test_a_script_with_the_environment_alone(environment):
    done = subprocess.run([sys.executable, "-c", SCRIPT % url_of()], env={**environment, "CLARIFAI_PAT": PAT},
                          text=True, capture_output=True, timeout=300)
    assert done.stdout.split() == ["384", "2"], done.stderr


@of_the_server
def test_the_example(home, v3, environment):
    """The code of examples/clarifai/README.md, served with the configuration beside it."""
    folder = REPOSITORY / "examples" / "clarifai"
    (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.S)
    code += "assert len(vector) == 1024 and [len(row) for row in vectors] == [1024, 1024] and len(query) == 256\n"
    with Served(home, "--config", folder / "config.yaml", model=v3.model, env={"NESTVEC_API_KEYS": PAT}) as served:
        there = {**environment, "CLARIFAI_API_BASE": served.url, "CLARIFAI_PAT": PAT}
        done = subprocess.run([sys.executable, "-c", code], env=there, text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_model_url_is_no_argument_of_the_sdk():
    from clarifai.client import Model
    from clarifai.errors import UserError
    with pytest.raises(UserError, match="url or model_id"):
        Model(model_url=url_of(), pat=PAT)
