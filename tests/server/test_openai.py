# SPDX-License-Identifier: Apache-2.0
"""OpenAI's embeddings over plain HTTP: inputs, formats, errors, models, CORS."""

import base64

import numpy
from process import Served

TEXTS = ["Hello, world!", "Zwei Zeilen sind genug.", "\u6f22\u5b57 and emoji \U0001f600", "a"]


def rows(reply):
    assert reply.status == 200, reply.body
    answer = reply.json()
    assert answer["object"] == "list"
    assert [entry["index"] for entry in answer["data"]] == list(range(len(answer["data"])))
    return [entry["embedding"] for entry in answer["data"]]


def floats(reply):
    return numpy.array(rows(reply), numpy.float32)


def refused(reply, status, param=None):
    assert reply.status == status, (reply.status, reply.body)
    answer = reply.json()
    assert set(answer["error"]) == {"message", "type", "param", "code"}
    assert answer["error"]["param"] == param
    assert answer["detail"] == answer["error"]["message"]
    assert "\n" not in answer["detail"]
    return answer["error"]["message"]


def post(server, body, headers=None):
    return server.call("POST", "/v1/embeddings", body, headers)


def test_vectors_are_those_of_the_command(server):
    assert numpy.array_equal(floats(server.embed(TEXTS)), server.expected(*TEXTS))


def test_base64_holds_the_same_floats(server):
    encoded = rows(server.embed(TEXTS, encoding_format="base64"))
    decoded = [numpy.frombuffer(base64.b64decode(row, validate=True), "<f4") for row in encoded]
    assert numpy.array_equal(decoded, server.expected(*TEXTS))


def test_one_string(server):
    assert numpy.array_equal(floats(post(server, {"input": TEXTS[0]})), server.expected(TEXTS[0]))


def test_usage_counts_prompt_and_special_tokens(server):
    reply = server.embed(["a"])
    usage = reply.json()["usage"]
    assert usage["prompt_tokens"] == usage["total_tokens"] == int(reply.headers["x-nestvec-tokens"])
    assert usage["total_tokens"] >= 3
    query = server.embed(["a"], task="retrieval.query").json()["usage"]["total_tokens"]
    assert query > usage["total_tokens"]
    twice = server.embed(["a", "a"]).json()["usage"]["total_tokens"]
    assert twice == 2 * usage["total_tokens"]


def test_dimensions(server):
    cut = floats(server.embed(TEXTS, dimensions=32))
    assert numpy.array_equal(cut, server.expected(*TEXTS, dimensions=32))
    for wrong in (0, -1, 65, 2**40):
        assert "1 to 64" in refused(server.embed(dimensions=wrong), 400, "dimensions")
    refused(server.embed(dimensions="32"), 400, "dimensions")


def test_the_served_name_whatever_is_asked_for(server):
    for model in ("text-embedding-3-small", "", None):
        assert server.embed(model=model).json()["model"] == "v3-tiny"
    models = server.call("GET", "/v1/models").json()
    names = [model["id"] for model in models["data"]]
    assert names[0] == "v3-tiny" and "v3-tiny:retrieval.query" in names
    assert server.embed(model=names[1]).json()["task"] == models["data"][1]["default_task"]
    refused(server.embed(model="v3-tiny:retrieval.qurey"), 422, "model")
    assert server.call("GET", "/v1/models/v3-tiny").json()["object"] == "model"
    assert "v3-tiny" in refused(server.call("GET", "/v1/models/gpt-4"), 404, "model")
    assert server.call("HEAD", "/v1/models").body == b""


def test_null_and_unknown_members(server):
    reply = server.embed(["a"], encoding_format=None, dimensions=None, user=None, task=None,
                         metadata={"a": 1}, proxy_server_request={})
    assert numpy.array_equal(floats(reply), server.expected("a"))


def test_errors_name_what_is_wrong(server):
    assert "md5" in refused(server.embed(encoding_format="md5"), 400, "encoding_format")
    refused(post(server, {"model": "m"}), 400, "input")
    refused(post(server, {"input": []}), 400, "input")
    refused(post(server, {"input": ""}), 400, "input")
    refused(post(server, {"input": ["a", ""]}), 400, "input[1]")
    refused(post(server, {"input": ["a"] * 22 + [1.5]}), 400, "input[22]")
    assert "check_embedding_ctx_length" in refused(post(server, {"input": ["a", [1]]}), 400, "input[1]")
    assert "2048" in refused(post(server, {"input": ["a"] * 2049}), 400, "input")


def test_2048_inputs_are_taken(server):
    assert floats(server.embed(["a"] * 2048, encoding_format="float")).shape == (2048, 64)


def test_encodings(server):
    half = floats(post(server, b'{"input": "\\ud800"}'))
    assert numpy.array_equal(half, server.expected("\ufffd")), "JavaScript sends halves of emoji"
    latin = '{"input": "h\xe9llo"}'.encode("latin-1")
    for path in ("/v1/embeddings", "/embed", "/v2/embed", "/api/embed", "/vectors", "/embedding", "/v2/models/m/outputs"):
        reply = server.call("POST", path, latin)
        assert reply.status == 400 and b"byte 0xE9 at offset 12" in reply.body, (path, reply.body)
        declared = server.call("POST", path, latin, {"Content-Type": "application/json; charset=iso-8859-1"})
        assert declared.status == 415 and b"UTF-8" in declared.body, (path, declared.body)


def test_paths_methods_and_types(server):
    message = refused(server.call("GET", "/v1/nothing"), 404)
    assert "This is nestvec" in message and "/openapi.json" in message
    assert "did you mean POST /v1/embeddings?" in refused(server.call("POST", "/v1/embedings", {"input": "a"}), 404)
    assert "scored by POST /v1/rerank" in refused(server.call("POST", "/v1/rank", {"query": "a"}), 404)
    assert "needs a language model" in refused(server.call("POST", "/v1/chat/completions", {}), 404)
    reply = server.call("GET", "/v1/embeddings")
    refused(reply, 405)
    assert reply.headers["Allow"] == "POST, OPTIONS"
    form = server.call("POST", "/v1/embeddings", b"input=a",
                       {"Content-Type": "application/x-www-form-urlencoded"})
    assert "application/json" in refused(form, 415)


def test_paths_are_forgiven(server):
    expected = server.embed(["a"]).body
    for path in ("/v1/embeddings/", "//v1/embeddings", "/v1//embeddings//", "/v1/v1/embeddings", "/v3/embeddings",
                 "/openai/deployments/any/embeddings?api-version=2024-10-21", "/openai/v1/embeddings"):
        assert server.call("POST", path, {"input": ["a"]}).body == expected, path
    for path in ("/v1/models/", "/models", "/healthz", "/livez", "/readyz", "/v2/health/ready", "/v2/health/live"):
        assert server.call("GET", path).status == 200, path
    for path in ("/.well-known/live", "/.well-known/ready"):
        assert server.call("GET", path).status == 204, path
    assert server.call("POST", "/vectors/", {"text": "a", "config": {"task_type": "query"}}).json()["dim"] == 64
    (entry,) = server.call("POST", "/embedding", {"content": "a"}).json()
    assert len(entry["embedding"]) == 1 and len(entry["embedding"][0]) == 64


def test_headers_of_an_answer(server):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    reply = server.embed(["a"], {"x-request-id": "abc-1", "traceparent": trace})
    assert reply.headers.get_all("x-request-id") == ["abc-1"]
    assert reply.headers["traceparent"] == trace
    for stage in ("tokenize", "queue", "compute", "total"):
        assert float(reply.headers[f"x-nestvec-{stage}-ms"]) >= 0
    assert "x-truncated-inputs" not in reply.headers


def test_pages_of_others_may_not_ask(server):
    for headers in ({"Origin": "https://app.example"}, {"Origin": "null"},
                    {"Host": "evil.example", "Origin": "http://evil.example"},
                    {"Host": "evil.example"}):
        refused(server.embed(["a"], headers), 403)
        assert server.call("GET", "/metrics", None, headers).status == 403
        body = b'{"input": "a"}'  # no Content-Type: a browser sends this without asking before
        with server.raw() as peer:
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            host = "" if "Host" in headers else "Host: localhost\r\n"
            peer.sendall(f"POST /v1/embeddings HTTP/1.1\r\n{host}{lines}"
                         f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            assert peer.recv(4096).startswith(b"HTTP/1.1 403 ")
    assert server.embed(["a"], {"Origin": "http://localhost"}).status == 200, "its own page"


def test_a_page_of_another_origin_may_ask_where_it_is_allowed(home):
    with Served(home, "--cors-origins", "*") as server:
        ask = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST",
               "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os"}
        reply = server.call("OPTIONS", "/v1/embeddings", None, ask)
        assert reply.status == 204
        assert reply.headers["Access-Control-Allow-Origin"] == "*"
        allowed = reply.headers["Access-Control-Allow-Headers"].split(", ")
        assert {"authorization", "content-type", "x-stainless-os"} <= set(allowed)
        answered = server.embed(["a"], {"Origin": "https://app.example"})
        assert answered.headers["Access-Control-Allow-Origin"] == "*"
        assert "x-request-id" in answered.headers["Access-Control-Expose-Headers"]


def test_a_deadline(server):
    late = server.embed(["a b c d " * 1500] * 64, {"x-request-timeout-ms": "1"})
    refused(late, 504)
    assert server.embed(["a"], {"x-request-timeout-ms": "60000"}).status == 200
    refused(server.embed(["a"], {"x-request-timeout-ms": "soon"}), 400, "x-request-timeout-ms")
    refused(server.embed(["a"], {"x-nestvec-priority": "high"}), 400, "x-nestvec-priority")
    assert server.embed(["a"], {"x-nestvec-priority": "bulk"}).status == 200


def test_requests_are_counted(server):
    server.embed(["a"], task="separation")
    text = server.call("GET", "/metrics").body.decode()
    assert 'nestvec_requests_total{route="/v1/embeddings",status="200"}' in text
    assert 'nestvec_texts_total{task="separation"}' in text
