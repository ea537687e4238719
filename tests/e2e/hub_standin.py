# SPDX-License-Identifier: Apache-2.0
"""A Hugging Face hub on loopback for the tests of `nestvec pull`.

It serves models with the routes and headers of the real one (list of files, tree, resolve with
redirects of large files to a second server under another host name) and misbehaves on request:
cuts connections, sends wrong bytes, stalls, refuses ranges, answers with any status.
"""

import dataclasses
import hashlib
import http.server
import json
import threading
import time
import urllib.parse


def git_blob_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclasses.dataclass
class Fault:
    """What one request for a file meets instead of a good answer; the next request meets the next."""

    status: int = 0  # an error status instead of the file
    headers: dict = dataclasses.field(default_factory=dict)
    cut_after: int = -1  # close the connection after so many bytes of the body
    stall_after: int = -1  # send so many bytes, then nothing for `stall_s`
    stall_s: float = 5.0
    wrong_bytes: bool = False  # the right length, another content
    content: bytes | None = None  # this instead of the file
    chunked_end: bool = False  # no Content-Length: a cut looks like a good end


@dataclasses.dataclass
class Model:
    files: dict  # path -> bytes
    lfs: set = dataclasses.field(default_factory=set)  # paths that lie in LFS
    card: dict | None = None
    tags: list = dataclasses.field(default_factory=list)
    token: str | None = None  # needed to read anything (private)
    gated_token: str | None = None  # needed to read files
    revisions: dict = dataclasses.field(default_factory=dict)  # names besides main -> commit
    tells_blobs: bool = True  # knows ?blobs=true
    raw_info: bytes | None = None  # this instead of the list of files

    @property
    def commit(self) -> str:
        parts = sorted((path, git_blob_sha1(content)) for path, content in self.files.items())
        return hashlib.sha1(json.dumps(parts).encode()).hexdigest()

    def resolves(self, revision: str) -> bool:
        return revision in ("main", self.commit) or revision in self.revisions

    def etag(self, path: str) -> str:
        content = self.files[path]
        return sha256(content) if path in self.lfs else git_blob_sha1(content)

    def siblings(self, blobs: bool) -> list:
        entries = []
        for path, content in self.files.items():
            entry = {"rfilename": path}
            if blobs and self.tells_blobs:
                entry["size"] = len(content)
                entry["blobId"] = git_blob_sha1(content)
                if path in self.lfs:
                    pointer = b"version 1\noid sha256:%s\n" % sha256(content).encode()
                    entry["blobId"] = git_blob_sha1(pointer)
                    entry["lfs"] = {"sha256": sha256(content), "size": len(content),
                                    "pointerSize": len(pointer)}
            entries.append(entry)
        return entries

    def tree(self) -> list:
        entries = []
        for path, content in self.files.items():
            entry = {"type": "file", "path": path, "size": len(content),
                     "oid": git_blob_sha1(content)}
            if path in self.lfs:
                entry["lfs"] = {"oid": sha256(content), "size": len(content), "pointerSize": 100}
            entries.append(entry)
        return entries


@dataclasses.dataclass
class Request:
    server: str  # "hub" or "cdn"
    method: str
    path: str
    headers: dict
    time: float


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "standin"

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        hub = self.server.hub
        target = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(target.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        is_file = not path.startswith("/api/")
        with hub.lock:
            hub.requests.append(
                Request(self.server.role, self.command, self.path, headers, time.monotonic()))
            hub.active += is_file
            hub.most_active = max(hub.most_active, hub.active)
            if is_file:
                hub.wait_for_crowd()
        try:
            if self.server.role == "cdn":
                self.send_file(hub.cdn_files[path.lstrip("/")])
            elif path.startswith("/api/models/"):
                self.send_info(path.removeprefix("/api/models/"), target.query)
            else:
                self.send_resolved(path.lstrip("/"))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with hub.lock:
                hub.active -= is_file

    def send_bytes(self, status: int, body: bytes, headers: dict):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error_code(self, status: int, code: str, message: str, headers: dict | None = None):
        headers = {"X-Error-Message": message, "Content-Type": "application/json", **(headers or {})}
        if code:
            headers["X-Error-Code"] = code
        self.send_bytes(status, json.dumps({"error": message}).encode(), headers)

    def has_token(self, token: str | None) -> bool:
        return token is None or self.headers.get("Authorization") == f"Bearer {token}"

    def find_model(self, name: str) -> "Model | None":
        """The model, or None after an answer that there is none to be had."""
        model = self.server.hub.models.get(name)
        if model is not None and self.has_token(model.token):
            return model
        given = self.headers.get("Authorization", "")
        if given and given.removeprefix("Bearer ") not in self.server.hub.valid_tokens():
            self.send_error_code(
                401, "", f"Invalid credentials in Authorization header: {given}")
        elif given:
            self.send_error_code(404, "RepoNotFound", "Repository not found")
        else:
            self.send_error_code(401, "RepoNotFound", "Repository not found")
        return None

    def send_fault(self, fault: Fault) -> bool:
        if not fault.status:
            return False
        self.send_error_code(fault.status, fault.headers.get("X-Error-Code", ""),
                             "as the test wants it",
                             {k: v for k, v in fault.headers.items() if k != "X-Error-Code"})
        return True

    def send_info(self, rest: str, query: str):
        hub = self.server.hub
        for old, new in hub.renamed.items():
            if rest.startswith(old + "/"):
                self.send_bytes(307, b"", {"Location": f"/api/models/{new}{rest[len(old):]}?{query}"})
                return
        if self.send_fault(hub.next_fault("info")):
            return
        kind = "tree" if "/tree/" in rest else "revision"
        name, _, revision = rest.partition(f"/{kind}/")
        model = self.find_model(name)
        if model is None:
            return
        if revision and not model.resolves(revision):
            self.send_error_code(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return
        body = {"id": name, "sha": model.commit, "tags": model.tags, "cardData": model.card,
                "siblings": model.siblings("blobs=true" in query)}
        if kind == "tree":
            body = model.tree()
        self.send_bytes(200, model.raw_info or json.dumps(body).encode(),
                        {"Content-Type": "application/json"})

    def send_resolved(self, rest: str):
        hub = self.server.hub
        name, _, rest = rest.partition("/resolve/")
        revision, _, path = rest.partition("/")
        model = self.find_model(name)
        if model is None:
            return
        if not self.has_token(model.gated_token):
            status = 403 if self.headers.get("Authorization") else 401
            self.send_error_code(status, "GatedRepo", f"Access to model {name} is restricted")
        elif not model.resolves(revision):
            self.send_error_code(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        elif path not in model.files or path in hub.lost_files:
            self.send_error_code(404, "EntryNotFound", "Entry not found")
        elif path in model.lfs:
            content = model.files[path]
            key = f"cdn/{sha256(content)}"
            hub.cdn_files[key] = (path, content)
            headers = {"Location": f"{hub.cdn_url}/{key}?signature=secret-signature",
                       "X-Repo-Commit": model.commit, "X-Linked-Size": str(len(content)),
                       "X-Linked-Etag": f'"{hub.linked_etags.get(path, sha256(content))}"'}
            if hub.redirects:
                self.send_bytes(302, b"", headers)
            else:
                del headers["Location"]
                self.send_file((path, content), headers)
        else:
            self.send_file((path, model.files[path]),
                           {"ETag": f'"{model.etag(path)}"', "X-Repo-Commit": model.commit})

    def send_file(self, path_and_content: tuple, headers: dict | None = None):
        hub = self.server.hub
        path, content = path_and_content
        fault = hub.next_fault(path) if self.command == "GET" else Fault()
        if self.send_fault(fault):
            return
        if fault.content is not None:
            content = fault.content
        if fault.wrong_bytes:
            content = bytes(byte ^ 0x55 for byte in content)
        status = 200
        headers = dict(headers or {})
        start = self.range_start() if hub.ranges else 0
        if start > 0:
            if start >= len(content):
                self.send_bytes(416, b"", {"Content-Range": f"bytes */{len(content)}"})
                return
            status = 206
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self.send_body(status, content[start:], headers, fault)

    def send_body(self, status: int, body: bytes, headers: dict, fault: Fault):
        hub = self.server.hub
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if fault.chunked_end:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault.cut_after >= 0 or fault.chunked_end:
            self.wfile.write(body[:fault.cut_after] if fault.cut_after >= 0 else body)
            self.wfile.flush()
            self.close_connection = True
            return
        if fault.stall_after >= 0:
            self.wfile.write(body[:fault.stall_after])
            self.wfile.flush()
            hub.closing.wait(fault.stall_s)
            self.close_connection = True
            return
        step = 1 << 16
        for at in range(0, len(body), step):
            self.wfile.write(body[at:at + step])
            if hub.delay_s:
                self.wfile.flush()
                hub.closing.wait(hub.delay_s)

    def range_start(self) -> int:
        value = self.headers.get("Range", "")
        if not value.startswith("bytes="):
            return 0
        return int(value.removeprefix("bytes=").partition("-")[0])


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that a test has killed


class HubStandin:
    """Start with `with HubStandin() as hub:`; the hub is 127.0.0.1, its file store localhost."""

    def __init__(self):
        self.models = {}
        self.renamed = {}
        self.faults = {}  # path of a file, or "info" -> list of Fault
        self.linked_etags = {}  # path -> a wrong X-Linked-Etag
        self.lost_files = set()  # listed, but 404
        self.redirects = True
        self.ranges = True
        self.delay_s = 0.0  # after each 64 KiB
        self.requests = []
        self.active = 0
        self.most_active = 0
        self.crowd = 0  # the first files wait until so many are asked for, and a little for more
        self.lock = threading.Condition()
        self.closing = threading.Event()
        self.cdn_files = {}
        self.servers = []
        for role in ("hub", "cdn"):
            server = Server(("127.0.0.1", 0), Handler)
            server.role = role
            server.hub = self
            self.servers.append(server)
        self.url = f"http://127.0.0.1:{self.servers[0].server_address[1]}"
        self.cdn_url = f"http://localhost:{self.servers[1].server_address[1]}"

    def __enter__(self):
        for server in self.servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *args):
        self.closing.set()
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def valid_tokens(self) -> set:
        return {token for model in self.models.values()
                for token in (model.token, model.gated_token) if token} | {"hf_other_account"}

    def wait_for_crowd(self):
        """With the lock held."""
        self.lock.notify_all()
        if self.crowd:
            self.lock.wait_for(lambda: self.most_active >= self.crowd, 60)
            self.lock.wait_for(lambda: self.most_active > self.crowd, 0.5)
            self.crowd = 0

    def next_fault(self, key: str) -> Fault:
        with self.lock:
            waiting = self.faults.get(key)
            return waiting.pop(0) if waiting else Fault()

    def file_requests(self, method: str = "GET") -> list:
        """Requests for bytes, redirects apart: those to the hub for small files, to the store for LFS."""
        return [r for r in self.requests
                if r.method == method and not r.path.startswith("/api/")]

    def info_requests(self) -> list:
        return [r for r in self.requests if "/api/models/" in r.path]
