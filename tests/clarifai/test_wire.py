# SPDX-License-Identifier: Apache-2.0
"""The bytes that SDK 12.5.0 has sent (tests/data/clarifai/wire.json), sent again to a running server."""

import json

import pytest

from sdk import PAT, floats, since, wanted, wanted_of_nothing
from command import DATA

pytestmark = since(12, 0, 0)  # one version is enough: the SDK only reads the answers here
WIRE = json.loads((DATA / "clarifai" / "wire.json").read_text())
REQUESTS = [(entry["call"], entry["rpc"], bytes.fromhex(entry["hex"])) for entry in WIRE["requests"]]
ANSWERS = {"GetModel": "SingleModelResponse", "GetModelVersion": "SingleModelVersionResponse",
           "GetModelType": "SingleModelTypeResponse", "ListModelVersions": "MultiModelVersionResponse",
           "PostModelOutputs": "MultiOutputResponse"}
# What the predictions among them ask for: the texts, and the form of the answer.
PREDICTIONS = {
    'predict(input="hello") (first call)': (["hello"], "one"),
    'predict(input="") ': ([""], "one"),
    'predict(texts=["a","b"])': (["a", "b"], "many"),
    "predict(texts=[])": ([], "many"),
    'predict([{"input":"a"},{"input":"b"}])': (["a", "b"], "each"),
    'predict_by_bytes(b"hi", input_type="text")': (["hi"], "embedding"),
    'predict(inputs=[get_text_input("1","t")], inference_params={"task":"retrieval.query"})': (["t"], "embedding"),
}


@pytest.fixture(scope="module")
def send(server):
    import grpc
    from clarifai_grpc.grpc.api import service_pb2
    channel = grpc.insecure_channel(server.url.rpartition("/")[2])

    def send(rpc, body, *metadata):
        call = channel.unary_unary("/clarifai.api.V2/" + rpc, request_serializer=bytes,
                                   response_deserializer=getattr(service_pb2, ANSWERS[rpc]).FromString)
        return call(body, timeout=60, metadata=[("authorization", f"Key {PAT}"), *metadata])
    yield send
    channel.close()


def recorded(call, rpc="PostModelOutputs"):
    return next(body for name, kind, body in REQUESTS if (name, kind) == (call, rpc))


def of_version_v1(body):
    """Some requests name the version "v1" of the server that they were recorded with; this one has "1"."""
    return b"\x1a\x02v1" in body


def test_every_recording_is_answered(send):
    for call, rpc, body in REQUESTS:
        answer = send(rpc, body)
        if of_version_v1(body):
            assert answer.status.code == 21200 and "v1" in answer.status.details, call
        elif call.startswith("predict_by_url"):
            assert answer.status.code == answer.outputs[0].status.code == 30101
        else:
            assert answer.status.code == 10000, (call, rpc, answer.status)
    assert {rpc for _, rpc, _ in REQUESTS} == set(ANSWERS)
    asked = {call for call, rpc, body in REQUESTS if rpc == "PostModelOutputs" and not of_version_v1(body)}
    assert asked - {'predict_by_url("https://h/x.txt", input_type="text")'} == set(PREDICTIONS)


def of_value(value):
    return [[floats([number.number_value for number in row.list_value.values]) for row in value.values]
            if value.values and value.values[0].HasField("list_value")
            else floats([number.number_value for number in value.values])]


def of_struct(data):
    assert set(data.struct_value.fields) == {"_list"}
    return of_value(data.struct_value.fields["_list"].list_value)[0]


def of_text(data):
    rows = json.loads(data.string_value)
    return [floats(row) for row in rows] if rows and isinstance(rows[0], list) else floats(rows)


@pytest.mark.parametrize("sdk, carriers", [
    (None, {"struct", "string"}), ("sdk-python-12.5.0", {"struct"}), ("sdk-python-11.10.3", {"struct"}),
    ("sdk-python-11.10.2", {"string"}), ("sdk-python-11.5.0", {"string"})])
@pytest.mark.parametrize("call", PREDICTIONS)
def test_predictions(server, send, call, sdk, carriers):
    texts, form = PREDICTIONS[call]
    rows = [wanted_of_nothing(server)] if texts == [""] else wanted(server, texts) if texts else []
    header = [("x-clarifai-request-id-prefix", sdk)] if sdk else []
    answer = send("PostModelOutputs", recorded(call), *header)
    assert len(answer.outputs) == (len(texts) if form == "each" else 1)
    for output, row in zip(answer.outputs, rows or [None]):
        assert output.status.code == 10000
        if form == "embedding":
            assert [floats(one.vector) for one in output.data.embeddings] == [row]
            continue
        (part,) = output.data.parts
        assert part.id == "return"
        expected = rows if form == "many" else row
        assert part.data.HasField("struct_value") == ("struct" in carriers)
        assert bool(part.data.string_value) == ("string" in carriers)
        if "struct" in carriers and texts:
            assert of_struct(part.data) == expected
        if "string" in carriers:
            assert of_text(part.data) == (expected if texts else b"")


def test_every_number_is_set(send):
    """The SDK raises on a value that is not, zeros included."""
    answer = send("PostModelOutputs", recorded('predict(texts=["a","b"])'), ("x-clarifai-request-id-prefix",
                                                                          "sdk-python-12.5.0"))
    rows = answer.outputs[0].data.parts[0].data.struct_value.fields["_list"].list_value.values
    assert all(number.HasField("number_value") for row in rows for number in row.list_value.values)


def test_damaged_bytes_end_nothing(send, server):
    import grpc
    body = recorded('predict(texts=["a","b"])')
    for length in range(0, len(body), 3):
        try:
            send("PostModelOutputs", body[:length])
        except grpc.RpcError as error:  # not a message: gRPC's own word, not the server's
            assert error.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNIMPLEMENTED)
    assert send("PostModelOutputs", body).status.code == 10000
    assert server.process.poll() is None
