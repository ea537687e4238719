# SPDX-License-Identifier: Apache-2.0
"""Inputs as the SDK sent them before models had methods: data.text.raw in, data.embeddings out."""

import json

import pytest

from sdk import APP, MODEL, USER, floats, url_of, wanted, wanted_of_nothing

TEXTS = ["Hello, world!", "\u6f22\u5b57 \U0001f600", "blank ends ", "a"]


def vectors(response):
    assert response.status.code == 10000 and {output.status.code for output in response.outputs} <= {10000}
    rows = []
    for output in response.outputs:
        (embedding,) = output.data.embeddings
        assert embedding.num_dimensions == len(embedding.vector)
        rows.append(floats(embedding.vector))
    return rows


@pytest.fixture(scope="module")
def inputs_of():
    from clarifai.client.input import Inputs
    return lambda texts: [Inputs.get_text_input(str(i), text) for i, text in enumerate(texts)]


def test_bytes(server, model):
    assert vectors(model.predict_by_bytes(b"Hello, world!", input_type="text")) == wanted(server, TEXTS[:1])
    # Without a type the SDK asks for the model and for its model type.
    assert vectors(model.predict_by_bytes(b"Hello, world!")) == wanted(server, TEXTS[:1])


def test_a_file(server, model, tmp_path):
    (tmp_path / "text.txt").write_text(TEXTS[1])
    answer = model.predict_by_filepath(str(tmp_path / "text.txt"), input_type="text")
    assert vectors(answer) == wanted(server, TEXTS[1:2])


def test_inputs(server, model, inputs_of):
    answer = model.predict(inputs=inputs_of(TEXTS))
    assert vectors(answer) == wanted(server, TEXTS)
    assert [output.input.id for output in answer.outputs] == ["0", "1", "2", "3"]
    assert all(output.created_at.seconds > 0 for output in answer.outputs)
    assert vectors(model.predict(inputs_of(TEXTS))) == wanted(server, TEXTS)


def test_an_empty_text(server, model, inputs_of):
    assert vectors(model.predict(inputs=inputs_of(["", "a"]))) == [wanted_of_nothing(server), *wanted(server, ["a"])]


def test_as_many_inputs_as_the_sdk_allows(server, model, inputs_of):
    texts = [f"input {i}" for i in range(128)]
    assert vectors(model.predict(inputs=inputs_of(texts))) == wanted(server, texts)


@pytest.mark.parametrize("params", [{"task": "retrieval.query"}, {"dimensions": 64},
                                    {"task": "separation", "dimensions": 32}])
def test_parameters(v3, v3_model, inputs_of, params):
    answer = v3_model.predict(inputs=inputs_of(TEXTS), inference_params=params)
    assert vectors(answer) == wanted(v3, TEXTS, **params)
    assert vectors(answer) != wanted(v3, TEXTS)
    one = v3_model.predict_by_bytes(TEXTS[0].encode(), input_type="text", inference_params=params)
    assert vectors(one) == vectors(answer)[:1]


@pytest.mark.parametrize("params, says", [({"task": "translation"}, "task"), ({"dimensions": 0}, "dimensions"),
                                          ({"dimensions": 1.5}, "dimensions"), ({"dimensions": 1025}, "1024")])
def test_wrong_parameters(v3_model, inputs_of, params, says):
    with pytest.raises(Exception, match="MODEL_INVALID_ARGUMENT") as caught:
        v3_model.predict(inputs=inputs_of(["a"]), inference_params=params)
    assert says in str(caught.value)


def test_a_url_is_not_fetched(model):
    with pytest.raises(Exception, match="INPUT_UNSUPPORTED_FORMAT") as caught:
        model.predict_by_url("http://127.0.0.1:9/x.txt", input_type="text")
    assert "text.raw" in str(caught.value)


def test_a_picture_is_no_text(model):
    with pytest.raises(Exception, match="INPUT_UNSUPPORTED_FORMAT") as caught:
        model.predict_by_bytes(b"\x89PNG", input_type="image")
    assert "text" in str(caught.value)


def test_generate(server, model, inputs_of):
    (answer,) = model.generate_by_bytes(b"Hello, world!", input_type="text")
    assert vectors(answer) == wanted(server, TEXTS[:1])
    (answer,) = model.generate(inputs=inputs_of(TEXTS))
    assert vectors(answer) == wanted(server, TEXTS)
    with pytest.raises(Exception, match="INPUT_UNSUPPORTED_FORMAT"):
        list(model.generate_by_bytes(b"\x89PNG", input_type="image"))


def test_stream(server, model, inputs_of):
    messages = inputs_of(TEXTS * 20)
    answers = list(model.stream(inputs=iter([[message] for message in messages])))
    assert [vectors(answer)[0] for answer in answers] == wanted(server, TEXTS) * 20


@pytest.fixture(scope="module")
def messages():
    from clarifai_grpc.grpc.api import resources_pb2, service_pb2
    return lambda name, **fields: getattr(service_pb2 if hasattr(service_pb2, name) else resources_pb2, name)(**fields)


def request_of(messages, method=None, model=MODEL):
    request = messages("PostModelOutputsRequest", model_id=model)
    request.user_app_id.user_id, request.user_app_id.app_id = USER, APP
    if method:
        data = request.inputs.add().data
        data.parts.add()
        data.metadata["_method_name"] = method
    return request


def test_signatures_can_be_asked_for(model, connect, messages):
    """What the SDK falls back to when GetModelVersion fails."""
    answer = model.STUB.PostModelOutputs(request_of(messages, "_GET_SIGNATURES"))
    assert answer.status.code == 10000
    assert set(json.loads(answer.outputs[0].data.text.raw)) == {"predict", "openai_transport"}
    model.client.fetch()
    fresh = connect().client
    fresh._fetch_signatures_backup()
    assert fresh._method_signatures == model.client._method_signatures
    single = connect(url_of(MODEL + "-single")).client
    single._fetch_signatures_backup()
    assert [field.name for field in single._method_signatures["predict"].input_fields] == ["input"]


def test_a_request_without_inputs(model, messages):
    answer = model.STUB.PostModelOutputs(request_of(messages))
    assert answer.status.code == 10000 and not answer.outputs


def test_an_unknown_method_names_those_there_are(model, messages):
    answer = model.STUB.PostModelOutputs(request_of(messages, "classify"))
    assert answer.status.code == answer.outputs[0].status.code == 21202
    assert "classify" in answer.status.details and "predict" in answer.status.details


def test_every_model_is_listed_once(model, messages):
    found = model.STUB.ListModels(messages("ListModelsRequest", user_app_id=request_of(messages).user_app_id))
    assert found.status.code == 10000 and MODEL in [one.id for one in found.models]
    assert len({one.id for one in found.models}) == len(found.models)
