# SPDX-License-Identifier: Apache-2.0
"""The server while it is loaded, restarted, ended and busy, seen through the SDK."""

import concurrent.futures
import contextlib
import fcntl
import re
import shutil
import signal
import socket
import threading

import pytest

from sdk import APP, MODEL, PAT, USER, bits, of_the_server, serve, stub_of, wanted
from ports import free_port
from waiting import wait_until


def in_thread(function, *arguments):
    """A future; the thread does not outlive the test by much, whatever the SDK waits for."""
    future = concurrent.futures.Future()

    def run():
        try:
            future.set_result(function(*arguments))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def is_waiting(future):
    with contextlib.suppress(TimeoutError):
        future.result(0.3)
    return not future.done()


@of_the_server
def test_sixteen_threads(server, model, connect):
    texts = [f"text {i}" for i in range(16)]
    rows = wanted(server, texts)
    cold = connect()

    def work(i):
        for _ in range(4):
            assert bits(cold.predict(input=texts[i])) == rows[i]
            assert [bits(row) for row in cold.predict(texts=texts[i:])] == rows[i:]
        return True

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert all(pool.map(work, range(16)))


@of_the_server
def test_sixteen_models_in_sixteen_threads(server, connect):
    (row,) = wanted(server, ["a"])
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda _: bits(connect().predict(input="a")), range(16))) == {row}


@pytest.fixture
def place(home, default_model):
    """place() starts a server at one and the same address each time; it is ended with the test."""
    address = f"127.0.0.1:{free_port()}"
    with contextlib.ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(
            serve(home, *arguments, model=default_model, http=address))


@of_the_server
def test_a_restart_between_calls(place, connect):
    served = place()
    model = connect(base_url=served.url)
    before = model.predict(input="a")
    served.stop()
    waiting = in_thread(lambda: model.predict(input="a"))
    assert is_waiting(waiting)
    place()
    assert waiting.result(120) == before


def call_that_runs(served, model, texts):
    """The future of predict(texts=...), which the server has begun to compute."""
    waiting = in_thread(lambda: model.predict(texts=texts))
    has_work = re.compile(r"^nestvec_(queue|running)_tokens [1-9]", re.M)
    wait_until(lambda: has_work.search(served.call("GET", "/metrics").body.decode()), "the call is being computed")
    return waiting


@of_the_server
def test_a_server_that_dies_under_a_call(place, connect):
    served = place()
    model = connect(base_url=served.url)
    texts = [f"{i} " + "word " * 250 for i in range(40)]
    model.predict(input="a")
    waiting = call_that_runs(served, model, texts)
    served.signal(signal.SIGKILL)
    served.wait()
    again = place()
    assert [bits(row) for row in waiting.result(240)] == wanted(again, texts)


@of_the_server
def test_sigterm_answers_the_call_that_runs(place, connect):
    served = place("--grace-seconds", "600")
    model = connect(base_url=served.url)
    texts = [f"{i} " + "word " * 250 for i in range(40)]
    model.predict(input="a")
    waiting = call_that_runs(served, model, texts)
    served.signal(signal.SIGTERM)
    assert len(waiting.result(240)) == 40
    assert served.wait() == 0


@pytest.fixture
def being_loaded(tmp_path, default_model):
    """The address of a server that waits for the lock of the cache with its compiled model, and a function that lets
    it go on."""
    with serve(tmp_path, model=default_model):
        pass
    (lock,) = (tmp_path / "cache").rglob("*.lock")
    shutil.rmtree(lock.with_suffix(""))
    port = free_port()
    with open(lock) as file, contextlib.ExitStack() as stack:
        fcntl.flock(file, fcntl.LOCK_EX)
        start = in_thread(lambda: stack.enter_context(
            serve(tmp_path, model=default_model, http=f"127.0.0.1:{port}")))

        def listens():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 10):
                return True

        wait_until(listens, "the server listens")
        assert not start.done()

        def go_on():
            fcntl.flock(file, fcntl.LOCK_UN)
            return start.result(120)

        yield f"http://127.0.0.1:{port}", go_on
        if not start.done():
            go_on()


def test_a_prediction_waits_for_the_model_to_be_loaded(being_loaded, connect):
    url, go_on = being_loaded
    waiting = in_thread(lambda: connect(base_url=url).predict(input="a"))
    assert is_waiting(waiting)
    served = go_on()
    assert [bits(waiting.result(120))] == wanted(served, ["a"])


@of_the_server
def test_what_is_answered_while_loading(being_loaded):
    from clarifai_grpc.grpc.api import service_pb2
    url, _ = being_loaded
    stub = stub_of(url)
    owner, key = {"user_id": USER, "app_id": APP}, [("authorization", f"Key {PAT}")]
    outputs = service_pb2.PostModelOutputsRequest(user_app_id=owner, model_id=MODEL)
    outputs.inputs.add().data.text.raw = "a"
    answer = stub.PostModelOutputs(outputs, metadata=key)
    assert answer.status.code == answer.outputs[0].status.code == 21355
    (answer,) = stub.GenerateModelOutputs(outputs, metadata=key)
    assert answer.status.code == 21355
    assert stub.PostModelOutputs(outputs, metadata=[("authorization", "Key wrong")]).status.code == 11009
    asked = service_pb2.GetModelRequest(user_app_id=owner, model_id=MODEL)
    assert stub.GetModel(asked, metadata=key).status.code == 10000
    assert stub.GetModel(service_pb2.GetModelRequest(user_app_id=owner, model_id="no-such-model"),
                         metadata=key).status.code == 21200


def grpc_address(served):
    return re.search(r"grpcs?://(\S+)", served.ready_line)[1]


def test_tls_with_a_certificate_of_our_own(home, default_model, server, connect, certificate):
    arguments = ["--tls-certificate", certificate / "cert.pem", "--tls-key", certificate / "key.pem"]
    with serve(home, *arguments, "--grpc", "127.0.0.1:0", model=default_model) as served:
        for port in (served.address[1], grpc_address(served).rpartition(":")[2]):
            model = connect(base_url=f"https://localhost:{port}", root_certificates_path=str(certificate / "cert.pem"))
            assert [bits(model.predict(input="a"))] == wanted(served, ["a"]) == wanted(server, ["a"])
            assert [bits(row) for row in model.predict(texts=["a", "b"])] == wanted(server, ["a", "b"])


@of_the_server
def test_two_ports(home, default_model, server, connect):
    with serve(home, "--grpc", "127.0.0.1:0", model=default_model) as served:
        for base in ("http://" + grpc_address(served), served.url):
            assert [bits(connect(base_url=base).predict(input="a"))] == wanted(server, ["a"])


@of_the_server
def test_one_port_for_all_at_once(server, model):
    """HTTP/1.1 and HTTP/2 on one address, mixed."""
    rows = wanted(server, [str(i) for i in range(8)])

    def work(i):
        for _ in range(10):
            assert bits(model.predict(input=str(i))) == rows[i]
            assert wanted(server, [str(i)]) == [rows[i]]
            assert server.call("GET", "/health").status == 200
        return True

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


def test_overload_is_waited_for(home, default_model, connect):
    """A queue that takes one call of this size: what is refused comes again by itself."""
    text = "word " * 250
    with serve(home, "--max-queue-tokens", "600", model=default_model) as served:
        model = connect(base_url=served.url)
        model.predict(input="a")
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            vectors = [bits(vector) for vector in pool.map(lambda _: model.predict(input=text), range(12))]
        assert vectors == wanted(served, [text]) * 12
