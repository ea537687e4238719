# SPDX-License-Identifier: Apache-2.0
"""`nestvec health` against a server, and a running server's model against `nestvec rm` and `cache prune`."""

import shutil
import socket
import threading

import pytest

from command import MODELS
from process import Served, certificate  # noqa: F401 (a fixture)

NO_PROXY = {"http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1", "all_proxy": "http://127.0.0.1:1"}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("health")) as served:
        yield served


def test_an_answer_is_zero_and_silence(served):
    host, port = served.address
    for target in (f"{host}:{port}", f":{port}", f"http://{host}:{port}", f"http://{host}:{port}/ready",
                   f"localhost:{port}/health"):
        done = served.command("health", target, env=NO_PROXY)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b""), target


def test_another_status_is_six(served):
    host, port = served.address
    served.command.fails(6, "health", f"{host}:{port}/no-such-route", says=[f"{host}:{port}", "status 404"])


def test_over_a_unix_socket(tmp_path):
    path = tmp_path / "socket"
    with Served(tmp_path, http=f"unix:{path}") as served:
        assert served.command("health", f"unix:{path}").returncode == 0
    served.command.fails(6, "health", f"unix:{tmp_path}/none", says="no answer")


def test_over_tls(tmp_path, certificate):  # noqa: F811
    files = ("--tls-certificate", certificate / "cert.pem", "--tls-key", certificate / "key.pem")
    with Served(tmp_path, *files) as served:
        url = "https://{}:{}".format(*served.address)
        served.command.fails(6, "health", url, says="certificate")
        assert served.command("health", "--insecure", url).returncode == 0


def test_a_redirect_is_no_answer_of_the_server_itself(served):
    """It could lead to one that lives."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def redirect():
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                place = "http://{}:{}/health".format(*served.address)
                connection.sendall(f"HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode())

        thread = threading.Thread(target=redirect)
        thread.start()
        served.command.fails(6, "health", "127.0.0.1:{}".format(listener.getsockname()[1]), says="status 302")
        thread.join()


def test_a_model_that_is_served_is_not_removed(tmp_path):
    model = tmp_path / "cache" / "models" / "small"
    shutil.copytree(MODELS / "bert-tiny", model)
    cache = {"NESTVEC_CACHE": str(tmp_path / "cache")}
    with Served(tmp_path, model="small", env=cache) as served:
        (entry,) = [path for path in (tmp_path / "cache").glob("small-*") if path.is_dir()]
        served.command.fails(1, "rm", "small", "--yes", env=cache, says=["small is in use", str(entry)])
        assert "in use" in served.command.ok("cache", env=cache)
        assert served.command.ok("cache", "prune", "--larger-than", "0", env=cache) == "nothing to remove\n"
        served.process.terminate()
        served.process.wait(60)
        assert str(entry) in served.command.ok("cache", "prune", "--larger-than", "0", env=cache)
        assert not entry.exists()
        served.command.ok("rm", "small", "--yes", env=cache)
        assert not model.exists()
