# SPDX-License-Identifier: Apache-2.0
"""Hostile clients, many at a time, each of another kind: hostile.py HOST PORT SECONDS CLIENTS [KEY].

A program of its own, so that what it costs is not taken from the honest client beside it. Half of the clients have the
key, where there is one: a customer may be hostile, too. It prints how often each kind was done."""

import contextlib
import gzip
import json
import random
import socket
import struct
import sys
import threading
import time
from collections import Counter

MIB = 1 << 20
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Hostile:
    def __init__(self, address, key, end, rng):
        self.address, self.key, self.end, self.rng = address, key, end, rng

    def over(self):
        return time.monotonic() >= self.end

    def wait(self, seconds):
        time.sleep(max(0, min(seconds, self.end - time.monotonic())))

    @contextlib.contextmanager
    def connection(self, timeout=10, receive=None):
        with socket.socket() as sock:
            if receive:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
            sock.settimeout(timeout)
            sock.connect(self.address)
            yield sock

    def head(self, path, length, *headers, method="POST"):
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json",
                 f"Content-Length: {length}", *headers]
        if self.key:
            lines.append(f"Authorization: Bearer {self.key}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def packed(self, path, body, *headers):
        data = gzip.compress(json.dumps(body).encode(), 9)
        return self.head(path, len(data), "Content-Encoding: gzip", *headers) + data

    def ask(self, request, seconds=5.0):
        """Sends, waits a while for an answer, and leaves."""
        with self.connection(timeout=seconds) as sock:
            sock.sendall(request)
            while sock.recv(1 << 16) and not self.over():
                pass

    # What is small to send and large to do.

    def blanks_by_tokens(self):
        text = self.rng.choice(["\ufe0f", "\u3164", "\u2060", "\u00ad", "\u2800"]) * 30_000
        self.ask(self.packed("/v1/embeddings", {"input": [text], "chunking": {"by": "tokens", "size": 1}}))

    def many_texts(self):
        self.ask(self.packed("/v1/embeddings", {"input": ["word " * 600] * 2048}))

    def late_chunks(self):
        self.ask(self.packed("/v1/embeddings", {"input": ["a " * 4 * MIB], "late_chunking": True,
                                                "chunking": {"by": "tokens", "size": 1}}))

    def vectors_of_all_tokens(self):
        self.ask(self.packed("/embed_all", {"inputs": ["a " * 9000] * 200}))

    def one_long_text(self):
        self.ask(self.packed("/embed", {"inputs": "word " * 8200}, "x-nestvec-priority: bulk"))

    def a_day_of_time(self):
        self.ask(self.packed("/embed", {"inputs": "hi"}, "x-request-timeout-ms: 86400000"), 0.5)

    # Who sends or reads slowly, or nothing.

    def body_that_drips(self):
        with self.connection() as sock:
            sock.sendall(self.head("/v1/embeddings", 32 * MIB))
            sock.sendall(b" " * (31 * MIB))
            while not self.over():
                sock.sendall(b" ")
                self.wait(1)

    def body_in_chunks(self):
        with self.connection() as sock:
            sock.sendall(self.head("/nowhere", 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"))
            for _ in range(31):
                sock.sendall(b"100000\r\n" + b" " * MIB + b"\r\n")
            self.wait(5)

    def head_that_drips(self):
        with self.connection() as sock:
            for byte in self.head("/embed", 10):
                sock.sendall(bytes([byte]))
                self.wait(0.2)

    def answer_not_read(self):
        with self.connection(receive=4096) as sock:
            sock.sendall(self.packed("/tokenize", {"inputs": "!" * (MIB - 10)}))
            self.wait(10)

    def silence(self):
        with self.connection() as sock:
            if self.rng.random() < 0.5:
                sock.sendall(PREFACE + frame(4, 0, 0))
            self.wait(10)

    def half_close(self):
        with self.connection() as sock:
            sock.sendall(self.packed("/embed", {"inputs": "hi"}))
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(1 << 16):
                pass

    def noise(self):
        self.ask(self.rng.randbytes(self.rng.randrange(1, 4000)), 1)

    # HTTP/2.

    def streams_without_acknowledgement(self):
        block = fields(b"/tei.v1.Info/Info")
        with self.connection() as sock:
            sock.sendall(PREFACE + frame(4, 0, 0))
            for first in range(1, 40_000, 400):
                sock.sendall(b"".join(frame(1, 4, stream, block) for stream in range(first, first + 400, 2)))

    def rapid_reset(self):
        block = fields(b"/tei.v1.Info/Info")
        with self.connection() as sock:
            sock.sendall(PREFACE + frame(4, 0, 0) + frame(4, 1, 0))
            for stream in range(1, 40_000, 2):
                sock.sendall(frame(1, 4, stream, block) + frame(3, 0, stream, struct.pack(">I", 8)))

    def endless_head(self):
        piece = b"\0\x01a" + b"\x7f\x80\x7e" + b"x" * 16_255
        with self.connection() as sock:
            sock.sendall(PREFACE + frame(4, 0, 0) + frame(1, 0, 1, fields(b"/")))
            for _ in range(2000):
                sock.sendall(frame(9, 0, 1, piece[:16_384]))

    def bodies_of_many_streams(self):
        block = fields(b"/tei.v1.Embed/EmbedStream", self.key)
        with self.connection() as sock:
            sock.sendall(PREFACE + frame(4, 0, 0) + frame(4, 1, 0))
            for stream in range(1, 81, 2):
                sock.sendall(frame(1, 4, stream, block) + frame(0, 0, stream, b"\0\x01\xff\xff\xff" + b"a" * 16_000))
            self.wait(5)


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def fields(path, key=None):
    pairs = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"localhost"),
             (b"content-type", b"application/grpc"), (b"te", b"trailers")]
    if key:
        pairs.append((b"authorization", b"Bearer " + key.encode()))
    return b"".join(b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in pairs)


KINDS = [name for name, value in vars(Hostile).items()
         if callable(value) and name not in ("__init__", "over", "wait", "connection", "head", "packed", "ask")]


def work(number, hostile, done):
    """All kinds in an order of its own, again and again."""
    kinds = KINDS[number % len(KINDS):] + KINDS[:number % len(KINDS)]
    while not hostile.over():
        for kind in kinds:
            if hostile.over():
                return
            with contextlib.suppress(OSError):
                getattr(hostile, kind)()
            done[kind] += 1


def main():
    host, port, seconds, clients, key = (*sys.argv[1:], None)[:5]
    end = time.monotonic() + float(seconds)
    done = Counter()
    threads = [threading.Thread(target=work, args=(
        number, Hostile((host, int(port)), key if number % 2 else None, end, random.Random(number)), done))
        for number in range(int(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(done, indent=1))


if __name__ == "__main__":
    main()
