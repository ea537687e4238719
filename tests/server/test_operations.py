# SPDX-License-Identifier: Apache-2.0
"""`nestvec serve` as its operator sees it: settings, keys, signals, sockets, logs, memory."""

import json
import os
import random
import re
import signal
import socket
import ssl
import stat
import subprocess
import threading
import time

import pytest
import yaml
from collector import attributes_of, collector, spans_of
from process import REPOSITORY, V3, Command, Served, make_certificate
from waiting import SECONDS, wait_until

REQUESTS = int(os.environ.get("NESTVEC_SOAK_REQUESTS", "300"))
ROUNDS = int(os.environ.get("NESTVEC_SOAK_ROUNDS", "1"))


@pytest.fixture
def serve(tmp_path):
    """Starts servers with arguments of their own and stops them afterwards."""
    started = []

    def start(*arguments, **options):
        started.append(Served(tmp_path, *arguments, **options))
        return started[-1]

    yield start
    for served in started:
        served.leave()


@pytest.fixture
def nestvec(tmp_path):
    return Command(tmp_path)


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


# Settings


def test_the_ready_line(serve):
    served = serve()
    assert re.fullmatch(r"nestvec: ready http://127\.0\.0\.1:[1-9]\d* model v3-tiny "
                        r"\((bf16|fp32), \w+, \d+ threads?\)", served.ready_line)
    assert served.call("GET", "/ready").status == 200
    served.signal(signal.SIGTERM)
    assert served.wait() == 0
    assert served.process.stdout.read() == b"", "one line and no more"


def print_config(nestvec, *arguments, **options):
    text = nestvec.ok("serve", "--print-config", *arguments, **options)
    return yaml.safe_load(text), text


def test_print_config_file_then_environment_then_flag(nestvec, tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("server:\n  max_inputs: 1\n  idle_seconds: 1\n  header_seconds: 1\n"
                    "  http: 127.0.0.1:1\n  api_keys: from-file\n"
                    "checkpoints: {repo_id: from/file}\n")
    config, text = print_config(
        nestvec, "--config", file, "--max-inputs", "3", "--model", "from/flag",
        env={"NESTVEC_MAX_INPUTS": "2", "NESTVEC_IDLE_SECONDS": "2", "NESTVEC_THREADS": "2"})
    server = config["server"]
    assert (server["max_inputs"], server["idle_seconds"], server["header_seconds"]) == (3, 2, 1)
    assert server["http"] == "127.0.0.1:1"
    assert config["checkpoints"]["repo_id"] == "from/flag"
    assert config["runtime"]["threads"] == 2
    assert "from-file" not in text and "# api_keys: (set)" in text
    # What it prints is a configuration, and says the same again.
    file.write_text(text)
    again, _ = print_config(nestvec, "--config", file)
    assert again == {**config, "server": {**server, "api_keys": ""}}


def test_print_config_shows_what_serve_decides(nestvec):
    config, text = print_config(nestvec, "--api-key", "hunter2", "--api-key", "hunter3")
    assert "hunter" not in text and "# api_keys: (set)" in text
    assert config["runtime"]["batch_milliseconds"] == 100
    assert config["server"]["http"] == "127.0.0.1:8080"
    config, _ = print_config(nestvec, "--batch-milliseconds", "7")
    assert config["runtime"]["batch_milliseconds"] == 7


@pytest.mark.parametrize("arguments, code, says", [
    (("--http", "8080"), 2, "expected HOST:PORT"),
    (("--http", "127.0.0.1:0", "--grpc", "x"), 2, "expected HOST:PORT"),
    (("--max-inputs", "0"), 2, "--max-inputs: expected an integer from 1"),
    (("--tls-certificate", "/x.pem"), 2, "tls_key"),
    (("--tls-key", "/x.pem"), 2, "tls_certificate"),
    (("--api-key-file", "/nonexistent/keys"), 3, "/nonexistent/keys"),
    (("--api-key", "two words"), 2, "API key 1"),
    (("--api-key", "a,b"), 2, "comma"),
    (("--api-key", ""), 2, "--api-key"),
    (("--model", "/nonexistent"), 3, "/nonexistent"),
    (("--log-format", "xml"), 2, "one of text, json"),
    (("--path-prefix", "http://x"), 2, "server.path_prefix"),
    (("--overlong-status", "418"), 2, "one of dialect, 400, 413, 422"),
])
def test_mistakes(nestvec, arguments, code, says):
    extra = () if "--model" in arguments else ("--model", V3)
    if "--http" not in arguments:
        extra += ("--http", "127.0.0.1:0")
    nestvec.fails(code, "serve", *extra, *arguments, says=says)


def test_a_port_in_use(nestvec):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        nestvec.fails(1, "serve", "--model", V3, "--http", address, says=[address, "in use"])


def test_other_machines_without_a_key_is_warned_of(serve):
    assert "API key" in serve(http="0.0.0.0:0").log
    assert "API key" not in serve("--api-key", "k", http="0.0.0.0:0").log
    assert "API key" not in serve().log


# Keys


def test_keys_of_a_file_are_read_again_on_sighup(serve, tmp_path):
    file = tmp_path / "keys"
    file.write_text("# team\nsearch: first-key\n")
    served = serve("--api-key-file", file)
    assert served.embed().status == 401
    assert served.embed(headers=bearer("second-key")).status == 401
    assert served.embed(headers=bearer("first-key")).status == 200
    assert served.embed(headers={"x-api-key": "first-key"}).status == 200
    for path in ("/health", "/ready", "/metrics"):
        assert served.call("GET", path).status == 200

    file.write_text("second-key\n")
    served.signal(signal.SIGHUP)
    served.wait_for_log("reloaded the API keys")
    assert served.embed(headers=bearer("first-key")).status == 401
    assert served.embed(headers=bearer("second-key")).status == 200

    for times, broken in enumerate(("two words\n", "# none\n", None), 1):
        file.unlink() if broken is None else file.write_text(broken)
        served.signal(signal.SIGHUP)
        served.wait_for_log("stay in use", times)
        assert served.embed(headers=bearer("second-key")).status == 200
    assert "first-key" not in served.log and "second-key" not in served.log


def test_keys_of_the_environment_and_of_flags(serve):
    served = serve(env={"NESTVEC_API_KEYS": "a1,b2"})
    assert [served.embed(headers=bearer(key)).status for key in ("a1", "b2", "c3")] == [200, 200, 401]
    served = serve("--api-key", "c3", "--api-key", "d4", env={"NESTVEC_API_KEYS": "a1"})
    assert [served.embed(headers=bearer(key)).status for key in ("c3", "d4", "a1")] == [200, 200, 401]


def test_a_refusal_says_how(serve):
    reply = serve("--api-key", "k").embed()
    assert reply.status == 401
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")
    assert "message" in reply.json()["error"]


# Signals

MANY = [f"text number {i} of a request that takes a while" for i in range(2048)]


def test_sigterm_answers_what_was_accepted(serve):
    served = serve("--grace-seconds", str(SECONDS))
    connections = [served.connect() for _ in range(4)]
    for connection in connections:  # accepted for sure
        assert connection.call("GET", "/health").status == 200
    body = json.dumps({"input": [text * 4 for text in MANY[:512]], "encoding_format": "base64"}).encode()
    for connection in connections:
        connection.request("POST", "/v1/embeddings", body, {"Content-Type": "application/json"})
    wait_until_busy(served)
    served.signal(signal.SIGTERM)
    replies = [connection.getresponse() for connection in connections]
    bodies = [json.loads(reply.read()) for reply in replies]
    assert [reply.status for reply in replies] == [200] * 4
    assert all(len(body["data"]) == 512 for body in bodies)
    assert served.wait() == 0
    with pytest.raises(OSError):
        served.raw()


def wait_until_busy(served):
    """Until the model has work, by its own word."""
    def has_work():
        text = served.call("GET", "/metrics").body.decode()
        return any(float(tokens) > 0 for tokens in re.findall(r"^nestvec_(?:queue|running)_tokens (\S+)$", text, re.M))

    wait_until(has_work, "requests in the queue")


@pytest.mark.parametrize("number", range(ROUNDS))
def test_sigterm_under_load_cuts_no_answer(serve, number):
    served = serve()
    outcomes, stop = [], threading.Event()

    def client(seed):
        choose = random.Random(seed)
        while not stop.is_set():
            connection = served.connect()
            try:
                connection.connect()
                texts = MANY[:choose.choice((1, 1, 4, 64))]
                reply = connection.call("POST", "/v1/embeddings", {"input": texts})
                outcomes.append("whole" if len(reply.json()["data"]) == len(texts) else "short")
            except (ConnectionRefusedError, ConnectionResetError, BrokenPipeError):
                return  # not accepted any more
            except Exception as error:  # an answer that began and did not end
                outcomes.append(repr(error))
                return
            finally:
                connection.close()

    threads = [threading.Thread(target=client, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    enough = random.Random(number).randint(17, 80)
    wait_until(lambda: len(outcomes) >= enough, f"{enough} answers")
    served.signal(signal.SIGTERM)
    assert served.wait() == 0
    stop.set()
    for thread in threads:
        thread.join()
    assert len(outcomes) > 16
    # A connection that the kernel had accepted and the server not yet is closed without a byte.
    assert set(outcomes) - {"whole", "RemoteDisconnected('Remote end closed connection without "
                                     "response')"} == set()


def test_sigterm_while_loading_leaves_nothing(nestvec, tmp_path):
    """A model of 90 MB, so that there is something to interrupt."""
    model = subprocess.run([REPOSITORY / "scripts" / "fetch-default-model.sh"], check=True,
                           capture_output=True, text=True).stdout.splitlines()[-1]
    interrupted = 0
    for attempt in range(5):
        cache, log = tmp_path / f"cache-{attempt}", tmp_path / f"log-{attempt}"
        with open(log, "wb") as stderr:
            process = nestvec.start("serve", "--model", model, "--http", f"unix:{tmp_path}/socket",
                                    env={"NESTVEC_CACHE": str(cache)}, stdout=subprocess.PIPE,
                                    stderr=stderr)
        wait_until(lambda: process.poll() is not None or list(cache.glob("*.tmp-*/weights.data")), log.read_text)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, log.read_text()
        assert not list(cache.glob("*.tmp-*")) and not (tmp_path / "socket").exists()
        interrupted += output == b""  # not ready yet
    assert interrupted > 0


def long_request(served):
    """A request that one thread computes for many seconds; its connection."""
    connection = served.connect(timeout=300)
    body = json.dumps({"input": ["word " * 400] * 4000, "encoding_format": "base64"}).encode()
    connection.request("POST", "/v1/embeddings", body, {"Content-Type": "application/json"})
    wait_until_busy(served)
    return connection


LONG = ("--threads", "1", "--max-inputs", "100000", "--max-body", "1Gi", "--max-queue-tokens", "0",
        "--max-queue-seconds", "0")


def test_a_drain_gives_up_the_work_of_who_has_gone(serve):
    served = serve(*LONG, "--grace-seconds", "600")
    connection = long_request(served)
    served.signal(signal.SIGTERM)
    served.wait_for_log("SIGTERM")
    connection.close()
    assert served.wait() == 0


def test_the_grace_ends(serve):
    served = serve(*LONG, "--grace-seconds", "1")
    connection = long_request(served)
    with served.raw(120) as upload:
        upload.sendall(b"POST /embed HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{")
        start = time.monotonic()
        served.signal(signal.SIGTERM)
        reply = connection.getresponse()
        assert time.monotonic() - start > 0.9
        assert (reply.status, reply.headers["Connection"]) == (503, "close")
        assert int(reply.headers["Retry-After"]) > 0
        assert "shutting down" in json.loads(reply.read())["error"]["message"]
        assert upload.recv(4096).startswith(b"HTTP/1.1 503 ")
        assert served.wait() == 0
    assert "grace" in served.log
    connection.close()


def test_a_second_signal_ends_at_once(serve):
    served = serve(*LONG, "--grace-seconds", "600")
    connection = long_request(served)
    served.signal(signal.SIGTERM)
    served.wait_for_log("SIGTERM")
    served.signal(signal.SIGINT)
    assert served.wait() == 128 + signal.SIGINT
    connection.close()


def test_systemd_is_told(serve, tmp_path):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(path)
        receiver.settimeout(120)
        served = serve(env={"NOTIFY_SOCKET": path})
        assert receiver.recv(4096).startswith(b"READY=1")
        served.signal(signal.SIGTERM)
        assert receiver.recv(4096).startswith(b"STOPPING=1")
    assert served.wait() == 0


# Sockets


def test_a_unix_socket(serve, tmp_path):
    path = tmp_path / "nestvec.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))  # nobody listens: left behind by a crash
    served = serve(http=f"unix:{path}")
    assert f" unix:{path} " in served.ready_line + " "
    assert served.embed().status == 200
    assert stat.S_ISSOCK(path.stat().st_mode)
    served.signal(signal.SIGTERM)
    assert served.wait() == 0
    assert not path.exists()


def test_a_unix_socket_that_is_used(serve, nestvec, tmp_path):
    served = serve(http=f"unix:{tmp_path}/s")
    nestvec.fails(1, "serve", "--model", V3, "--http", f"unix:{tmp_path}/s", says="in use")
    assert served.embed().status == 200


def test_both_versions_of_ip(serve):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    served = serve(http="[::1]:0")
    assert served.ready_line.startswith("nestvec: ready http://[::1]:")
    assert served.embed().status == 200


def test_localhost_is_both_versions_of_ip(serve):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    served = serve(http="localhost:0")
    port = served.address[1]
    for host in ("127.0.0.1", "::1"):
        with socket.create_connection((host, port), 30) as peer:
            peer.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert peer.recv(4096).startswith(b"HTTP/1.1 200 "), host


def test_a_prefix_of_paths(serve):
    served = serve("--path-prefix", "/nestvec")
    assert served.ready_line.split()[2].endswith("/nestvec")
    for path in ("/nestvec/v1/models", "/v1/models", "/nestvec/", "/nestvec/docs", "/nestvec/metrics", "/nestvec/app.js"):
        assert served.call("GET", path).status == 200, path
    reply = served.call("GET", "/nestvec")
    assert reply.status == 307 and reply.headers["Location"] == "nestvec/", "links of the page are relative"


def presented(served):
    """The certificate that a new connection sees."""
    connection = served.connect()
    connection.connect()
    try:
        return connection.sock.getpeercert(binary_form=True)
    finally:
        connection.close()


def test_tls_and_its_renewal(serve, tmp_path):
    make_certificate(tmp_path, "first")
    served = serve("--tls-certificate", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem")
    assert served.url.startswith("https://")
    served.context = ssl.create_default_context(cafile=tmp_path / "cert.pem")
    assert served.embed().status == 200
    first = presented(served)

    make_certificate(tmp_path, "second")
    served.context = ssl.create_default_context(cafile=tmp_path / "cert.pem")
    served.signal(signal.SIGHUP)
    served.wait_for_log("reloaded the TLS certificate")
    assert served.embed().status == 200
    second = presented(served)
    assert first != second

    (tmp_path / "cert.pem").write_text("broken")
    served.signal(signal.SIGHUP)
    served.wait_for_log("stay in use")
    assert presented(served) == second


def test_tls_files_that_do_not_fit(nestvec, tmp_path):
    make_certificate(tmp_path, "first")
    key = (tmp_path / "key.pem").read_bytes()
    make_certificate(tmp_path, "second")
    (tmp_path / "key.pem").write_bytes(key)
    done = nestvec("serve", "--model", V3, "--http", "127.0.0.1:0", "--tls-certificate",
                   tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem")
    assert done.returncode == 2 and b"key" in done.stderr


# Traces


def test_spans_reach_a_collector(serve):
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    with collector() as (endpoint, seen):
        served = serve("--otlp-endpoint", endpoint)
        reply = served.embed(["secret"], {"traceparent": f"00-{trace}-{parent}-01"})
        assert reply.headers["traceparent"] == f"00-{trace}-{parent}-01"
        served.embed(["secret"], {"traceparent": f"00-{trace}-{parent}-00"})  # not sampled
        served.call("GET", "/secret")
        served.signal(signal.SIGTERM)
        assert served.wait() == 0
    assert {(path, kind) for path, kind, _ in seen} == {("/v1/traces", "application/json")}
    assert "secret" not in json.dumps(seen)
    named = {span["name"]: span for span in spans_of(seen)}
    assert sorted(span["name"] for span in spans_of(seen)) == ["GET other", "POST /v1/embeddings"]
    span = named["POST /v1/embeddings"]
    assert (span["traceId"], span["parentSpanId"]) == (trace, parent)
    values = attributes_of(span)
    assert values["http.response.status_code"] == "200"
    assert values["nestvec.tokens"] == float(reply.headers["x-nestvec-tokens"])
    elapsed = int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])
    assert 0 < values["nestvec.total_ms"] * 1e6 <= elapsed + 1e6
    assert abs(int(span["endTimeUnixNano"]) / 1e9 - time.time()) < 300
    assert named["GET other"]["traceId"] != trace and "parentSpanId" not in named["GET other"]


def test_no_collector_is_no_trouble(serve, nestvec):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and says nothing
        served = serve("--otlp-endpoint", f"http://127.0.0.1:{silent.getsockname()[1]}")
        for _ in range(3):
            assert served.embed().status == 200
        served.signal(signal.SIGTERM)
        assert served.wait() == 0
    assert "server.otlp_endpoint" in served.log
    nestvec.fails(2, "serve", "--model", V3, "--otlp-endpoint", "https://collector:4318",
                  says=["otlp_endpoint", "http://HOST:PORT"])


# Log

MARK = "zanzibar-7f3"


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_log_holds_no_text_of_users(serve, form):
    served = serve("--log-format", form, "--api-key", "k", model=V3)
    key = bearer("k")
    served.embed([MARK, MARK + " twice"], key)
    served.embed([MARK], key, task=MARK)
    served.call("POST", f"/v1/embeddings?{MARK}=1", {"input": MARK}, key)
    served.call("POST", "/v1/embeddings", ('{"input": "' + MARK).encode(), key)
    served.call("POST", "/embed", {"inputs": MARK, "truncate": MARK}, key)
    served.call("GET", "/v1/models", headers={**key, "User-Agent": MARK, "x-thing": MARK})
    served.call("GET", "/v1/models", headers=bearer(MARK))
    served.call("POST", "/v1/embeddings", {"input": "a"}, {**key, "x-request-id": "my-own-id"})
    served.wait_for_log("my-own-id")
    assert MARK not in served.log
    lines = served.log.splitlines()
    assert len(lines) >= 8
    if form == "json":
        entries = [json.loads(line) for line in lines]
        asked = [entry for entry in entries if entry.get("id") == "my-own-id"]
        assert len(asked) == 1
        assert (asked[0]["method"], asked[0]["path"], asked[0]["status"]) == (
            "POST", "/v1/embeddings", 200)
        assert asked[0]["ms"] >= 0


def test_probes_and_files_of_the_page_are_not_logged(serve):
    served = serve()
    for path in ("/health", "/ready", "/metrics", "/style.css"):
        assert served.call("GET", path).status == 200
    served.call("GET", "/v1/models", headers={"x-request-id": "the-last"})
    served.wait_for_log("the-last")
    assert not re.search(r"GET /(health|ready|metrics|style)", served.log), served.log
    served = serve("--log-level", "debug")
    served.call("GET", "/ready")
    served.wait_for_log('debug 127.0.0.1 "GET /ready" 200')


def test_unknown_keys_are_warnings_or_errors(serve, nestvec, tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("server:\n  max_inputz: 1\n")
    served = serve("--config", file)
    assert re.search(r"warning .*max_inputz.*did you mean", served.log), served.log
    nestvec.fails(2, "serve", "--model", V3, "--config", file, "--strict-config", says=["2:3", "max_inputz"])
    nestvec.fails(2, "embed", "--model", V3, "--config", file, "--strict-config", "a", says="max_inputz")


def test_quiet(serve):
    served = serve("--quiet")
    served.embed()
    served.signal(signal.SIGTERM)
    assert served.wait() == 0
    assert served.log == ""


# Memory


def random_body(choose):
    texts = ["".join(choose.choice("abcdefghij \u00e9\u6f22") for _ in range(choose.choice((3, 30, 120))))
             for _ in range(choose.choice((1, 1, 2, 8)))]
    return {"input": texts, "encoding_format": choose.choice(("float", "base64")),
            "task": choose.choice((None, "retrieval.query", "separation", "nonsense"))}


def test_memory_stays_flat(serve):
    served = serve()
    choose = random.Random(5)
    statuses = set()

    def ask(count):
        connection = served.connect()
        for i in range(count):
            if i % 50 == 49:
                connection.close()
                connection = served.connect()
            statuses.add(connection.call("POST", "/v1/embeddings", random_body(choose)).status)
        connection.close()

    ask(REQUESTS // 2)
    before = served.rss()
    ask(REQUESTS)
    after = served.rss()
    assert statuses == {200, 422}
    print(f"{before} -> {after} resident bytes over {REQUESTS} requests")
    assert after - before < 4 << 20
