# SPDX-License-Identifier: Apache-2.0
"""gRPC as clients of text-embeddings-inference use it: a real server, grpcio, messages by name."""

import json
import re
import signal
import subprocess
import threading

import grpc
import numpy
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from collector import attributes_of, collector, spans_of
from command import REPOSITORY
from process import Served
from waiting import wait_until

# What the server has from grpc++ itself.
STANDARD = """
syntax = "proto3";
package %s;
message Request { string service = 1; string list_services = 7; string symbol = 4; }
message Name { string name = 1; }
message Names { repeated Name service = 1; }
message Files { repeated bytes file_descriptor_proto = 1; }
message Response { int32 status = 1; Files files = 4; Names names = 6; }
"""
MAX_TOKENS = 1024
LONG = "cat " * 450  # takes the small model some time
TEXTS = ["Hello, world!", "Zwei Zeilen sind genug.", "\u6f22\u5b57 and emoji \U0001f600", "a" * 300]


class Messages:
    """Classes of the messages of .proto files, by full name."""

    def __init__(self, *files):
        self.pool = descriptor_pool.DescriptorPool()
        for file in files:
            self.pool.Add(file)

    def __getattr__(self, name):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName("tei.v1." + name))

    def named(self, name):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))


def descriptors(folder, name):
    out = folder / "set"
    subprocess.run(["protoc", f"--proto_path={folder}", f"--descriptor_set_out={out}", name],
                   check=True)
    return descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file


@pytest.fixture(scope="module")
def pb(tmp_path_factory):
    folder = tmp_path_factory.mktemp("proto")
    (folder / "tei.proto").write_text((REPOSITORY / "proto" / "tei.proto").read_text())
    (folder / "standard.proto").write_text(STANDARD % "standard")
    return Messages(*descriptors(folder, "tei.proto"), *descriptors(folder, "standard.proto"))


class Client:
    def __init__(self, target, pb, credentials=None, **options):
        options = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1),
                   *options.items()]
        self.pb = pb
        self.channel = (grpc.secure_channel(target, credentials, options) if credentials
                        else grpc.insecure_channel(target, options))

    def method(self, path, answer, kind="unary_unary"):
        return getattr(self.channel, kind)(
            path, request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString)

    def embed(self, text, timeout=60, metadata=None, **fields):
        call = self.method("/tei.v1.Embed/Embed", self.pb.EmbedResponse)
        return call(self.pb.EmbedRequest(inputs=text, **fields), timeout=timeout, metadata=metadata)

    def stream(self, requests, timeout=120):
        call = self.method("/tei.v1.Embed/EmbedStream", self.pb.EmbedResponse, "stream_stream")
        return call(iter(requests), timeout=timeout)

    def health(self, service=""):
        call = self.method("/grpc.health.v1.Health/Check", self.pb.named("standard.Response"))
        return call(self.pb.named("standard.Request")(service=service), timeout=60).status

    def reflect(self, **question):
        call = self.method("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                           self.pb.named("standard.Response"), "stream_stream")
        return next(call(iter([self.pb.named("standard.Request")(**question)]), timeout=60))


def target(served):
    return re.search(r"grpcs?://(\S+)", served.ready_line)[1]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("home"), "--grpc", "127.0.0.1:0",
                "--max-tokens", str(MAX_TOKENS)) as running:
        yield running


@pytest.fixture(scope="module")
def client(served, pb):
    return Client(target(served), pb)


def code_of(call):
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code(), caught.value.details()


def test_vectors_are_those_of_http(served, client):
    expected = served.embed(TEXTS, encoding_format="float", task="retrieval.query").json()["data"]
    for text, item in zip(TEXTS, expected):
        answer = client.embed(text, prompt_name="query")
        vector = numpy.array(answer.embeddings, dtype=numpy.float32)
        assert numpy.array_equal(vector, numpy.array(item["embedding"], dtype=numpy.float32))
        assert answer.metadata.compute_chars == len(text)
        assert answer.metadata.inference_time_ns > 0
        assert answer.metadata.total_time_ns >= answer.metadata.inference_time_ns


def test_options(client):
    full = numpy.array(client.embed("text").embeddings)
    assert abs(numpy.linalg.norm(full) - 1) < 1e-5
    raw = numpy.array(client.embed("text", normalize=False).embeddings)
    assert abs(numpy.linalg.norm(raw) - 1) > 1e-3
    cut = numpy.array(client.embed("text", dimensions=16).embeddings)
    assert len(cut) == 16 and abs(numpy.linalg.norm(cut) - 1) < 1e-5
    assert numpy.allclose(cut, raw[:16] / numpy.linalg.norm(raw[:16]), atol=1e-6)
    assert not numpy.array_equal(full, client.embed("text", prompt_name="none").embeddings)


@pytest.mark.parametrize("fields, part", [
    ({"text": ""}, "`inputs` cannot be empty"),
    ({"text": "a", "dimensions": 0}, "`dimensions` is 0"),
    ({"text": "a", "dimensions": 100000}, "expected 1 to 64"),
    ({"text": "a", "prompt_name": "nonsense"}, "retrieval.passage"),
    ({"text": "cat " * 2000}, str(MAX_TOKENS)),
])
def test_wrong_requests_say_what_is_wrong(client, fields, part):
    code, details = code_of(lambda: client.embed(**fields))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert part in details and len(details) < 600


def test_truncation_from_both_ends(client):
    text = "cat " * 2000 + "dog"
    right = client.embed(text, truncate=True)
    left = client.embed(text, truncate=True, truncation_direction=1)
    assert right.metadata.compute_tokens == left.metadata.compute_tokens == MAX_TOKENS
    assert right.embeddings != left.embeddings


def test_embed_all(client, pb):
    call = client.method("/tei.v1.Embed/EmbedAll", pb.EmbedAllResponse)
    answer = call(pb.EmbedAllRequest(inputs="Hello, world!", prompt_name="none"), timeout=60)
    assert len(answer.token_embeddings) == answer.metadata.compute_tokens
    rows = numpy.array([token.embeddings for token in answer.token_embeddings])
    mean = rows.mean(axis=0)
    pooled = numpy.array(client.embed("Hello, world!", prompt_name="none").embeddings)
    assert numpy.allclose(mean / numpy.linalg.norm(mean), pooled, atol=1e-5)


def test_tokenize_and_decode(client, pb):
    tokenize = client.method("/tei.v1.Tokenize/Tokenize", pb.EncodeResponse)
    decode = client.method("/tei.v1.Tokenize/Decode", pb.DecodeResponse)
    text = "Gr\u00fcn, world!"
    tokens = tokenize(pb.EncodeRequest(inputs=text, add_special_tokens=True), timeout=60).tokens
    assert tokens[0].special and not tokens[0].HasField("start") and tokens[0].text == "<s>"
    for token in tokens:
        if not token.special:
            assert token.text == text.encode()[token.start:token.stop].decode()
    bare = tokenize(pb.EncodeRequest(inputs=text), timeout=60).tokens
    assert [token.id for token in bare] == [token.id for token in tokens[1:-1]]
    ids = pb.DecodeRequest(ids=[token.id for token in tokens], skip_special_tokens=True)
    assert decode(ids, timeout=60).text == text
    assert code_of(lambda: decode(pb.DecodeRequest(), timeout=60))[0] == \
        grpc.StatusCode.INVALID_ARGUMENT


def test_info(client, pb):
    info = client.method("/tei.v1.Info/Info", pb.InfoResponse)(pb.InfoRequest(), timeout=60)
    assert info.model_id == "v3-tiny" and info.max_input_length == MAX_TOKENS and info.model_type == 0


def test_a_stream_answers_in_order(client, pb):
    texts = [f"{i} " + "word " * (i % 10) for i in range(2200)]
    answers = list(client.stream(pb.EmbedRequest(inputs=text) for text in texts))
    assert len(answers) == len(texts)
    for i in (0, 1, 49, 1000, 1023, 1024, 1025, 2199):
        assert answers[i].embeddings == client.embed(texts[i]).embeddings, i


def test_a_stream_answers_before_its_client_has_ended(client, pb):
    may_end = threading.Event()

    def requests():
        yield pb.EmbedRequest(inputs="first")
        assert may_end.wait(60), "no answer came"
        yield pb.EmbedRequest(inputs="second")

    answers = client.stream(requests())
    assert next(answers).embeddings == client.embed("first").embeddings
    may_end.set()
    assert next(answers).embeddings == client.embed("second").embeddings
    assert not list(answers)


def test_the_first_error_ends_a_stream_after_what_came_before(client, pb):
    texts = ["a", "b", "", "c"]
    answers = client.stream(pb.EmbedRequest(inputs=text) for text in texts)
    assert next(answers).embeddings == client.embed("a").embeddings
    assert next(answers).embeddings == client.embed("b").embeddings
    code, details = code_of(lambda: next(answers))
    assert code == grpc.StatusCode.INVALID_ARGUMENT and details.startswith("message 2 of the stream")


def test_memory_of_a_stream_whose_client_does_not_read(served, client, pb):
    """Long texts whose answers nobody reads: flow control has to stop the reading."""
    before = served.rss()
    call = client.method("/tei.v1.Embed/EmbedAllStream", pb.EmbedAllResponse, "stream_stream")
    sent = []

    def requests():
        for i in range(5000):
            sent.append(i)
            yield pb.EmbedAllRequest(inputs="cat " * 25000, truncate=True)

    answers = call(requests(), timeout=300)
    quiet = []  # how much was sent, as long as the server has nothing to do

    def is_still():
        quiet.append(len(sent))
        if tokens_at_work(served) or quiet[-1] != quiet[0]:
            quiet.clear()
        return len(quiet) > 20 or len(sent) >= 400

    wait_until(lambda: sent, "the first message")
    wait_until(is_still, "the server reads no more")
    assert len(sent) < 400
    assert served.rss() - before < 512 << 20
    answers.cancel()


def metrics(served):
    """Values by series."""
    lines = served.call("GET", "/metrics").body.decode().splitlines()
    return {series: float(value) for series, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def tokens_at_work(served):
    values = metrics(served)
    return values["nestvec_queue_tokens"] + values["nestvec_running_tokens"]


def test_a_cancelled_stream_frees_the_model(served, client, pb):
    before = metrics(served)["te_batch_next_tokens_sum"]
    answers = client.stream(pb.EmbedRequest(inputs=LONG) for _ in range(5000))
    next(answers)
    answers.cancel()
    wait_until(lambda: tokens_at_work(served) == 0, "the model has nothing to do")
    assert metrics(served)["te_batch_next_tokens_sum"] - before < 2500 * 450


def test_a_stream_shuts_nobody_out(client, pb):
    answers = client.stream(pb.EmbedRequest(inputs=LONG) for _ in range(1000))
    next(answers)
    for _ in range(10):
        client.embed("short")  # is not refused
    answers.cancel()


def test_a_deadline(client, pb):
    answers = client.stream(pb.EmbedRequest(inputs=LONG) for _ in range(1000))
    for _ in range(10):
        next(answers)  # what is queued by now goes before a call that is bulk, too
    call = client.method("/tei.v1.Embed/EmbedAll", pb.EmbedAllResponse)
    code, _ = code_of(lambda: call(pb.EmbedAllRequest(inputs=LONG), timeout=0.005,
                                   metadata=[("x-nestvec-priority", "bulk")]))
    assert code == grpc.StatusCode.DEADLINE_EXCEEDED
    answers.cancel()


@pytest.mark.parametrize("path", ["/tei.v1.Predict/Predict", "/tei.v1.Rerank/Rerank", "/tei.v1.Embed/EmbedSparse"])
def test_what_the_model_cannot_says_what_it_is(client, pb, path):
    call = client.method(path, pb.EmbedResponse)
    code, details = code_of(lambda: call(pb.EmbedRequest(inputs="a"), timeout=60))
    assert code == grpc.StatusCode.FAILED_PRECONDITION
    assert "v3-tiny is a text-embedding model" in details


def test_what_is_not_offered_says_what_is(client, pb):
    path = "/other.Service/Method"
    call = client.method(path, pb.EmbedResponse)
    code, details = code_of(lambda: call(pb.EmbedRequest(inputs="a"), timeout=60))
    assert code == grpc.StatusCode.UNIMPLEMENTED
    assert "v3-tiny" in details and path in details


def test_health(client):
    assert client.health() == 1 and client.health("tei.v1.Embed") == 1
    assert code_of(lambda: client.health("unknown"))[0] == grpc.StatusCode.NOT_FOUND


def test_reflection_tells_the_services_as_they_are_written(client):
    names = {service.name for service in client.reflect(list_services="*").names.service}
    assert {"tei.v1.Info", "tei.v1.Embed", "tei.v1.Tokenize", "grpc.health.v1.Health"} <= names
    files = client.reflect(symbol="tei.v1.Embed").files.file_descriptor_proto
    file = descriptor_pb2.FileDescriptorProto.FromString(files[0])
    request = next(m for m in file.message_type if m.name == "EmbedRequest")
    assert {field.name: field.number for field in request.field} == {
        "inputs": 1, "truncate": 2, "normalize": 3, "truncation_direction": 4, "prompt_name": 5,
        "dimensions": 6}


def wait_for_count(served, series, expected):
    """Calls are counted once they have ended, which may be after the client has its answer."""
    wait_until(lambda: metrics(served).get(series, 0) == expected, f"{series} {expected}")


def test_requests_are_counted(tmp_path, pb):
    with Served(tmp_path, "--grpc", "127.0.0.1:0") as served:
        client = Client(target(served), pb)
        client.embed("a")
        wait_for_count(served, 'te_request_count{method="single"}', 1)
        ours = 'nestvec_requests_total{route="%s",status="%d"}'
        wait_for_count(served, ours % ("/tei.v1.Embed/Embed", 200), 1)
        code_of(lambda: client.embed("a", dimensions=5000))
        wait_for_count(served, ours % ("/tei.v1.Embed/Embed", 400), 1)
        for name in ("A", "B"):
            code_of(lambda: client.method(f"/{name}/{name}", pb.EmbedResponse)(pb.EmbedRequest()))
        wait_for_count(served, ours % ("other", 501), 2)
        assert 'route="/A/A"' not in served.call("GET", "/metrics").body.decode()


def test_spans_reach_a_collector(tmp_path, pb):
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    with collector() as (endpoint, seen):
        with Served(tmp_path, "--grpc", "127.0.0.1:0", "--otlp-endpoint", endpoint) as served:
            client = Client(target(served), pb)
            tokens = client.embed("secret", metadata=[("traceparent", f"00-{trace}-{parent}-01")])
            client.embed("secret", metadata=[("traceparent", f"00-{trace}-{parent}-00")])
            code_of(lambda: client.embed("a", dimensions=5000))
            served.signal(signal.SIGTERM)
            assert served.wait() == 0
    assert "secret" not in json.dumps(seen)
    good, bad = sorted(spans_of(seen), key=lambda span: span["traceId"] != trace)
    assert (good["traceId"], good["parentSpanId"]) == (trace, parent)
    assert good["name"] == bad["name"] == "/tei.v1.Embed/Embed"
    assert attributes_of(good)["rpc.system"] == "grpc"
    assert attributes_of(good)["nestvec.status"] == "200"
    assert attributes_of(good)["nestvec.tokens"] == tokens.metadata.compute_tokens
    assert attributes_of(bad)["nestvec.status"] == "400"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """With a key, and little room for a message."""
    with Served(tmp_path_factory.mktemp("guarded"), "--grpc", "127.0.0.1:0", "--api-key", "secret",
                "--max-body", "64Ki") as running:
        yield running


def test_keys(guarded, pb):
    client = Client(target(guarded), pb)
    for metadata in (None, [("authorization", "Bearer wrong")], [("authorization", "secret")]):
        code, _ = code_of(lambda: client.embed("a", metadata=metadata))
        assert code == grpc.StatusCode.UNAUTHENTICATED
    assert client.embed("a", metadata=[("authorization", "Bearer secret")]).embeddings
    answers = client.stream([pb.EmbedRequest(inputs="a")])
    assert code_of(lambda: next(answers))[0] == grpc.StatusCode.UNAUTHENTICATED
    assert client.health() == 1
    assert client.reflect(list_services="*").names.service


def test_a_message_over_the_limit(guarded, pb):
    client = Client(target(guarded), pb)
    key = [("authorization", "Bearer secret")]
    code, _ = code_of(lambda: client.embed("a" * 100000, metadata=key))
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert client.embed("a", metadata=key).embeddings


def test_tls(tmp_path, certificate, pb):
    arguments = ("--tls-certificate", certificate / "cert.pem", "--tls-key", certificate / "key.pem")
    with Served(tmp_path, "--grpc", "127.0.0.1:0", *arguments) as served:
        credentials = grpc.ssl_channel_credentials((certificate / "cert.pem").read_bytes())
        port = target(served).rpartition(":")[2]
        assert Client("localhost:" + port, pb, credentials).embed("a").embeddings
        code, _ = code_of(lambda: Client("localhost:" + port, pb).embed("a"))
        assert code == grpc.StatusCode.UNAVAILABLE


def test_a_server_that_drains_answers_what_it_has_read(tmp_path, pb):
    with Served(tmp_path, "--grpc", "127.0.0.1:0", "--grace-seconds", "600") as served:
        client = Client(target(served), pb)
        results, is_over = [], threading.Event()

        def work():
            while True:
                try:
                    client.embed(LONG)
                    results.append(None)
                except grpc.RpcError as error:
                    results.append(error.code())
                    return

        workers = [threading.Thread(target=work) for _ in range(8)]
        idle = client.stream(iter(is_over.wait, True))  # sends nothing
        for worker in workers:
            worker.start()
        wait_until(lambda: results, "the first answer")
        served.signal(signal.SIGTERM)
        assert served.wait() == 0, "an idle stream does not hold the server up"
        for worker in workers:
            worker.join()
        failures = [code for code in results if code is not None]
        assert len(failures) == 8 and set(failures) == {grpc.StatusCode.UNAVAILABLE}
        assert len(results) > 8
        is_over.set()
        idle.cancel()
