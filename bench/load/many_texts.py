#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A request of many texts over HTTP beside the same call of the engine without a server.

    make bench-json                                    # 2,048 texts, all-MiniLM-L6-v2
    python3 bench/load/many_texts.py --model FOLDER --texts 2048 --tokens 100 --rounds 20

The engine is `nestvec bench --on-request`, the server `nestvec serve`; both hold the model and are called in turn, so
that what the machine does meanwhile strikes all of them. What is timed of a request is all of it, from the first byte
that the client sends to the last that it has received.
"""

import argparse
import asyncio
import json
import pathlib
import random
import statistics
import subprocess
import sys
import time
from typing import Any

import client
import load
import workloads

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import tables  # noqa: E402


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--nestvec", default=str(load.ROOT / "build/release/nestvec"), help="the command")
    parser.add_argument("--texts", type=int, default=2048, help="of a request (2048)")
    parser.add_argument("--tokens", type=int, default=0, help="of a text; 0, the default: 5 to 20")
    parser.add_argument("--rounds", type=int, default=10, help="calls of each kind (10)")
    parser.add_argument("--json", type=pathlib.Path, help="write the results there")
    return parser.parse_args(arguments)


class Engine:
    """`nestvec bench --on-request`: a call for each line."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.process = subprocess.Popen([arguments.nestvec, "bench", "--on-request", "--quiet", "--model",
                                         arguments.model], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.about = json.loads(self._line())

    def _line(self) -> str:
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("`nestvec bench` ended without an answer")
        return line

    def seconds(self, texts: list[str]) -> float:
        self.process.stdin.write(json.dumps({"texts": texts}) + "\n")
        self.process.stdin.flush()
        return json.loads(self._line())["seconds"][0]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(60)


async def request_seconds(address: load.Address, request: client.Request) -> float:
    connection = await client.Connection.open(*address)  # a new one: the engine may take longer than one may idle
    start = time.perf_counter()
    answer = await connection.send(request)
    seconds = time.perf_counter() - start
    await connection.close()
    if answer.status != 200:
        raise SystemExit(f"status {answer.status}: {answer.body[:300]!r}")
    return seconds


async def measure(engine: Engine, address: load.Address, texts: list[str], rounds: int) -> dict[str, list[float]]:
    requests = {"/embed, JSON numbers": workloads.embed(texts, ""),
                "/v1/embeddings, JSON numbers": workloads.openai(texts, "float", ""),
                "/v1/embeddings, base64": workloads.openai(texts, "base64", "")}
    seconds: dict[str, list[float]] = {name: [] for name in ("the engine alone", *requests)}
    for number in range(rounds + 1):
        row = {"the engine alone": engine.seconds(texts)}
        for name, request in requests.items():
            row[name] = await request_seconds(address, request)
        if number > 0:  # the first is to warm up
            for name, value in row.items():
                seconds[name].append(value)
    return seconds


def markdown(results: dict[str, Any]) -> str:
    alone = results["seconds"]["the engine alone"]
    rows = [["call", "median ms", "least ms", "against the engine"]]
    for name, seconds in results["seconds"].items():
        ratio = statistics.median(one / other for one, other in zip(seconds, alone, strict=True))
        rows.append([name, f"{statistics.median(seconds) * 1e3:,.1f}", f"{min(seconds) * 1e3:,.1f}", f"{ratio:.3f}"])
    about = results["engine"]
    return (f"{results['texts']:,} texts, {about['model']} in {about['precision']}, {about['threads']} threads, "
            f"{about['processor']}; {len(alone)} rounds. The ratio is the median of those of each round.\n\n"
            + tables.table(rows))


def main(arguments: list[str]) -> None:
    chosen = parse_arguments(arguments)
    texts = workloads.short_texts(chosen.texts)
    if chosen.tokens:
        generator = random.Random(4)
        texts = [workloads.text(chosen.tokens, generator) for _ in range(chosen.texts)]
    engine = Engine(chosen)
    chosen.url, chosen.serve = None, ["--max-inputs", str(max(chosen.texts, 2048))]
    with load.serving(chosen) as (address, _):
        seconds = asyncio.run(measure(engine, address, texts, chosen.rounds))
    results = {"engine": engine.about, "texts": chosen.texts, "tokens": chosen.tokens, "seconds": seconds}
    engine.close()
    print(markdown(results))
    if chosen.json:
        chosen.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
