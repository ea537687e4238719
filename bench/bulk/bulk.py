#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures `nestvec embed --input` on one corpus: its rate beside the engine's own and other ways, and its memory.

    make bench-bulk                                   # 50,000 rows on all-MiniLM-L6-v2: an hour on two cores
    make bench-bulk ARGS="--rows 2000 --memory-rows 1000,10000 --peers none"
    make bench-bulk ARGS="--report docs/performance.md"
    make bench-bulk ARGS="--synthetic full --rows 500 --memory-rows none --batch 32"  # jina-embeddings-v3

The engine's own rate is that of `nestvec bench --on-request` for the same texts, in calls of 512. All run on the
same number of threads, in turns, and load their model outside of the time. Peers take part where the Python that runs
this has them (scripts/reference-venv.sh), and only while their vectors agree. jina-embeddings-v3 has random weights
and computes with the adapters of one task; sentence-transformers then computes without, and is not compared.
"""

import argparse
import datetime
import functools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
from typing import Any

import corpus

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "bench"), str(ROOT / "bench/engines")]
import tables  # noqa: E402

CALL = 512
PEERS = ["sentence-transformers", "padded"]
TITLES = {"engine": "nestvec, the engine alone", "bulk": "nestvec embed --input",
          "sentence-transformers": "sentence-transformers, encode()", "padded": "ONNX Runtime, padded batches"}


def names(text: str) -> list[str]:
    return [] if text == "none" else [name for name in text.split(",") if name]


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True, help="folder of all-MiniLM-L6-v2, or another")
    parser.add_argument("--synthetic", choices=["tiny", "small", "half", "full"],
                        help="jina-embeddings-v3 of this size in place of --model")
    parser.add_argument("--nestvec", default=str(ROOT / "build/release/nestvec"), help="the command")
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory-rows", type=lambda text: [int(rows) for rows in names(text)], metavar="N,...",
                        default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--memory-model", type=pathlib.Path, help="for the memory; a small one saves hours")
    parser.add_argument("--peers", type=names, default=PEERS, metavar="NAME,...")
    parser.add_argument("--batch", type=int, default=256, help="texts of a padded batch: more take more memory")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--documents", type=pathlib.Path, default="/usr/share/doc")
    parser.add_argument("--catalogues", type=pathlib.Path, help="folder with .po files, such as an installed Django")
    parser.add_argument("--store", type=pathlib.Path, default=ROOT / "build/bench-bulk", help="for the corpus")
    parser.add_argument("--json", type=pathlib.Path, help="write the results there")
    parser.add_argument("--report", type=pathlib.Path, help="rewrite the block of this document")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.peers) - set(PEERS):
        parser.error(f"unknown peer: {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    return chosen


class Bench:
    def __init__(self, options: argparse.Namespace, scratch: pathlib.Path):
        self.options, self.scratch = options, scratch
        self.texts: list[str] = []
        self.folder, self.task = options.model, "none"
        if options.synthetic:
            self.folder, self.task = self.forms.form("checkpoint"), self.forms.task

    @functools.cached_property
    def forms(self) -> Any:
        """The model as each peer takes it."""
        import models  # needs onnx
        store = ROOT / "build/bench-models"
        size = self.options.synthetic
        return models.V3(store, size) if size else models.MiniLM(store, self.options.model)

    def corpus(self, rows: int) -> pathlib.Path:
        """The first rows of the corpus; it is made where it is not there."""
        path = self.options.store / f"corpus-{rows}.jsonl"
        if not path.exists():
            if not self.texts:
                self.texts = corpus.texts_of(self.options.documents, self.options.catalogues)
                print(f"{len(self.texts):,} different texts", file=sys.stderr)
            self.options.store.mkdir(parents=True, exist_ok=True)
            corpus.write(path.with_suffix(".part"), self.texts, rows)
            path.with_suffix(".part").rename(path)
        return path

    def flags(self, model: pathlib.Path) -> list[str]:
        return ["--model", str(model), "--threads", str(self.options.threads), "-q"]

    def engine(self) -> dict[str, Any]:
        lines = self.corpus(self.options.rows).read_text(encoding="utf-8").splitlines()
        texts = [json.loads(line)["text"] for line in lines]
        requests = "".join(json.dumps({"texts": texts[first:first + CALL]}) + "\n"
                           for first in range(0, len(texts), CALL))
        done = subprocess.run([self.options.nestvec, "bench", "--on-request", *self.flags(self.folder),
                               "--task", self.task],
                              input=requests, text=True, capture_output=True, check=True)
        answers = [json.loads(line) for line in done.stdout.splitlines()[1:]]
        return {"seconds": sum(answer["seconds"][0] for answer in answers),
                "texts": sum(answer["texts"] for answer in answers),
                "tokens": sum(answer["tokens"] for answer in answers)}

    def embed(self, rows: int, model: pathlib.Path, task: str = "none") -> dict[str, Any]:
        output = self.scratch / f"{rows}.f32"
        command = [self.options.nestvec, "embed", *self.flags(model), "--input", str(self.corpus(rows)),
                   "--output", str(output), "--progress", "json", "--task", task]
        peak = self.scratch / "peak"
        run = subprocess.run([sys.executable, "-S", str(ROOT / "scripts/peak_memory.py"), str(peak), *command],
                             stderr=subprocess.PIPE, text=True)
        last = (run.stderr.splitlines() or [""])[-1]
        if run.returncode:
            raise SystemExit(f"{' '.join(command)}: exit code {run.returncode}: {last}")
        done = json.loads(last)
        with open(output, "rb") as file:
            head = file.read(8 * output.stat().st_size // rows)
        output.unlink()
        return {"seconds": done["seconds"], "texts": done["rows"], "tokens": done["tokens"],
                "peak_bytes": int(peak.read_text()), "head": head}

    def peer(self, name: str) -> dict[str, Any]:
        folder = self.forms.form("hf") if self.options.synthetic and name != "padded" else self.folder
        command = [sys.executable, str(ROOT / "bench/bulk/peers.py"), name, str(folder),
                   str(self.corpus(self.options.rows)), "--threads", str(self.options.threads),
                   "--longest", str(self.forms.longest)]
        if name == "padded":
            command += ["--graph", str(self.forms.form("folded") / "model.onnx"),
                        "--batch", str(self.options.batch)]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def compares(self, name: str) -> bool:
        return name == "padded" or not self.options.synthetic

    def run(self, name: str) -> dict[str, Any]:
        if name == "engine":
            return self.engine()
        return self.embed(self.options.rows, self.folder, self.task) if name == "bulk" else self.peer(name)


def least_cosine(head: bytes, vectors: list[list[float]]) -> float:
    width = len(vectors[0])
    ours = memoryview(head).cast("f")
    rows = [ours[first:first + width] for first in range(0, len(ours), width)]
    return min(sum(a * b for a, b in zip(row, vector)) for row, vector in zip(rows, vectors))


def measure(bench: Bench) -> dict[str, Any]:
    chosen = ["engine", "bulk", *bench.options.peers]
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in chosen}
    head = b""
    for number in range(bench.options.rounds):
        for name in chosen:
            run = bench.run(name)
            head = run.pop("head", head)
            vectors = run.pop("vectors", None)
            if vectors and bench.compares(name) and (cosine := least_cosine(head, vectors)) < 0.9999:
                raise SystemExit(f"{name} computes other vectors: cosine {cosine:.6f}")
            runs[name].append(run)
            print(f"round {number + 1}: {name}: {run['texts'] / run['seconds']:,.0f} texts/s", file=sys.stderr)
    return runs


def memory(bench: Bench) -> list[dict[str, Any]]:
    model = bench.options.memory_model or bench.folder
    rows = []
    for count in bench.options.memory_rows:
        run = bench.embed(count, model)
        del run["head"]
        rows.append({"rows": count, "model": model.name, **run})
        print(f"{count:,} rows: {run['peak_bytes'] / 2**20:,.0f} MiB", file=sys.stderr)
    return rows


def rate_table(results: dict[str, Any]) -> str:
    tokens = results["runs"]["bulk"][0]["tokens"]
    rows = [["way", "texts/s", "rounds, texts/s", "tokens/s", "time of nestvec embed --input"]]
    for name, runs in results["runs"].items():
        rates = sorted(run["texts"] / run["seconds"] for run in runs)
        shares = [run["seconds"] / own["seconds"] for run, own in zip(runs, results["runs"]["bulk"])]
        middle = statistics.median(rates)
        title = TITLES[name] + (f" of {results['batch']}" if name == "padded" else "")
        rows.append([title, f"{middle:,.0f}", f"{rates[0]:,.0f} ... {rates[-1]:,.0f}",
                     f"{middle * tokens / runs[0]['texts']:,.0f}", f"{statistics.median(shares):.2f}"])
    return tables.table(rows)


def memory_table(results: dict[str, Any]) -> str:
    rows = [["rows", "model", "peak MiB", "seconds", "texts/s"]]
    for row in results["memory"]:
        rows.append([f"{row['rows']:,}", row["model"], f"{row['peak_bytes'] / 2**20:,.0f}", f"{row['seconds']:,.1f}",
                     f"{row['texts'] / row['seconds']:,.0f}"])
    return tables.table(rows)


def markdown(results: dict[str, Any]) -> str:
    bulk = results["runs"]["bulk"][0]
    share = statistics.median(engine["seconds"] / own["seconds"] * own["texts"] / engine["texts"]
                              for engine, own in zip(results["runs"]["engine"], results["runs"]["bulk"]))
    return (f"## Files to vectors\n\n    make bench-bulk\n\n{results['processor']}, "
            f"{results['threads']} threads; {results['date']}; {results['version']}; {results['model']}. "
            f"{bulk['texts']:,} rows of {bulk['tokens'] / bulk['texts']:.0f} tokens in the mean, "
            f"{results['rounds']} round{'s' if results['rounds'] > 1 else ''} in turns.\n\n{rate_table(results)}\n"
            f"`nestvec embed --input` has {share:.1%} of the engine's own rate (median of the rounds).\n\n"
            f"{memory_table(results)}")


def facts(options: argparse.Namespace) -> dict[str, Any]:
    version = subprocess.run([options.nestvec, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    processor = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                      if line.startswith("model name")), "unknown processor")
    return {"version": version, "processor": processor, "threads": options.threads, "rounds": options.rounds,
            "batch": options.batch, "date": datetime.date.today().isoformat()}


def main() -> None:
    options = parse_arguments(sys.argv[1:])
    with tempfile.TemporaryDirectory(dir=options.store.parent if options.store.parent.exists() else None) as scratch:
        bench = Bench(options, pathlib.Path(scratch))
        title = bench.forms.title if options.peers or options.synthetic else options.model.name
        results = {**facts(options), "model": title, "runs": measure(bench), "memory": memory(bench)}
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    text = markdown(results)
    print(text)
    if options.report:
        tables.rewrite(options.report, "bench-bulk", text)


if __name__ == "__main__":
    main()
