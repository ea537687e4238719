#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Short texts behind a long one: what each takes alone and beside the other.

    scripts/make_synthetic_v3.py --out /tmp/v3 --size full --tokenizer PATH/tokenizer.json
    python3 bench/load/behind_long.py --model /tmp/v3 --rounds 5
    python3 bench/load/behind_long.py --model /tmp/v3 --nestvec OTHER/nestvec    # another version

One client sends texts of --tokens one after another (bulk, because they are long). Beside it others ask for a short text
every --pause seconds, answered or not. `long, alone` comes before and after, so that a machine that changes meanwhile is
seen; `all, beside` is from the first question to the last answer, and tells what the whole of it costs.
"""

import argparse
import asyncio
import json
import pathlib
import random
import statistics
import sys
import time

import client
import load
import workloads

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import tables  # noqa: E402


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--nestvec", default=str(load.ROOT / "build/release/nestvec"), help="the command")
    parser.add_argument("--tokens", type=int, default=8192, help="of a long text (8192)")
    parser.add_argument("--rounds", type=int, default=3, help="long texts of each kind (3)")
    parser.add_argument("--pause", type=float, default=0.25, help="seconds between short texts (0.25)")
    parser.add_argument("--json", type=pathlib.Path, help="write the results there")
    return parser.parse_args(arguments)


async def call(connection: client.Connection, request: client.Request) -> tuple[float, bytes]:
    start = time.perf_counter()
    answer = await connection.send(request)
    if answer.status != 200:
        raise SystemExit(f"status {answer.status}: {answer.body[:300]!r}")
    return time.perf_counter() - start, answer.body


async def calls(address: load.Address, request: client.Request, count: int) -> tuple[list[float], set[bytes]]:
    connection = await client.Connection.open(*address)
    results = [await call(connection, request) for _ in range(count)]
    await connection.close()
    return [seconds for seconds, _ in results], {body for _, body in results}


async def measure(address: load.Address, chosen: argparse.Namespace) -> dict[str, list[float]]:
    generator = random.Random(5)
    short = workloads.embed([workloads.text(16, generator)], "")
    long = workloads.embed([workloads.text(chosen.tokens, generator)], "")
    _, bodies = await calls(address, short, 5)  # to warm up
    seconds = {"short, alone": (await calls(address, short, 40))[0]}
    alone, vectors = await calls(address, long, chosen.rounds)
    start = time.perf_counter()
    beside = asyncio.create_task(calls(address, long, chosen.rounds))
    await asyncio.sleep(min(alone) / 20)  # until the first runs
    asked = []
    while not beside.done():  # whether or not the last one has been answered
        asked.append(asyncio.create_task(calls(address, short, 1)))
        await asyncio.sleep(chosen.pause)
    behind = [await one for one in asked]
    whole = time.perf_counter() - start
    again, more = await calls(address, long, chosen.rounds)
    if len(vectors | more | beside.result()[1]) > 1 or len(bodies.union(*(body for _, body in behind))) > 1:
        raise SystemExit("a text has another vector beside others")
    return seconds | {"short, behind": [took[0] for took, _ in behind], "long, alone": alone + again,
                      "long, beside": beside.result()[0], "all, beside": [whole]}


def markdown(seconds: dict[str, list[float]]) -> str:
    rows = [["text", "calls", "p50 ms", "p99 ms", "greatest ms"]]
    for name, taken in seconds.items():
        ordered = sorted(taken)
        p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
        rows.append([name, str(len(taken)),
                     *(f"{value * 1e3:,.0f}" for value in (statistics.median(taken), p99, ordered[-1]))])
    return tables.table(rows)


def main(arguments: list[str]) -> None:
    chosen = parse_arguments(arguments)
    chosen.url, chosen.serve = None, ["--request-seconds", "0", "--max-queue-seconds", "0"]
    with load.serving(chosen) as (address, about):
        seconds = asyncio.run(measure(address, chosen))
    print(f"{about}; {chosen.tokens} and 16 tokens\n\n{markdown(seconds)}")
    if chosen.json:
        chosen.json.write_text(json.dumps(seconds, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
