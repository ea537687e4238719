#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small model beside large ones in one server: what a short text waits, and what all of them hold in memory.

    python3 bench/load/behind_other_model.py --small FOLDER --embedder FOLDER --reranker FOLDER --seconds 15

Clients of the small model each ask for a text of 16 tokens every --pause seconds. A client of the embedder sends 32 texts of 100
tokens, one of the reranker a query with 20 documents of 100 tokens, each again as soon as it has the answer. The table has the
small model alone in its server, alone in the server of all, and beside each of the others. The plan is what the server would
refuse with a budget of 1 MiB; resident and proportional memory (RSS, PSS) are sampled while it works.
"""

import argparse
import asyncio
import contextlib
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any

import client
import load
import workloads

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
import tables  # noqa: E402

SMALL_CLIENTS = 8


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", required=True, help="folder of the small model, which embeds")
    parser.add_argument("--embedder", help="folder of a large one that embeds")
    parser.add_argument("--reranker", help="folder of a large one that ranks")
    parser.add_argument("--precision", default="bf16", help="of the large ones (bf16)")
    parser.add_argument("--nestvec", default=str(load.ROOT / "build/release/nestvec"), help="the command")
    parser.add_argument("--pause", type=float, default=0.25, help="seconds between short texts of a client (0.25)")
    parser.add_argument("--warm-up", type=float, default=2, help="seconds before each measurement (2)")
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement (10)")
    parser.add_argument("--json", type=pathlib.Path, help="write the results there")
    chosen = parser.parse_args(arguments)
    if not (chosen.embedder or chosen.reranker):
        parser.error("expected --embedder, --reranker or both")
    return chosen


def configuration(chosen: argparse.Namespace, names: list[str]) -> str:
    """YAML is JSON, too."""
    items = [{"repo_id": str(pathlib.Path(getattr(chosen, name)).resolve()), "name": name,
              "precision": "auto" if name == "small" else chosen.precision} for name in names]
    return json.dumps({"models": items})


class Memory:
    """The most that a process held while it was watched."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.folder = pathlib.Path(f"/proc/{process.pid}")
        self.rss = self.pss = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self) -> None:
        while not self.over.wait(0.5):
            found = dict(re.findall(r"^(Rss|Pss): +(\d+) kB", (self.folder / "smaps_rollup").read_text(), re.M))
            self.rss = max(self.rss, int(found["Rss"]) * 1024)
            self.pss = max(self.pss, int(found["Pss"]) * 1024)

    def __enter__(self) -> "Memory":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()


@contextlib.contextmanager
def serving(chosen: argparse.Namespace, names: list[str]) -> Iterator[tuple[load.Address, Memory, str]]:
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "config.yaml"
        config.write_text(configuration(chosen, names))
        command = [chosen.nestvec, "serve", "--config", str(config), "--http", "127.0.0.1:0", "--max-queue-seconds", "0"]
        refused = subprocess.run([*command, "--cpu-memory", "1Mi"], capture_output=True, text=True)
        plan = re.search(r"weights \d[^;=]*= [\d.]+ [MG]iB", refused.stderr)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            try:
                line = process.stdout.readline()
                if not line.startswith("nestvec: ready http://"):
                    raise SystemExit("the server did not start")
                host, port = line.split()[2].removeprefix("http://").rsplit(":", 1)
                with Memory(process) as memory:
                    yield (host, int(port)), memory, plan.group(0) if plan else refused.stderr.strip()[-300:]
            finally:
                process.terminate()
                process.wait(60)


def clients_of(name: str, pause: float) -> client.Clients:
    generator = random.Random(7)
    texts = [workloads.text(16 if name == "small" else 100, generator) for _ in range(128)]
    if name == "small":
        return client.Clients([client.post("/embed", {"inputs": text, "model": name}, 1) for text in texts], SMALL_CLIENTS, pause)
    if name == "embedder":
        return client.Clients([client.post("/embed", {"inputs": texts[first:first + 32], "model": name}, 32)
                               for first in range(0, len(texts), 32)], 1)
    body = {"query": texts[0], "documents": texts[:20], "model": name}
    return client.Clients([client.post("/v1/rerank", body, 20)], 1)


def measure(address: load.Address, title: str, names: list[str], chosen: argparse.Namespace) -> Iterator[dict[str, Any]]:
    groups = [clients_of(name, chosen.pause) for name in names]
    for name, seen in zip(names, asyncio.run(client.run(address, groups, chosen.warm_up, chosen.seconds)), strict=True):
        if not seen.latencies or seen.failed:
            raise SystemExit(f"{name}: answers by status: {seen.failed}")
        row = {"server": title, "loads": names, "model": name, "texts_per_second": seen.texts_per_second,
               "calls": len(seen.latencies), "p50": seen.percentile(0.5), "p99": seen.percentile(0.99)}
        print(f"{title}: {name} of {names}: {row['texts_per_second']:.1f} texts/s, p50 {row['p50'] * 1e3:.1f}, "
              f"p99 {row['p99'] * 1e3:.1f} ms", file=sys.stderr, flush=True)
        yield row


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    large = [name for name in ("embedder", "reranker") if getattr(chosen, name)]
    results: dict[str, Any] = {"date": time.strftime("%Y-%m-%d"), "cpu": load.processor(), "rows": [], "memory": []}
    for title, names in (("small model alone", ["small"]), ("all models", [*large, "small"])):
        loads = [["small"]] if names == ["small"] else [["small"], *([name, "small"] for name in large), large,
                                                        *([[*large, "small"]] if len(large) > 1 else [])]
        with serving(chosen, names) as (address, memory, plan):
            for together in loads:
                results["rows"] += measure(address, title, together, chosen)
        results["memory"].append({"server": title, "plan": plan, "rss": memory.rss, "pss": memory.pss})
    return results


def markdown(results: dict[str, Any]) -> str:
    rows = [["server, and who is asked", "texts/s", "calls", "p50 ms", "p99 ms"]]
    for row in results["rows"]:
        others = [name for name in row["loads"] if name != row["model"]]
        title = f"{row['server']}: {row['model']}" + (f", beside {' and '.join(others)}" if others else "")
        rows.append([title, f"{row['texts_per_second']:,.1f}", str(row["calls"]), f"{row['p50'] * 1e3:,.1f}", f"{row['p99'] * 1e3:,.1f}"])
    held = [["server", "plan", "resident MiB", "proportional MiB"]]
    held += [[row["server"], row["plan"], *(f"{row[key] / 2**20:,.0f}" for key in ("rss", "pss"))] for row in results["memory"]]
    return f"{results['cpu']}; {results['date']}\n\n{tables.table(rows)}\n{tables.table(held)}"


def main(arguments: list[str]) -> None:
    chosen = parse_arguments(arguments)
    results = run(chosen)
    print(markdown(results))
    if chosen.json:
        chosen.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
