# SPDX-License-Identifier: Apache-2.0
"""A running `nestvec serve`, and plain HTTP to it over any kind of socket."""

import http.client
import json
import pathlib
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import pytest  # noqa: E402
from command import MODELS, REPOSITORY, Command  # noqa: E402
from waiting import SECONDS, wait_until  # noqa: E402

V3 = MODELS / "v3-tiny"


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Connection(http.client.HTTPConnection):
    """HTTP over TCP, TLS or a Unix socket."""

    def __init__(self, address, timeout=SECONDS / 2, context=None):
        super().__init__("localhost", timeout=timeout)
        self.address, self.context = address, context

    def connect(self):
        if isinstance(self.address, str):
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(self.timeout)
            self.sock.connect(self.address)
        else:
            self.sock = socket.create_connection(self.address, self.timeout)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context:
            self.sock = self.context.wrap_socket(self.sock, server_hostname="localhost")

    def call(self, method, path, body=None, headers=None):
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        if body is not None:
            headers = {"Content-Type": "application/json", **(headers or {})}
        self.request(method, path, body, headers or {})
        answer = self.getresponse()
        return Reply(answer.status, answer.headers, answer.read())


class Served:
    """Starts the server and waits for its ready line. `log` is what it has written to stderr.

    As a context it is told to end and not waited for; `all_ended` does that for all of them."""

    _ending = []

    def __init__(self, home, *arguments, model=V3, env=None, http="127.0.0.1:0", **options):
        self.command = Command(home)
        self.model = model
        self.log_path = home / f"log-{time.monotonic_ns()}"
        with open(self.log_path, "wb") as log:
            named = () if model is None else ("--model", model)
            self.process = self.command.start("serve", *named, "--http", http, *arguments,
                                              env=env, stdout=subprocess.PIPE, stderr=log, **options)
        self.ready_line = self._line(SECONDS)
        found = re.match(r"nestvec: ready (\S+)", self.ready_line)
        assert found, (self.ready_line, self.log)
        self.url = found[1]
        self.context = None
        if self.url.startswith("unix:"):
            self.address = self.url[len("unix:"):]
        else:
            host, _, port = self.url.partition("://")[2].rpartition(":")
            self.address = (host.strip("[]"), int(port.partition("/")[0]))
        if self.url.startswith("https:"):
            self.context = ssl._create_unverified_context()

    def _line(self, seconds):
        readable, _, _ = select.select([self.process.stdout], [], [], seconds)
        line = self.process.stdout.readline().decode() if readable else ""
        if not line:
            self.process.kill()
            raise AssertionError("no ready line: " + self.log)
        return line.rstrip("\n")

    @property
    def log(self):
        return self.log_path.read_text()

    def wait_for_log(self, part, times=1):
        wait_until(lambda: self.log.count(part) >= times, lambda: f"{part!r} {times} times in the log:\n{self.log}")

    def connect(self, **options):
        return Connection(self.address, context=self.context, **options)

    def call(self, method, path, body=None, headers=None, **options):
        """One request on a connection of its own."""
        connection = self.connect(**options)
        try:
            return connection.call(method, path, body, headers)
        finally:
            connection.close()

    def embed(self, texts=("a",), headers=None, **fields):
        return self.call("POST", "/v1/embeddings", {"input": list(texts), **fields}, headers)

    def raw(self, timeout=SECONDS / 4):
        """A connected plain socket."""
        return socket.create_connection(self.address, timeout)

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=SECONDS):
        """The exit code."""
        return self.process.wait(seconds)

    def stop(self):
        """Ends the server and waits for it."""
        self.leave()
        self._end()

    def leave(self):
        """Tells the server to end."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            self._ending.append(self)
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.leave()

    def _end(self):
        if self in self._ending:
            self._ending.remove(self)
            try:
                assert self.wait() == 0, self.log
            finally:
                self.process.kill()
                self.process.wait()

    @classmethod
    def all_ended(cls):
        for served in list(cls._ending):
            served._end()

    def rss(self):
        """Resident bytes."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024


@pytest.fixture(scope="session", autouse=True)
def servers_end_well():
    """Import it into conftest.py: servers that were told to end have the exit code 0."""
    yield
    Served.all_ended()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A folder with cert.pem and key.pem, for localhost."""
    return make_certificate(tmp_path_factory.mktemp("tls"), "localhost")


def make_certificate(folder, name):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    return folder
