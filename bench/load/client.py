# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 over asyncio streams, as little of it as a load needs: keep-alive, no chunks."""

import asyncio
import dataclasses
import itertools
import json
import time
from collections.abc import Iterator
from typing import Any


@dataclasses.dataclass(frozen=True)
class Request:
    """A request as it goes over the wire, and how many texts it holds."""

    wire: bytes
    texts: int


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def post(path: str, body: Any, texts: int, key: str = "") -> Request:
    payload = json.dumps(body).encode()
    head = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", f"Content-Length: {len(payload)}"]
    if key:
        head.append(f"Authorization: Bearer {key}")
    return Request("\r\n".join([*head, "", ""]).encode() + payload, texts)


class Connection:
    """One keep-alive connection. It is for one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, host: str, port: int) -> "Connection":
        return cls(*await asyncio.open_connection(host, port))

    async def send(self, request: Request) -> Answer:
        self.writer.write(request.wire)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip()
                   for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await self.reader.readexactly(int(headers["content-length"]))
        return Answer(int(head[0].split(" ", 2)[1]), headers, body)

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


@dataclasses.dataclass
class Load:
    """What clients of one kind saw while the clock ran."""

    seconds: float = 0  # from the clock's begin to the last answer
    texts: int = 0
    failed: dict[int, int] = dataclasses.field(default_factory=dict)  # by status
    latencies: list[float] = dataclasses.field(default_factory=list)

    @property
    def texts_per_second(self) -> float:
        return self.texts / self.seconds

    def percentile(self, share: float) -> float:
        """Of the latencies in seconds, by nearest rank."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclasses.dataclass(frozen=True)
class Clients:
    """So many connections that send these requests in turn, each waiting for its answer, then for `pause` seconds."""

    requests: list[Request]
    count: int
    pause: float = 0


@dataclasses.dataclass(frozen=True)
class Clock:
    """What is answered after `begin` counts; no request starts after `end`, other than a first that counts."""

    begin: float
    end: float

    @classmethod
    def after(cls, warm_up: float, seconds: float) -> "Clock":
        begin = time.perf_counter() + warm_up
        return cls(begin, begin + seconds)


async def one_client(connection: Connection, requests: Iterator[Request], pause: float, clock: Clock,
                     load: Load) -> None:
    while (start := time.perf_counter()) < clock.end or not (load.latencies or load.failed):
        request = next(requests)
        answer = await connection.send(request)
        now = time.perf_counter()
        if now >= clock.begin:
            load.seconds = max(load.seconds, now - clock.begin)
            if answer.status == 200:
                load.texts += request.texts
                if start >= clock.begin:
                    load.latencies.append(now - start)
            else:
                load.failed[answer.status] = load.failed.get(answer.status, 0) + 1
        if answer.status == 429:
            await asyncio.sleep(min(1.0, float(answer.headers.get("retry-after", "1"))))
        elif pause:
            await asyncio.sleep(pause)


async def run(address: tuple[str, int], groups: list[Clients], warm_up: float, seconds: float) -> list[Load]:
    """All groups at once; one Load each."""
    loads = [Load() for _ in groups]
    pairs = [(group, load, index) for group, load in zip(groups, loads, strict=True) for index in range(group.count)]
    connections = [await Connection.open(*address) for _ in pairs]
    clock = Clock.after(warm_up, seconds)

    async def start(connection: Connection, group: Clients, load: Load, index: int) -> None:
        await asyncio.sleep(group.pause * index / group.count)  # not all at once
        shifted = group.requests[index % len(group.requests):] + group.requests[:index % len(group.requests)]
        await one_client(connection, itertools.cycle(shifted), group.pause, clock, load)

    try:
        await asyncio.gather(*(start(connection, *pair) for connection, pair in zip(connections, pairs, strict=True)))
    finally:
        for connection in connections:
            await connection.close()
    return loads
