# SPDX-License-Identifier: Apache-2.0
"""What the user of the SDK sees when something is wrong."""

import json

import pytest

from sdk import APP, MODEL, PAT, USER, VERSION, of_the_server, serve, stub_of, url_of

CHECKS_AT_ONCE = VERSION >= (11, 10, 0)  # the constructor asks for the model


def refused(connect, *arguments, **options):
    """The exception of a client that must not get an answer, and where it came: True = in the constructor."""
    with pytest.raises(Exception) as caught:
        model = connect(*arguments, **options)
        assert not CHECKS_AT_ONCE, "the constructor succeeded"
        model.predict(input="a")
    return str(caught.value)


@pytest.mark.parametrize("pat", ["wrong", PAT + "x", PAT[:-1], "Key"])
def test_wrong_pat(connect, pat):
    message = refused(connect, pat=pat)
    assert "CONN_KEY_NOT_FOUND" in message and "API key not found" in message


def test_no_pat(connect):
    from clarifai.errors import UserError
    error, says = (UserError, "Authentication") if CHECKS_AT_ONCE else (AssertionError, "Need 'pat'")
    with pytest.raises(error, match=says):
        connect(pat=None)


@of_the_server
@pytest.mark.parametrize("metadata, code", [
    ((), 11102), ([("authorization", "")], 11102), ([("authorization", "Key")], 11102),
    ([("authorization", PAT)], 11102),
    ([("authorization", f"Basic {PAT}")], 11102), ([("authorization", "Key wrong")], 11009),
    ([("authorization", f"Key {PAT}")], 10000), ([("authorization", f"Bearer {PAT}")], 10000)])
def test_keys_are_checked_in_every_call(server, metadata, code):
    from clarifai_grpc.grpc.api import service_pb2
    stub = stub_of(server.url)
    owner = {"user_id": USER, "app_id": APP}
    version = service_pb2.GetModelVersionRequest(user_app_id=owner, model_id=MODEL)
    outputs = service_pb2.PostModelOutputsRequest(user_app_id=owner, model_id=MODEL)
    outputs.inputs.add().data.text.raw = "a"
    answers = [
        stub.GetModel(service_pb2.GetModelRequest(user_app_id=owner, model_id=MODEL), metadata=metadata),
        stub.GetModelVersion(version, metadata=metadata),
        stub.ListModelVersions(service_pb2.ListModelVersionsRequest(user_app_id=owner, model_id=MODEL),
                               metadata=metadata),
        stub.ListModels(service_pb2.ListModelsRequest(user_app_id=owner), metadata=metadata),
        stub.GetModelType(service_pb2.GetModelTypeRequest(user_app_id=owner, model_type_id="text-embedder"),
                          metadata=metadata),
        stub.GetUser(service_pb2.GetUserRequest(user_app_id=owner), metadata=metadata),
        stub.PostModelOutputs(outputs, metadata=metadata),
        *stub.GenerateModelOutputs(outputs, metadata=metadata),
        *stub.StreamModelOutputs(iter([outputs]), metadata=metadata),
    ]
    assert [answer.status.code for answer in answers] == [code] * 9
    for answer in answers[-3:]:
        assert answer.outputs[0].status.code == code
    assert code == 10000 or all(answer.status.description and answer.status.details for answer in answers)


@pytest.mark.parametrize("parts, says", [
    ({"model": "no-such-model"}, f"there is no model no-such-model; this server has {MODEL}"),
    ({"model": MODEL.upper()}, f"there is no model {MODEL.upper()}; this server has {MODEL}"),
    ({"user": "somebody"}, f"this server's models belong to user {USER}, app {APP}"),
    ({"app": "other"}, f"this server's models belong to user {USER}, app {APP}"),
    ({"version": "17"}, "there is no version 17 of the model"),
])
def test_unknown_model(connect, parts, says):
    message = refused(connect, url_of(**parts))
    assert "MODEL_DOES_NOT_EXIST" in message
    assert says in message.replace("\\'", "'")


@pytest.mark.parametrize("arguments, says", [
    ({"task": "translation", "input": "a"}, ["task", "translation", "retrieval.query"]),
    ({"dimensions": 0, "input": "a"}, ["dimensions", "1024"]),
    ({"dimensions": 1025, "input": "a"}, ["dimensions", "1024"]),
    ({"dimensions": -1, "texts": ["a"]}, ["dimensions", "1024"]),
    ({"input": "a", "texts": ["a"]}, ["input", "texts"]),
    ({}, ["input", "texts"]),
    ({"task": "separation"}, ["input", "texts"]),
    ({"texts": ["a"] * 2049}, ["texts", "2049", "2048"]),
    ({"texts": ["a", ""], "late_chunking": True}, ["chunk 1"]),
])
def test_a_wrong_argument_is_named(v3_model, arguments, says):
    with pytest.raises(Exception, match="MODEL_INVALID_ARGUMENT") as caught:
        v3_model.predict(**arguments)
    for part in says:
        assert part in str(caught.value)


def test_what_the_sdk_refuses_by_itself(model):
    for arguments in ({"text": "a"}, {"inputs": "a"}, {"input": ["a"]}, {"input": 1}, {"texts": 1}, {"texts": [1]}):
        with pytest.raises(Exception) as caught:
            model.predict(**arguments)
        assert "code" not in str(caught.value), "the server was asked"


def test_one_wrong_call_of_several_fails_them_all(v3_model):
    with pytest.raises(Exception, match="MODEL_INVALID_ARGUMENT"):
        v3_model.predict([{"input": "a"}, {"input": "b", "task": "translation"}])
    assert v3_model.predict(input="a")


def test_the_key_is_told_nobody(connect, server):
    secret = "pat-of-somebody-else"
    assert secret not in refused(connect, pat=secret)
    assert secret not in server.log


@of_the_server
def test_a_message_over_the_limit(home, default_model, connect):
    with serve(home, "--max-body", "64Ki", model=default_model) as served:
        model = connect(base_url=served.url)
        with pytest.raises(Exception, match="RESOURCE_EXHAUSTED"):
            model.predict(input="a" * 100_000)
        assert len(model.predict(input="a")) == 384


def test_openai_transport(model):
    for message, says in [("no json", "json"), ("{}", "openai_endpoint"), ("[]", "object"),
                          (json.dumps({"openai_endpoint": "/chat/completions", "messages": []}), "/embeddings"),
                          (json.dumps({"openai_endpoint": "/embeddings"}), "input"),
                          (json.dumps({"openai_endpoint": "/embeddings", "input": "a", "dimensions": 0}),
                           "dimensions")]:
        with pytest.raises(Exception) as caught:
            model.openai_transport(msg=message)
        assert "MODEL_INVALID_ARGUMENT" in str(caught.value) and says in str(caught.value).lower()
