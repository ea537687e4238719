#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Loads a server with short, mixed and bulk requests and prints what its clients see.

    make bench-load                                   # starts `nestvec serve` on all-MiniLM-L6-v2
    python3 bench/load/load.py --url http://127.0.0.1:8080 --key "$KEY" --workloads short --concurrency 1,16
    python3 bench/load/load.py --model FOLDER --json results.json --report docs/performance.md

Workloads: short (a text of 5 to 20 tokens), mixed (a text of 4 to 256 tokens), bulk (32 texts of 100
tokens), beside (one bulk client against 16 interactive ones), overhead (what a request costs beyond
the engine). The routes are those of text-embeddings-inference, with vectors as JSON. Clients are
connections of this one process, which takes its share of the machine: the report says how much.
"""

import argparse
import asyncio
import contextlib
import datetime
import json
import os
import pathlib
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import client
import load_report
import workloads

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORKLOADS = ["short", "mixed", "bulk", "beside", "overhead"]
MOST_BULK_CLIENTS = 16  # more wait longer than the server lets anyone wait
INTERACTIVE_CLIENTS = 16
INTERACTIVE_PAUSE = 0.5
OVERHEAD_CALLS = 200
TIMINGS = ["tokenize", "queue", "compute", "total"]
Address = tuple[str, int]


def names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    server = parser.add_mutually_exclusive_group(required=True)
    server.add_argument("--url", help="a server that runs")
    server.add_argument("--model", help="start one with this model, on a free port")
    parser.add_argument("--nestvec", default=str(ROOT / "build/release/nestvec"), help="the command, for --model")
    parser.add_argument("--serve", type=shlex.split, default=[], metavar="FLAGS",
                        help="further flags of `nestvec serve`, in one argument: --serve='--precision int8'")
    parser.add_argument("--key", default="", help="API key")
    parser.add_argument("--workloads", type=names, default=WORKLOADS, metavar="NAME,...",
                        help=f"of {','.join(WORKLOADS)}")
    parser.add_argument("--concurrency", type=names, default=["1", "16", "64", "256"], metavar="N,...")
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement (10)")
    parser.add_argument("--warm-up", type=float, default=2, help="seconds before each (2)")
    parser.add_argument("--json", type=pathlib.Path, help="write the results there")
    parser.add_argument("--report", type=pathlib.Path, help="rewrite the block of this document")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.workloads) - set(WORKLOADS):
        parser.error(f"unknown workload: {', '.join(sorted(unknown))}; there are {', '.join(WORKLOADS)}")
    return chosen


@contextlib.contextmanager
def serving(arguments: argparse.Namespace) -> Iterator[tuple[Address, str]]:
    """The address of the server and what it says of itself; one that was started here ends with the block."""
    if arguments.url:
        parts = urlsplit(arguments.url)
        yield (parts.hostname or "127.0.0.1", parts.port or 80), arguments.url
        return
    command = [arguments.nestvec, "serve", "--model", arguments.model, "--http", "127.0.0.1:0", *arguments.serve]
    with (tempfile.TemporaryFile() as log,  # a line a request, as it is by default
          subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process):
        try:
            line = process.stdout.readline()
            if not line.startswith("nestvec: ready http://"):
                log.seek(0)
                raise SystemExit(f"the server did not start: {log.read().decode(errors='replace').strip()}")
            parts = urlsplit(line.split()[2])
            yield (parts.hostname, parts.port), line.removeprefix("nestvec: ready ").strip()
        finally:
            process.terminate()
            process.wait(60)


def cell(workload: str, clients: int, load: client.Load, own_share: float) -> dict[str, Any]:
    return {"workload": workload, "clients": clients, "texts_per_second": load.texts_per_second,
            "p50": load.percentile(0.5), "p99": load.percentile(0.99), "requests": len(load.latencies),
            "seconds": load.seconds, "failed": sum(load.failed.values()), "failed_by_status": load.failed, "client_cores": own_share}


def measure(address: Address, groups: list[client.Clients], arguments: argparse.Namespace
            ) -> tuple[list[client.Load], float]:
    """The loads and the cores that this process took."""
    wall, own = time.perf_counter(), time.process_time()
    loads = asyncio.run(client.run(address, groups, arguments.warm_up, arguments.seconds))
    for load in loads:
        if not load.latencies:
            raise SystemExit(f"no request was answered with vectors; answers by status: {load.failed}")
    return loads, (time.process_time() - own) / (time.perf_counter() - wall)


def plain_cells(address: Address, workload: str, arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    requests = workloads.requests_of(workload, arguments.key)
    for count in map(int, arguments.concurrency):
        if workload == "bulk" and count > MOST_BULK_CLIENTS:
            continue
        (load,), own = measure(address, [client.Clients(requests, count)], arguments)
        yield cell(workload, count, load, own)


def beside_cells(address: Address, arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    interactive = client.Clients(workloads.requests_of("short", arguments.key), INTERACTIVE_CLIENTS, INTERACTIVE_PAUSE)
    bulk = client.Clients(workloads.requests_of("bulk", arguments.key), 1)
    (alone,), own = measure(address, [interactive], arguments)
    yield cell("interactive, alone", INTERACTIVE_CLIENTS, alone, own)
    (first, second), own = measure(address, [interactive, bulk], arguments)
    yield cell("interactive, beside bulk", INTERACTIVE_CLIENTS, first, own)
    yield cell("bulk, beside interactive", 1, second, own)


async def timed(address: Address, request: client.Request, calls: int) -> list[dict[str, float]]:
    """Milliseconds of each call as its client and as the server saw it."""
    connection = await client.Connection.open(*address)
    rows = []
    for _ in range(calls + 3):
        start = time.perf_counter()
        answer = await connection.send(request)
        elapsed = (time.perf_counter() - start) * 1e3
        if answer.status != 200:
            raise SystemExit(f"status {answer.status}: {answer.body[:300]!r}")
        rows.append({"client": elapsed} | {name: float(answer.headers[f"x-nestvec-{name}-ms"]) for name in TIMINGS}
                    | {"tokens": float(answer.headers["x-nestvec-tokens"])})
    await connection.close()
    return rows[3:]


def overhead_rows(address: Address, arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Medians. `beyond` is what the client waited beyond the time of the engine."""
    short = workloads.short_texts(1)
    whole = workloads.bulk_texts(workloads.BUDGET // 128, 128)
    requests = {"one short text, /embed": workloads.embed(short, arguments.key),
                "one short text, base64": workloads.openai(short, "base64", arguments.key),
                "8,192 tokens, /embed": workloads.embed(whole, arguments.key),
                "8,192 tokens, base64": workloads.openai(whole, "base64", arguments.key)}
    for title, request in requests.items():
        calls = OVERHEAD_CALLS if request.texts == 1 else 5
        rows = asyncio.run(timed(address, request, calls))
        medians = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
        beyond = statistics.median(row["client"] - row["compute"] for row in rows)
        yield {"title": title, "texts": request.texts, "milliseconds": medians, "beyond": beyond,
               "share": beyond / medians["compute"]}


def cells(address: Address, arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    for workload in ("short", "mixed", "bulk"):
        if workload in arguments.workloads:
            yield from plain_cells(address, workload, arguments)
    if "beside" in arguments.workloads:
        yield from beside_cells(address, arguments)


def processor() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"


def main(arguments: list[str]) -> None:
    chosen = parse_arguments(arguments)
    results: dict[str, Any] = {"date": datetime.date.today().isoformat(), "cpu": processor(),
                               "cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0],
                               "seconds": chosen.seconds, "cells": [], "overhead": []}
    with serving(chosen) as (address, server):
        results["server"] = server
        for row in cells(address, chosen):
            print(f"{row['workload']:26} {row['clients']:4} clients: {row['texts_per_second']:8.1f} texts/s, "
                  f"p50 {row['p50'] * 1e3:8.1f} ms, p99 {row['p99'] * 1e3:8.1f} ms, {row['failed']} failed",
                  file=sys.stderr, flush=True)
            results["cells"].append(row)
        if "overhead" in chosen.workloads:
            results["overhead"] = list(overhead_rows(address, chosen))
    text = load_report.markdown(results)
    print(text)
    if chosen.json:
        chosen.json.write_text(json.dumps(results, indent=1) + "\n")
    if chosen.report:
        load_report.rewrite(chosen.report, text)


if __name__ == "__main__":
    main(sys.argv[1:])
