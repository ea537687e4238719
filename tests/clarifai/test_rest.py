# SPDX-License-Identifier: Apache-2.0
"""The same over HTTP/1.1 and JSON: what curl sends, clarifai-grpc's JSON channel, OpenAI's client."""

import base64
import json
import struct

import pytest

from sdk import APP, MODEL, PAT, USER, floats, since, url_of, wanted

pytestmark = since(12, 0, 0)  # nothing of the SDK is used, or what all versions share
TEXTS = ["Hello, world!", "\u6f22\u5b57 \U0001f600", "blank ends ", "a"]
PREFIX = f"/v2/users/{USER}/apps/{APP}"


def ask(served, method, path, body=None, key=f"Key {PAT}"):
    """The status and the JSON of the reply."""
    reply = served.call(method, path, body, {"Authorization": key} if key else {})
    assert reply.headers["Content-Type"].startswith("application/json"), reply.body
    return reply.status, reply.json()


def raw_inputs(texts, **more):
    return {"inputs": [{"id": f"i{i}", "data": {"text": {"raw": text}}} for i, text in enumerate(texts)], **more}


def rows_of(answer):
    assert answer["status"]["code"] == 10000 and answer["status"]["description"] == "Ok"
    rows = []
    for output in answer["outputs"]:
        assert output["status"]["code"] == 10000
        (embedding,) = output["data"]["embeddings"]
        assert embedding["num_dimensions"] == len(embedding["vector"])
        rows.append(floats(embedding["vector"]))
    return rows


@pytest.mark.parametrize("path", [
    f"{PREFIX}/models/{MODEL}/outputs", f"{PREFIX}/models/{MODEL}/versions/1/outputs", f"/v2/models/{MODEL}/outputs",
    f"/v2/models/{MODEL}/versions/1/outputs", f"/v2/users/me/apps/{APP}/models/{MODEL}/outputs"])
def test_outputs(server, path):
    status, answer = ask(server, "POST", path, raw_inputs(TEXTS))
    assert status == 200 and rows_of(answer) == wanted(server, TEXTS)
    assert [output["input"]["id"] for output in answer["outputs"]] == ["i0", "i1", "i2", "i3"]
    assert all("created_at" in output for output in answer["outputs"])


def test_outputs_of_a_deployment(server):
    body = raw_inputs(TEXTS, user_app_id={"user_id": USER, "app_id": APP}, model_id=MODEL)
    status, answer = ask(server, "POST", f"/v2/users/{USER}/deployments/mine/outputs", body)
    assert status == 200 and rows_of(answer) == wanted(server, TEXTS)


def test_generate(server):
    for path in (f"{PREFIX}/models/{MODEL}/outputs/generate", f"{PREFIX}/models/{MODEL}/versions/1/outputs/generate"):
        status, answer = ask(server, "POST", path, raw_inputs(TEXTS[:1]))
        assert status == 200
        assert rows_of(answer.get("result", answer)) == wanted(server, TEXTS[:1])


def test_parameters(v3):
    body = raw_inputs(TEXTS, model={"model_version": {"output_info": {"params": {"task": "retrieval.query",
                                                                                "dimensions": 64}}}})
    status, answer = ask(v3, "POST", f"{PREFIX}/models/{MODEL}/outputs", body)
    assert status == 200 and rows_of(answer) == wanted(v3, TEXTS, task="retrieval.query", dimensions=64)


def test_methods(server):
    def call(**arguments):
        parts = [{"id": name, "data": data} for name, data in arguments.items()]
        body = {"inputs": [{"data": {"metadata": {"_method_name": "predict"}, "parts": parts}}]}
        status, answer = ask(server, "POST", f"{PREFIX}/models/{MODEL}/outputs", body)
        assert status == 200
        (part,) = answer["outputs"][0]["data"]["parts"]
        assert part["id"] == "return"
        return part["data"]["struct_value"]["_list"], json.loads(part["data"]["string_value"])
    for form in call(input={"string_value": "a"}):
        assert floats(form) == wanted(server, ["a"])[0]
    for form in call(texts={"parts": [{"data": {"string_value": "a"}}, {"data": {"string_value": "b"}}]}):
        assert [floats(row) for row in form] == wanted(server, ["a", "b"])


@pytest.mark.parametrize("prefix", ["/v2", PREFIX])
def test_descriptions(server, prefix):
    status, answer = ask(server, "GET", f"{prefix}/models/{MODEL}")
    assert status == 200 and answer["status"]["code"] == 10000
    assert (answer["model"]["id"], answer["model"]["model_type_id"]) == (MODEL, "text-embedder")
    version = answer["model"]["model_version"]
    assert version["status"]["code"] == 21100
    names = {method["name"] for method in version["method_signatures"]}
    assert names == {"predict", "openai_transport"}
    status, answer = ask(server, "GET", f"{prefix}/models/{MODEL}/versions")
    assert status == 200 and [one["id"] for one in answer["model_versions"]] == [version["id"]]
    status, answer = ask(server, "GET", f"{prefix}/models/{MODEL}/versions/{version['id']}")
    assert status == 200 and answer["model_version"]["id"] == version["id"]
    status, answer = ask(server, "GET", f"{prefix}/models")
    assert status == 200 and MODEL in [one["id"] for one in answer["models"]]
    status, answer = ask(server, "GET", f"{prefix}/models/types/text-embedder")
    assert status == 200 and answer["model_type"]["input_fields"] == ["text"]


def test_pages_end(server):
    for what, key in (("models", "models"), (f"models/{MODEL}/versions", "model_versions")):
        _, first = ask(server, "GET", f"{PREFIX}/{what}?page=1&per_page=10")
        status, second = ask(server, "GET", f"{PREFIX}/{what}?page=2&per_page=10")
        assert first[key] and status == 200 and not second.get(key)


def test_users_deployments_and_codes(server):
    status, answer = ask(server, "GET", f"/v2/users/{USER}")
    assert status == 200 and answer["user"]["id"] == USER
    status, answer = ask(server, "GET", f"/v2/users/{USER}/deployments/mine")
    assert status == 200 and answer["deployment"]["id"] == "mine"
    status, answer = ask(server, "GET", "/v2/status_codes")
    assert status == 200 and 10000 in [entry["code"] for entry in answer.get("statuses", answer.get("status_codes"))]


@pytest.mark.parametrize("key, code", [(None, 11102), ("", 11102), (PAT, 11102), ("Key", 11102), ("Key wrong", 11009),
                                       ("Bearer wrong", 11009)])
def test_keys(server, key, code):
    for method, path, body in [("POST", f"{PREFIX}/models/{MODEL}/outputs", raw_inputs(["a"])),
                               ("GET", f"{PREFIX}/models/{MODEL}", None), ("GET", "/v2/models", None)]:
        status, answer = ask(server, method, path, body, key)
        assert (status, answer["status"]["code"]) == (401, code)
        assert answer["status"]["description"] and PAT not in json.dumps(answer)


@pytest.mark.parametrize("path, body, status, code, says", [
    (f"{PREFIX}/models/other/outputs", raw_inputs(["a"]), 404, 21200, "other"),
    (f"/v2/users/somebody/apps/{APP}/models/{MODEL}/outputs", raw_inputs(["a"]), 404, 21200, USER),
    (f"{PREFIX}/models/{MODEL}/versions/17/outputs", raw_inputs(["a"]), 404, 21200, "17"),
    (f"{PREFIX}/models/{MODEL}/outputs", b"{", 400, 11102, "JSON"),
    (f"{PREFIX}/models/{MODEL}/outputs", b"[]", 400, 11102, "expected a JSON object"),
    (f"{PREFIX}/models/{MODEL}/outputs", {"inputs": 7}, 400, 11102, "inputs"),
    (f"{PREFIX}/models/{MODEL}/outputs", {"inputs": [{"data": {"text": {"raw": 7}}}]}, 400, 11102, "raw"),
    (f"{PREFIX}/models/{MODEL}/outputs", {"inputs": [{"data": {"text": {"url": "http://h/x"}}}]}, 400, 30101, "url"),
    (f"{PREFIX}/models/{MODEL}/outputs", b'{"inputs":' + b"[" * 10000, 400, 11102, "JSON"),
    (f"{PREFIX}/models/{MODEL}/outputs", raw_inputs(["a"], model={"model_version": {"output_info": {
        "params": {"dimensions": 0}}}}), 400, 21202, "dimensions"),
])
def test_errors(server, path, body, status, code, says):
    got, answer = ask(server, "POST", path, body)
    assert (got, answer["status"]["code"]) == (status, code)
    assert says in json.dumps(answer)


def test_paths_and_methods_that_are_not(server):
    status, answer = ask(server, "GET", "/v2/nonsense")
    assert (status, answer["status"]["code"]) == (404, 11101)
    status, answer = ask(server, "GET", f"{PREFIX}/models/{MODEL}/outputs")
    assert (status, answer["status"]["code"]) == (405, 11103)


def test_fields_that_are_not_known_are_passed_over(server):
    """The hosted API's requests have many more than are looked at here."""
    body = raw_inputs(["a"], use_predict_cache=True, runner_selector={"deployment": {"id": "d"}})
    body["inputs"][0]["data"]["image"] = None
    status, answer = ask(server, "POST", f"{PREFIX}/models/{MODEL}/outputs", body)
    assert status == 200 and rows_of(answer) == wanted(server, ["a"])


@pytest.fixture(scope="module")
def stub(server):
    """clarifai-grpc's own way to speak JSON."""
    from clarifai_grpc.channel.clarifai_channel import ClarifaiChannel
    from clarifai_grpc.grpc.api import service_pb2_grpc
    return service_pb2_grpc.V2Stub(ClarifaiChannel.get_json_channel(base_url=server.url))


def test_json_channel(server, stub):
    from clarifai_grpc.grpc.api import resources_pb2, service_pb2
    owner, key = resources_pb2.UserAppIDSet(user_id=USER, app_id=APP), (("authorization", f"Key {PAT}"),)
    request = service_pb2.PostModelOutputsRequest(user_app_id=owner, model_id=MODEL)
    for text in TEXTS:
        request.inputs.add().data.text.raw = text
    answer = stub.PostModelOutputs(request, metadata=key)
    assert answer.status.code == 10000
    assert [floats(output.data.embeddings[0].vector) for output in answer.outputs] == wanted(server, TEXTS)
    request.version_id = "1"
    assert stub.PostModelOutputs(request, metadata=key).status.code == 10000
    asked = {"user_app_id": owner, "model_id": MODEL}
    model = stub.GetModel(service_pb2.GetModelRequest(**asked), metadata=key)
    assert (model.status.code, model.model.id, model.model.user_id) == (10000, MODEL, USER)
    version = stub.GetModelVersion(service_pb2.GetModelVersionRequest(**asked, version_id="1"), metadata=key)
    assert version.model_version.method_signatures[0].output_fields[0].type == 7  # JSON_DATA
    versions = stub.ListModelVersions(service_pb2.ListModelVersionsRequest(**asked, page=1, per_page=5), metadata=key)
    assert [one.id for one in versions.model_versions] == ["1"]
    kind = stub.GetModelType(service_pb2.GetModelTypeRequest(user_app_id=owner, model_type_id="text-embedder"),
                             metadata=key)
    assert list(kind.model_type.output_fields) == ["embeddings"]
    models = stub.ListModels(service_pb2.ListModelsRequest(user_app_id=owner, page=1, per_page=5), metadata=key)
    assert MODEL in [one.id for one in models.models]


def test_json_channel_errors(stub):
    from clarifai_grpc.grpc.api import resources_pb2, service_pb2
    owner = resources_pb2.UserAppIDSet(user_id=USER, app_id=APP)
    request = service_pb2.PostModelOutputsRequest(user_app_id=owner, model_id=MODEL)
    request.inputs.add().data.text.url = "http://127.0.0.1:9/x.txt"
    assert stub.PostModelOutputs(request, metadata=(("authorization", f"Key {PAT}"),)).status.code == 30101
    assert stub.PostModelOutputs(request, metadata=(("authorization", "Key wrong"),)).status.code == 11009
    request.model_id = "other"
    assert stub.PostModelOutputs(request, metadata=(("authorization", f"Key {PAT}"),)).status.code == 21200


@pytest.fixture(scope="module")
def openai_client(server):
    import openai
    with openai.OpenAI(base_url=server.url + "/v2/ext/openai/v1", api_key=PAT, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("name", [url_of(), url_of(version="1")])
def test_openai(server, openai_client, name):
    """The client asks for base64 unless told otherwise."""
    answer = openai_client.embeddings.create(model=name, input=TEXTS)
    assert [floats(item.embedding) for item in answer.data] == wanted(server, TEXTS)
    assert answer.usage.total_tokens == answer.usage.prompt_tokens > len(TEXTS)
    as_numbers = openai_client.embeddings.create(model=name, input=TEXTS[0], encoding_format="float", dimensions=64)
    assert floats(as_numbers.data[0].embedding) == wanted(server, TEXTS[:1], dimensions=64)[0]
    body = {"model": name, "input": "a", "encoding_format": "base64"}
    reply = server.call("POST", "/v2/ext/openai/v1/embeddings", body, {"Authorization": f"Bearer {PAT}"})
    packed = base64.b64decode(reply.json()["data"][0]["embedding"])
    assert packed == wanted(server, ["a"])[0] and len(struct.unpack("<384f", packed)) == 384


def test_openai_errors(server, openai_client):
    import openai
    with pytest.raises(openai.NotFoundError, match="other"):
        openai_client.embeddings.create(model=url_of("other"), input="a")
    with pytest.raises(openai.NotFoundError):
        openai_client.embeddings.create(model=url_of(user="somebody"), input="a")
    with pytest.raises(openai.BadRequestError, match="dimensions"):
        openai_client.embeddings.create(model=url_of(), input="a", dimensions=0)
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=server.url + "/v2/ext/openai/v1", api_key="wrong").embeddings.create(
            model=url_of(), input="a")
