# SPDX-License-Identifier: Apache-2.0
"""Nothing leaves the machine, and nothing is left on it, but what the user asked for."""

import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import grpc
import pytest

from command import MODELS
from hub_standin import HubStandin, Model
from waiting import SECONDS
from watched import SWITCH, Watched

BINARY = os.environ.get("NESTVEC_BINARY")
BERT = MODELS / "bert-tiny"
# The telemetry of ONNX Runtime 1.32 looks up its host nine seconds after its first model.
SERVED_SECONDS = 30


@pytest.fixture
def nestvec(tmp_path):
    assert BINARY, "NESTVEC_BINARY is not set: the path of the command to test"
    return Watched(tmp_path)


class Server:
    """`nestvec serve` under watch; `port` is where it answers."""

    def __init__(self, watch):
        self.watch = watch
        self.log = watch.root / "log"
        with open(self.log, "wb") as log:
            self.process = watch.start(BINARY, "serve", "--model", BERT, "--http", "127.0.0.1:0", stdout=subprocess.PIPE,
                                       stderr=log)
        self.program = watch.program(self.process)
        ready = self.process.stdout.readline().decode()
        found = re.search(r"nestvec: ready http://127\.0\.0\.1:(\d+)", ready)
        assert found, (ready, self.log.read_text())
        self.port = int(found[1])
        self.ready = time.monotonic()

    def ask(self):
        """A text by HTTP and one by gRPC."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        connection.request("POST", "/v1/embeddings", json.dumps({"input": "A cat sleeps."}),
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        connection.close()
        with grpc.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            assert channel.unary_unary("/tei.v1.Embed/Embed")(b"\x0a\x0dA cat sleeps.", timeout=SECONDS)

    def stop(self):
        if self.process.poll() is None:
            os.kill(self.program, signal.SIGTERM)
        try:
            return self.process.wait(SECONDS)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)


@pytest.fixture(scope="module", autouse=True)
def server(tmp_path_factory):
    """Runs beside the other tests of this file; the last one looks at what it did."""
    assert BINARY, "NESTVEC_BINARY is not set: the path of the command to test"
    served = Server(Watched(tmp_path_factory.mktemp("served")))
    try:
        served.ask()
        yield served
    finally:
        served.stop()


def test_embed(nestvec):
    rows = nestvec.run(BINARY, "embed", "--model", BERT, "--format", "jsonl", "a text", "another")
    assert rows.count("\n") == 2
    nestvec.check()


def test_embed_again_from_the_cache(nestvec):
    for _ in range(2):
        nestvec.run(BINARY, "embed", "--model", BERT, "a text")
    nestvec.check()


def test_a_graph_of_stock_operators(nestvec):
    """Another kind of session."""
    nestvec.run(BINARY, "embed", "--model", MODELS / "bert-tiny-onnx", "--graph", "published", "a text")
    nestvec.check()


def test_the_cache_below_home(nestvec):
    """Where no folder is named for it, it is the only thing below HOME."""
    del nestvec.environment["NESTVEC_CACHE"]
    nestvec.run(BINARY, "embed", "--model", BERT, "a text")
    found = nestvec.files()
    assert found and all(path.startswith("home/.cache/nestvec/") for path in found)
    nestvec.check(files=found, writes=(nestvec.home / ".cache",))


def test_bulk(nestvec):
    (nestvec.work / "in.jsonl").write_text("".join(f'{{"text": "text {i}"}}\n' for i in range(50)))
    (nestvec.work / "out").mkdir()
    nestvec.run(BINARY, "embed", "--model", BERT, "--input", "in.jsonl", "--output", "out/vectors.npy", "--resume")
    nestvec.check(files=["work/in.jsonl", *(path for path in nestvec.files() if path.startswith("work/out/"))],
                  writes=(nestvec.work / "out",))
    assert (nestvec.work / "out" / "vectors.npy").stat().st_size > 50 * 32 * 4


def test_compile(nestvec):
    nestvec.run(BINARY, "compile", BERT, "-o", "compiled")
    nestvec.run(BINARY, "embed", "--model", "compiled", "a text")
    files = [path for path in nestvec.files() if path.startswith("work/compiled/")]
    assert files
    nestvec.check(files=files, writes=(nestvec.work,))


def test_tokenize(nestvec):
    assert nestvec.run(BINARY, "tokenize", "--tokenizer", BERT, stdin=b"Hello, world!\n")
    nestvec.check()


@pytest.mark.parametrize("arguments", [(), ("--json",)], ids=["table", "json"])
def test_info(nestvec, arguments):
    assert nestvec.run(BINARY, "info", "--model", BERT, *arguments)
    nestvec.check()


def test_quickstart(nestvec):
    assert nestvec.run(BINARY, "quickstart", "--model", BERT)
    nestvec.check()


def test_bench(nestvec):
    assert nestvec.run(BINARY, "bench", "--model", BERT, "--seconds", "0", "--workload", "short")
    nestvec.check()


def test_pull(nestvec):
    """One hub, and the file store it sends to, which is "localhost": curl knows that name by itself."""
    files = {str(path.relative_to(BERT)): path.read_bytes() for path in BERT.rglob("*") if path.is_file()}
    with HubStandin() as hub:
        hub.models["org/model"] = Model(files=files, lfs={"model.safetensors"})
        nestvec.run(BINARY, "pull", "org/model", env={"HF_ENDPOINT": hub.url})
        ports = tuple(server.server_address[1] for server in hub.servers)
    found = nestvec.files()
    assert found and all(path.startswith("xdg-cache_home/huggingface/hub/") for path in found)
    nestvec.check(files=found, writes=(nestvec.root / "xdg-cache_home",), families=("AF_INET",), ports=ports)


@pytest.mark.parametrize("value, kept", [(None, "1"), ("", "1"), ("0", "0"), ("yes", "yes")])
def test_the_users_value_stays(nestvec, value, kept):
    """The library is only loaded: a model would start what "0" asks for."""
    library = pathlib.Path(BINARY).with_name("libnestvec.so")
    if not library.exists():
        pytest.skip(f"{library} was not built")
    environment = {} if value is None else {"ORT_DISABLE_TELEMETRY": value}
    script = f"import ctypes, sys; ctypes.CDLL(sys.argv[1])\n{SWITCH}"
    assert nestvec.run(sys.executable, "-SsB", "-c", script, library, env=environment) == f"{kept}\n"
    nestvec.check()


def test_serve(server):
    time.sleep(max(0, server.ready + SERVED_SECONDS - time.monotonic()))  # for what comes late
    server.ask()
    assert server.stop() == 0, server.log.read_text()
    server.watch.check(files=["log"], families=("AF_INET",))
